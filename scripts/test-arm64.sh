#!/usr/bin/env bash
# Runs the arm64 program under emulation on a rendered picture, and checks that
# it reads what is written there.
set -euo pipefail
cd "$(dirname "$0")/.."

sysroot=$PWD/build/arm64/sysroot
picture=demo/still.jpg
want=$(cat demo/still.txt)

# The default processor of qemu is nine times slower than this one.
emulated() {
  qemu-aarch64-static -cpu cortex-a72 -L "$sysroot" \
    -E LD_LIBRARY_PATH=/usr/lib/aarch64-linux-gnu/blas:/usr/lib/aarch64-linux-gnu/lapack "$@"
}

file -b bin/arm64/alpr | grep -q 'ARM aarch64' || {
  echo "bin/arm64/alpr is not an arm64 program: run make arm64." >&2
  exit 1
}
emulated bin/arm64/alpr version
lines=$(emulated bin/arm64/alpr read --json "$picture")
grep -oE '"text":"[A-Z0-9]+","confidence":[0-9.]+' <<<"$lines" | awk '!seen[$0]++' | head -n 20
for text in $want; do
  grep -q "\"$text\"" <<<"$lines" || {
    echo "arm64: $picture shows $text, which was not read." >&2
    echo "0 passed, 1 failed"
    exit 1
  }
done
echo "1 passed, 0 failed"
