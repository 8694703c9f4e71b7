#!/usr/bin/env bash
# Checks what a reader should not have to: formatting, vet, staticcheck and who
# imports whom (.golangci.yml), shell and Python scripts, and that nothing is
# committed that has no place in a repository.
# shellcheck disable=SC2317 # the checks are called by name
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

golangci=github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.11.4
status=0

# check TEXT COMMAND…: says what is checked, remembers a failure, goes on.
check() {
  echo "==> $1"
  shift
  "$@" || status=1
}

# tool PACKAGE@VERSION prints the path of a tool built into build/tools. A tool
# needs no C library, so it is built without the flags of this project.
tool() {
  local path
  path=$PWD/build/tools/$(basename "${1%@*}")-${1##*@}
  if [ ! -x "$path" ]; then
    (GOFLAGS='' CGO_ENABLED=0 GOBIN=$PWD/build/tools/new scripts/step "Building ${1##*/} (minutes the first time)" go install "$1") >&2 || return
    mv "build/tools/new/$(basename "${1%@*}")" "$path"
  fi
  echo "$path"
}

shell_scripts() { git ls-files -z | xargs -0 grep -lIE '^#!.*(ba)?sh$' | xargs shellcheck; }
python_compiles() {
  git ls-files '*.py' | xargs -r python3 -c '
import ast, sys
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as f:
        ast.parse(f.read(), path)'
}
# Tests wait on conditions, or in the made-up time of testing/synctest.
no_real_sleeps() {
  local files
  files=$(git grep -l 'time\.Sleep' -- '*_test.go' | xargs -r grep -L '"testing/synctest"')
  [ -z "$files" ] || { printf 'Tests that sleep outside a synctest bubble:\n%s\n' "$files"; return 1; }
}
# A stray binary, picture or database weighs on every clone for ever.
no_large_files() {
  local large
  large=$(git ls-files -z ':!models/*.onnx' | xargs -0 -r du --apparent-size -b | awk '$1 > 3500000 { print "  " $2 " (" $1 " bytes)" }')
  [ -z "$large" ] || { printf 'Files over 3.5 MB:\n%s\n' "$large"; return 1; }
}

page_lints() {
  local biome
  biome=$(scripts/fetch-web-tools.sh biome) && (cd console && "$biome" lint --error-on-warnings)
}

# A title that does not fit a line of `git log --oneline` is not read.
titles_fit() {
  local since=d48cb77bac25 long
  git cat-file -e "$since" 2>/dev/null || since=HEAD
  long=$(git log --format=%s "$since.." | awk 'length > 72')
  [ -z "$long" ] || { printf 'Commit titles over 72 characters:\n%s\n' "$long"; return 1; }
}

linter=$(tool "$golangci") || exit 1
check "Go: formatting, vet, staticcheck, imports" "$linter" run --allow-parallel-runners ./...
check "Shell scripts: shellcheck" shell_scripts
check "The officer's page: biome" page_lints
check "Python scripts parse" python_compiles
check "Training: ruff, mypy" scripts/lint-training.sh
check "No test sleeps" no_real_sleeps
check "Nothing large is committed" no_large_files
check "Commit titles fit a line" titles_fit
exit $status
