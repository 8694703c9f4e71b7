#!/usr/bin/env bash
# Builds the image of Dockerfile.arm64 with buildah and without a container
# registry: the two base images are made here from Debian's packages and the Go
# toolchain on this machine. Needs root. The image ends up as
# build/arm64/alpr-arm64.tar (docker load, podman load).
set -euo pipefail
cd "$(dirname "$0")/.."

[ "$(id -u)" = 0 ] || { echo "Making base images needs root: run it with sudo." >&2; exit 1; }
store=$PWD/build/arm64/store
image=localhost/alpr:arm64
# Layers are kept below build/, in plain folders: no kernel support is asked for.
mkdir -p "$store"
printf '[storage]\ndriver = "vfs"\ngraphroot = "%s/root"\nrunroot = "%s/run"\n' "$store" "$store" >"$store/storage.conf"
export CONTAINERS_STORAGE_CONF=$store/storage.conf
has() { buildah images --format '{{.Name}}' 2>/dev/null | grep -qx "$1"; }
# shellcheck disable=SC2016 # apt's own field
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Release: bookworm' | head -n 1)

# base NAME ARCH FOLDER: makes an image of a root file system.
base() {
  local container
  container=$(buildah from --arch "$2" scratch)
  buildah add -q "$container" "$3" /
  buildah config --arch "$2" --os linux --env NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt --env PATH=/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$container"
  buildah commit -q --rm "$container" "$1" >/dev/null
}

roots=$PWD/build/arm64/roots
mkdir -p "$roots"
if ! has localhost/alpr-build; then
  rm -rf "$roots/amd64"
  scripts/step "Making a Debian 12 to build in" \
    debootstrap --variant=minbase --include=ca-certificates,git,curl bookworm "$roots/amd64" "$mirror"
  cp -a "$(go env GOROOT)" "$roots/amd64/usr/local/go"
  # A network with a certificate authority of its own is known inside, too.
  cp -L /etc/ssl/certs/ca-certificates.crt "$roots/amd64/etc/ssl/certs/"
  base localhost/alpr-build amd64 "$roots/amd64"
fi
if ! has docker.io/library/debian; then
  rm -rf "$roots/arm64"
  # Unpacked, not configured: that would need an arm64 processor, and the program does not.
  scripts/step "Making a Debian 12 for arm64" \
    debootstrap --foreign --arch=arm64 --variant=minbase bookworm "$roots/arm64" "$mirror"
  rm -rf "$roots/arm64/debootstrap" "$roots"/arm64/var/cache/apt/archives/*.deb
  base docker.io/library/debian:bookworm-slim arm64 "$roots/arm64"
fi
scripts/step "Building the image (compiles everything anew: many minutes)" \
  buildah build --isolation chroot --pull=never --platform linux/arm64 \
  --build-arg BUILDPLATFORM=linux/amd64 --build-arg BUILD_IMAGE=localhost/alpr-build \
  -f Dockerfile.arm64 -t "$image" .
rm -f build/arm64/alpr-arm64.tar
scripts/step "Writing build/arm64/alpr-arm64.tar" buildah push "$image" docker-archive:build/arm64/alpr-arm64.tar:"$image"
buildah inspect --type image --format '{{.OCIv1.Architecture}}' "$image"
du -h build/arm64/alpr-arm64.tar
