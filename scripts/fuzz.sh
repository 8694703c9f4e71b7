#!/usr/bin/env bash
# fuzz.sh TIME: runs every fuzz target of the module for TIME, one after the
# other; stops at the first input that fails, which go test has then saved in
# the package's testdata/fuzz: commit it with the repair. New inputs are made
# smaller a few times only: left alone, go test spends all of TIME on that.
set -euo pipefail
cd "$(dirname "$0")/.."

time=${1:?usage: fuzz.sh TIME, for example 30s}
git grep -lE '^func Fuzz[A-Z]' -- '*_test.go' | xargs -r -n 1 dirname | sort -u | while read -r dir; do
  grep -hoE '^func Fuzz[A-Za-z0-9_]+' "$dir"/*_test.go | sed 's/^func //' | while read -r target; do
    echo "==> ./$dir $target"
    go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 20x "./$dir" </dev/null
  done
done
