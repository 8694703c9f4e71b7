#!/usr/bin/env bash
# arm64-sysroot.sh FOLDER: fills FOLDER with what an arm64 build links against:
# Debian's C and C++ libraries and the four OpenCV modules, for arm64. Nothing
# on this system changes: apt is run with a state and a package list of its own,
# since Debian's multiarch cannot hold two OpenCVs side by side.
set -euo pipefail

sysroot=${1:?usage: arm64-sysroot.sh FOLDER}
step=$(cd "$(dirname "$0")" && pwd)/step
packages=(libc6-dev libstdc++-12-dev
  libopencv-core-dev libopencv-imgproc-dev libopencv-imgcodecs-dev libopencv-videoio-dev)

# Written last, so a sysroot cut short is made again.
stamp=$sysroot/.complete
[ "$(cat "$stamp" 2>/dev/null)" != "${packages[*]}" ] || exit 0

mkdir -p "$sysroot"
sysroot=$(cd "$sysroot" && pwd)
work=$(mktemp -d "$sysroot.apt.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{state/lists/partial,cache/archives/partial,etc}
: >"$work/status"

# The same mirrors this system installs from, main only.
# shellcheck disable=SC2016 # apt's own fields
apt-get indextargets --format 'deb [arch=arm64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(REPO_URI) $(RELEASE) main' \
  'Created-By: Packages' 'Origin: Debian' 'Component: main' | grep -E ' bookworm(-updates|-security)? ' | sort -u >"$work/etc/sources.list"
[ -s "$work/etc/sources.list" ] || {
  echo "No mirror of Debian 12 is known to apt: run 'apt-get update' once, on Debian 12." >&2
  exit 1
}
cat >"$work/apt.conf" <<CONF
APT::Architecture "arm64";
APT::Architectures { "arm64"; };
APT::Sandbox::User "$(id -un)";
APT::Install-Recommends "false";
Dir::State "$work/state";
Dir::State::status "$work/status";
Dir::Cache "$work/cache";
Dir::Etc::sourcelist "$work/etc/sources.list";
Dir::Etc::sourceparts "-";
Dir::Etc::preferencesparts "-";
CONF
export APT_CONFIG=$work/apt.conf

"$step" "Reading Debian's package lists for arm64" apt-get update -q
"$step" "Fetching OpenCV and its libraries for arm64 (160 MB)" apt-get install -d -y -q "${packages[@]}"

# Merged /usr, as on an installed Debian: files under /lib go to /usr/lib.
mkdir -p "$sysroot"/usr/{bin,sbin,lib}
for d in bin sbin lib; do ln -sfn "usr/$d" "$sysroot/$d"; done
unpack() {
  for deb in "$work"/cache/archives/*.deb; do dpkg-deb --fsys-tarfile "$deb" |
    tar -x --keep-directory-symlink --no-same-owner -C "$sysroot" \
      --exclude './usr/share/doc*' --exclude './usr/share/man*' --exclude './usr/share/locale*' --exclude './dev*'; done
}
export -f unpack
export work sysroot
"$step" "Unpacking $(find "$work/cache/archives" -name '*.deb' | wc -l) packages" bash -euo pipefail -c unpack
echo "${packages[*]}" >"$stamp"
