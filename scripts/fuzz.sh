#!/usr/bin/env bash
# fuzz.sh TIME [-j N] [-t TOTAL] [PATTERN]: runs every fuzz target of the module
# whose package and name match PATTERN (extended regular expression, "./gps
# FuzzRecording" for example), each for TIME. N targets run at a time, on one
# processor each (1 where -j is left out, then with all processors). With TOTAL,
# for example 20m, TIME is what is left of it, shared out evenly; give TIME as -.
#
# An input that fails is saved by go test in the package's testdata/fuzz: commit
# it with the repair. The other targets go on; the exit code is 1. New inputs are
# made smaller a few times only: left alone, go test spends all of TIME on that.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() { sed -n '2,11s/^# \{0,1\}//p' "$0" >&2; exit 2; }
[ $# -ge 1 ] || usage
time=$1 jobs=1 total='' pattern=.; shift
while [ $# -gt 0 ]; do
  case $1 in
    -j) jobs=${2:?}; shift 2 ;;
    -t) total=${2:?}; shift 2 ;;
    -*) usage ;;
    *) pattern=$1; shift ;;
  esac
done
seconds() { # of 90, 90s, 20m or 1h
  case $1 in
    *h) echo $((${1%h} * 3600)) ;;
    *m) echo $((${1%m} * 60)) ;;
    *) echo "${1%s}" ;;
  esac
}

targets=$(git grep -hoE --full-name '^func Fuzz[A-Za-z0-9_]+' -- '*_test.go' >/dev/null &&
  git grep -oE '^func Fuzz[A-Za-z0-9_]+' -- '*_test.go' |
  sed -E 's#^((.*)/)?[^/:]+:func (Fuzz.*)$#./\2 \3#' | sort -u | grep -E "$pattern") || { echo "no target matches $pattern" >&2; exit 2; }
n=$(wc -l <<<"$targets")
if [ -n "$total" ]; then
  time=$(($(seconds "$total") * jobs / n))s
  [ "${time%s}" -ge 1 ] || { echo "$n targets do not fit into $total" >&2; exit 2; }
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# A package's test is linked once, not again for each of its targets.
build() { # DIR
  go test -c -vet=off -fuzz=. -o "$work/${1//\//_}.test" "$1"
}
one() { # DIR TARGET
  local name="${1//\//_}" cache parallel=()
  local log="$work/$name-$2"
  cache="$(go env GOCACHE)/fuzz/$(go list "$1")"
  [ "$jobs" -gt 1 ] && parallel=(-test.parallel 1)
  if (cd "$1" && "$work/$name.test" -test.run '^$' -test.fuzz "^$2\$" -test.fuzztime "$time" -test.fuzzminimizetime 20x \
    -test.fuzzcachedir "$cache" "${parallel[@]}") </dev/null >"$log" 2>&1; then
    echo "ok    $1 $2: $(grep -oE 'execs: [0-9]+ ' "$log" | tail -1)in $time," \
      "$(grep -oE 'new interesting: [0-9]+ \(total: [0-9]+\)' "$log" | tail -1)"
  else
    echo "FAIL  $1 $2"
    tail -n 60 "$log"
    touch "$work/failed"
  fi
}

echo "$n targets, $time each, $jobs at a time"
while read -r dir; do
  build "$dir" >"$work/build" 2>&1 </dev/null || { cat "$work/build"; exit 1; }
done < <(cut -d' ' -f1 <<<"$targets" | sort -u)
while read -r dir target; do
  while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n || true; done
  one "$dir" "$target" &
done <<<"$targets"
wait
[ ! -e "$work/failed" ]
