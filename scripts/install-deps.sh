#!/usr/bin/env bash
# Installs the Debian packages a task needs, and nothing that is there already.
#
#   install-deps.sh build        compiler for C++, the four OpenCV modules
#   install-deps.sh test         build, the real servers that tests start, strace, a browser
#   install-deps.sh arm64        cross compiler and emulator
#   install-deps.sh image        what builds the container image
#   install-deps.sh screenshots  a browser, typefaces
#
# Safe to run any number of times. Needs root or sudo only if something is missing.
set -euo pipefail

opencv='libopencv-core-dev libopencv-imgproc-dev libopencv-imgcodecs-dev libopencv-videoio-dev'
build="gcc g++ libc6-dev git curl ca-certificates $opencv"

case "${1:-}" in
  build) want=$build ;;
  test) want="$build python3 ffmpeg mosquitto postgresql gpsd strace shellcheck chromium fonts-dejavu-core fonts-liberation alsa-utils nodejs npm" ;;
  arm64) want="gcc git curl ca-certificates crossbuild-essential-arm64 qemu-user-static file" ;;
  image) want='buildah debootstrap qemu-user-static' ;;
  screenshots) want='chromium fonts-dejavu-core fonts-liberation' ;;
  *)
    echo "usage: $0 build|test|arm64|image|screenshots" >&2
    exit 2
    ;;
esac

command -v go >/dev/null || {
  echo "Go is missing: install Go 1.26 or newer from https://go.dev/dl and put it on the PATH." >&2
  exit 1
}

# present PACKAGE: installed, or replaced by the same tool from elsewhere.
present() {
  case "$1" in
    nodejs) command -v node >/dev/null && return ;;
    gcc | g++ | git | curl | ffmpeg | gpsd | mosquitto | python3 | shellcheck | strace | chromium | npm) PATH=$PATH:/usr/sbin command -v "$1" >/dev/null && return ;;
    postgresql) compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null && return ;;
  esac
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

missing=()
for p in $want; do present "$p" || missing+=("$p"); done
((${#missing[@]})) || exit 0

command -v apt-get >/dev/null || {
  echo "This system has no apt-get. Install the equivalent of these Debian packages: ${missing[*]}" >&2
  exit 1
}
as_root=()
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || {
    echo "Packages are missing, and installing them needs root or sudo. As root: apt-get install ${missing[*]}" >&2
    exit 1
  }
  as_root=(sudo)
  sudo -v # asks for the password now, while the terminal is ours
fi
export DEBIAN_FRONTEND=noninteractive
step=$(dirname "$0")/step

# The tests start servers of their own on free ports: the packages' servers are
# kept from running beside them, unless they were there before us.
case " ${missing[*]} " in *' postgresql '*)
  "${as_root[@]}" mkdir -p /etc/postgresql-common/createcluster.d
  echo 'create_main_cluster = false' | "${as_root[@]}" tee /etc/postgresql-common/createcluster.d/no-main-cluster.conf >/dev/null
  ;;
esac
"$step" "Reading Debian's package lists" "${as_root[@]}" apt-get update -q
"$step" "Installing ${missing[*]}" "${as_root[@]}" apt-get install -y -q --no-install-recommends "${missing[@]}"
for p in mosquitto gpsd; do
  case " ${missing[*]} " in *" $p "*) ;; *) continue ;; esac
  units=$p
  [ "$p" != gpsd ] || units='gpsd.socket gpsd'
  # shellcheck disable=SC2086 # several units
  [ ! -d /run/systemd/system ] || "${as_root[@]}" systemctl disable --now $units >/dev/null 2>&1 || true
done
