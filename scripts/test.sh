#!/usr/bin/env bash
# Runs every test of the module, with the race detector wherever no C++ library
# does the work (there it would watch only the thin Go around it, and compiling
# OpenCV's bindings twice costs more than it tells). Arguments go to go test.
# Ends in one line for all of it: "N passed, N failed".
set -euo pipefail
cd "$(dirname "$0")/.."

gotestsum=gotest.tools/gotestsum@v1.13.0
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT

# reach says for each package's tests whether they link OpenCV or ONNX Runtime.
reach() {
  # shellcheck disable=SC2016 # Go's template language, not the shell's
  go list -test -f '{{if eq .Name "main"}}{{$n := "go"}}
    {{- range .Deps}}{{if or (eq . "gocv.io/x/gocv") (eq . "github.com/yalue/onnxruntime_go")}}{{$n = "native"}}{{end}}{{end}}
    {{- $n}} {{.ImportPath}}{{end}}' ./... | sed -n 's/^\([a-z]*\) \(.*\)\.test$/\1 \2/p'
}

# suite NAME PACKAGES FLAGS…: one run; its events are kept for the count.
suite() {
  local name=$1 packages=$2
  shift 2
  [ -n "$packages" ] || return 0
  # shellcheck disable=SC2086 # one word a package
  go run "$gotestsum" --format pkgname --format-hide-empty-pkg --jsonfile "$results/$name.json" \
    -- -timeout 10m "$@" $packages
}

# count prints the closing line: tests and subtests, and a package that failed
# without a failing test (it did not compile, it ran out of time) as one failure.
count() {
  cat "$results"/*.json | awk '
    { test = /"Test":"/; pkg = $0; sub(/.*"Package":"/, "", pkg); sub(/".*/, "", pkg) }
    test && /"Action":"pass"/ { passed++ }
    test && /"Action":"skip"/ { skipped++ }
    test && /"Action":"fail"/ { failed++; told[pkg] = 1 }
    !test && /"Action":"fail"/ { broken[pkg] = 1 }
    END {
      for (p in broken) if (!told[p]) failed++
      printf "%d passed, %d failed", passed, failed
      if (skipped) printf ", %d skipped", skipped
      print ""
    }'
}

# training runs the Python tests that need no torch, and counts them as the others are.
training() {
  local log=$results/training.log
  if scripts/test-training.sh 2>&1 | tee "$log"; then
    seq "$(sed -n 's/^Ran \([0-9]*\) tests.*/\1/p' "$log")" | sed 's/.*/{"Action":"pass","Package":"training","Test":"&"}/'
  else
    echo '{"Action":"fail","Package":"training","Test":"training"}'
    return 1
  fi >"$results/training.json"
}

scripts/fetch-web-tools.sh axe # the page's tests look for it
packages=$(reach)
of() { sed -n "s/^$1 //p" <<<"$packages"; }
status=0
suite go "$(of go)" -race "$@" || status=1
suite native "$(of native)" "$@" || status=1
training || status=1
count
exit $status
