#!/usr/bin/env bash
# Cross-compiles both programs for arm64 into bin/arm64, with ONNX Runtime's
# library beside them: the folder is what a board needs, besides Debian's OpenCV.
set -euo pipefail
cd "$(dirname "$0")/.."

sysroot=$PWD/build/arm64/sysroot
scripts/arm64-sysroot.sh "$sysroot"
scripts/fetch-onnxruntime.sh arm64 bin/arm64/lib

export GOOS=linux GOARCH=arm64 CGO_ENABLED=1
export CC="aarch64-linux-gnu-gcc --sysroot=$sysroot" CXX="aarch64-linux-gnu-g++ --sysroot=$sysroot"
export CGO_CPPFLAGS="-I$PWD/scripts/opencv -I$sysroot/usr/include/opencv4"
# OpenCV's own libraries are found when it runs; the linker need not see them all.
export CGO_LDFLAGS="$CGO_LDFLAGS -Wl,--allow-shlib-undefined -Wl,-rpath-link,$sysroot/usr/lib/aarch64-linux-gnu"
scripts/step "Building for arm64 (minutes the first time)" go build -v "$@" -o bin/arm64/ ./cmd/alpr ./cmd/alpr-backend
install -D -m 644 -t bin/arm64/models models/manifest.json models/*.onnx
