#!/usr/bin/env bash
# package.sh VERSION ARCH FOLDER [OUT]: a Debian package of the programs in
# FOLDER (bin, or bin/arm64) for ARCH (amd64 or arm64), into OUT (dist). Manual
# pages and completions come from bin/alpr, which runs here.
set -euo pipefail
cd "$(dirname "$0")/.."

version=${1:?usage: package.sh VERSION ARCH FOLDER [OUT]} arch=${2:?} from=${3:?} out=${4:-dist}
nfpm=github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.44.1
tool=$PWD/build/tools/nfpm-${nfpm##*@}
if [ ! -x "$tool" ]; then
  GOFLAGS='' CGO_ENABLED=0 GOBIN=$PWD/build/tools/new scripts/step "Building nfpm (minutes the first time)" go install "$nfpm"
  mv build/tools/new/nfpm "$tool"
fi

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
mkdir -p "$stage/man" "$out"
bin/alpr man "$stage/man"
gzip -9n "$stage"/man/*.1
for shell in bash zsh fish; do bin/alpr completion "$shell" >"$stage/alpr.$shell"; done
# The shipped configuration is the example, with the package's own places.
bin/alpr config example | sed 's#^data_dir: data$#data_dir: /var/lib/alpr#' >"$stage/alpr.yaml"
grep -qx 'data_dir: /var/lib/alpr' "$stage/alpr.yaml" || { echo "package.sh: the example has no data_dir to set" >&2; exit 1; }

# One commit makes one package, byte for byte.
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH ARCH=$arch VERSION=$version FROM=$from STAGE=$stage
scripts/step "Packing alpr_${version}_$arch.deb" "$tool" package --config deploy/package/nfpm.yaml --packager deb --target "$out/"
