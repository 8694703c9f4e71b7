#!/usr/bin/env bash
# Puts ONNX Runtime's shared library at FOLDER/libonnxruntime.so.1.
#
#   fetch-onnxruntime.sh x64|arm64 FOLDER
#
# It is Microsoft's own build, out of the npm package onnxruntime-node: the only
# form with both architectures on a package registry. No script of the package
# runs; version and hash are pinned here, and a file that does not match is
# never put in place.
set -euo pipefail

version=1.24.3
declare -A sha256=(
  [x64]=92ba8e44d31b80a34f5e805076a044122c3be1fffe0d88ed790de7267b0b2682
  [arm64]=33032cb5b91c12edbf028d7c69fa40a31848d66c0095448758af237d5e0b07db
)

arch=${1:-} folder=${2:-}
if [ -z "${sha256[${arch:-none}]:-}" ] || [ -z "$folder" ]; then
  echo "usage: $0 x64|arm64 FOLDER" >&2
  exit 2
fi
here=$(cd "$(dirname "$0")" && pwd)
cache=$here/../build/npm
tarball=$cache/onnxruntime-node-$version.tgz
library=$folder/libonnxruntime.so.1

matches() { [ -f "$1" ] && echo "${sha256[$arch]}  $1" | sha256sum --check --status; }

# install_npm brings Debian's npm where none is: it knows the registry.
install_npm() {
  local as_root=()
  [ "$(id -u)" = 0 ] || as_root=(sudo)
  "$here/step" "Installing npm, which fetches ONNX Runtime" \
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends npm
}

fetch() {
  command -v npm >/dev/null || install_npm
  mkdir -p "$cache"
  (cd "$cache" && "$here/step" "Fetching ONNX Runtime $version (86 MB)" \
    npm pack --ignore-scripts --fetch-timeout=900000 --cache "$cache/cache" "onnxruntime-node@$version")
  rm -rf "$cache/cache"
}

matches "$library" && exit 0
[ -s "$tarball" ] || fetch
mkdir -p "$folder"
part=$(mktemp "$folder/.libonnxruntime.XXXXXX")
trap 'rm -f "$part"' EXIT
tar -xzOf "$tarball" "package/bin/napi-v6/linux/$arch/libonnxruntime.so.1" >"$part" || {
  echo "$tarball is damaged: delete it and run this again." >&2
  exit 1
}
matches "$part" || {
  echo "ONNX Runtime $version ($arch) has sha256 $(sha256sum "$part" | cut -d' ' -f1), expected ${sha256[$arch]}. Delete $tarball and run this again." >&2
  exit 1
}
chmod 755 "$part"
mv "$part" "$library"
