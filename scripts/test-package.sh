#!/usr/bin/env bash
# test-package.sh DEB [OLDER_DEB]: puts the package into a bare Debian 12 made
# for it, as root, and does there what a technician does: install, configure,
# add an account, read the demonstration drive, upgrade, downgrade, remove, purge. Prints each step's time. There is no
# systemd in a chroot: the unit is checked by systemd-analyze, and its command is
# run as its user.
set -euo pipefail
cd "$(dirname "$0")/.."

[ "$(id -u)" = 0 ] || { echo "A bare Debian is made with root's rights: run it with sudo." >&2; exit 1; }
deb=$(realpath "${1:?usage: test-package.sh DEB [OLDER_DEB]}") older=$(realpath "${2:-$1}")
root=${ROOT:-$(mktemp -d)}
# shellcheck disable=SC2016 # apt's own field
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Release: bookworm' | head -n 1)
if [ ! -e "$root/etc/debian_version" ]; then
  scripts/step "Making a bare Debian 12" debootstrap --variant=minbase --include=ca-certificates bookworm "$root" "$mirror"
fi
cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
cp "$deb" "$root/tmp/new.deb"
cp "$older" "$root/tmp/old.deb"
cp demo/drive.mp4 demo/hotlist.csv "$root/tmp/"

inside() { chroot "$root" /usr/bin/env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 "$@"; }
as_service() { chroot --userspec=alpr:alpr "$root" /usr/bin/env "$@"; }
begin=$(date +%s)
done_() { printf '%4d s  %s\n' $(($(date +%s) - begin)) "$1"; }
fail() { echo "FAILED: $1" >&2; exit 1; }
owned() { [ "$(inside stat -c %U:%a "$1")" = "$2" ] || fail "$1 is $(inside stat -c %U:%a "$1"), not $2"; }

mkdir -p "$root/proc"
mountpoint -q "$root/proc" || mount -t proc proc "$root/proc"
trap 'umount "$root/proc"; [ -n "${ROOT:-}" ] || rm -rf "$root"' EXIT
inside apt-get update -q >/dev/null
inside apt-get install -y -q --no-install-recommends /tmp/new.deb >/dev/null
done_ "installed, with what it needs"
owned /var/lib/alpr alpr:700
owned /etc/alpr/alpr.yaml root:640
inside alpr version | sed -n 1p
[ -e "$root/usr/share/man/man1/alpr-run.1.gz" ] || fail "no manual page"

# The technician's own: vehicle, camera, receiver.
inside sed -i 's/^agency: .*/agency: springfield-pd/; s/^vehicle: .*/vehicle: car-7/; s#location: /dev/video0#location: /tmp/drive.mp4#' /etc/alpr/alpr.yaml
as_service alpr config check --config /etc/alpr/alpr.yaml
inside sh -c 'echo "correct horse battery" | alpr user add 4711 --full "Officer Smith" --config /etc/alpr/alpr.yaml'
inside alpr hotlist import /tmp/hotlist.csv --officer tech --purpose "first list" --config /etc/alpr/alpr.yaml
inside find /var/lib/alpr ! -user alpr | grep . && fail "root left files of its own"
done_ "configured, an account, a list: all of it the service's"

as_service timeout -s TERM 25 alpr run --config /etc/alpr/alpr.yaml >"$root/tmp/run.log" 2>&1 || [ $? = 124 ] || { tail "$root/tmp/run.log"; fail "the service's command ended"; }
grep -q 'level=ERROR' "$root/tmp/run.log" && { grep 'level=ERROR' "$root/tmp/run.log"; fail "the service's log has errors"; }
report=$(as_service alpr report --json --config /etc/alpr/alpr.yaml)
reads=$(sed -n 's/.*"reads_recorded": \([0-9]*\).*/\1/p' <<<"$report")
[ "${reads:-0}" -gt 10 ] || fail "${reads:-no} reads of a drive past 22 cars"
grep -q '"hits": {}' <<<"$report" && fail "no listed car raised a hit"
done_ "ran for 25 s as its user: $reads reads, and hits"
key=$(inside sha256sum /var/lib/alpr/device.key)

inside apt-get install -y -q --allow-downgrades /tmp/old.deb >/dev/null
inside grep -q car-7 /etc/alpr/alpr.yaml || fail "the downgrade lost the configuration"
inside apt-get install -y -q --reinstall --allow-downgrades /tmp/new.deb >/dev/null
inside grep -q car-7 /etc/alpr/alpr.yaml || fail "the upgrade lost the configuration"
[ "$(inside sha256sum /var/lib/alpr/device.key)" = "$key" ] || fail "the device key changed"
as_service alpr audit verify --config /etc/alpr/alpr.yaml
done_ "downgraded and upgraded: configuration, key and records are whole"

inside apt-get remove -y -q alpr >/dev/null
inside test -e /etc/alpr/alpr.yaml || fail "removing lost the configuration"
inside apt-get install -y -q --no-install-recommends /tmp/new.deb >/dev/null
inside apt-get purge -y -q alpr >/dev/null
inside test -e /usr/bin/alpr && fail "the program outlived the purge"
[ "$(inside sha256sum /var/lib/alpr/device.key)" = "$key" ] || fail "the purge took the key"
done_ "removed, installed again, purged: records and keys are left"
