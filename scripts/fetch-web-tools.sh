#!/usr/bin/env bash
# Fetches what checks the officer's page, out of npm packages whose versions and
# hashes are pinned here. No script of a package runs.
#
#   fetch-web-tools.sh axe     puts axe-core where the page's tests look for it
#   fetch-web-tools.sh biome   prints the path of the linter of JavaScript and CSS
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cache=$here/../build/npm
declare -A sha256=(
  [axe-core@4.14.1]=e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745
  [@biomejs/cli-linux-x64@2.6.8]=e9fc491ffec6ba4024549b7c797937cd4f01855b4fe66a78220efe83b95be7f1
  [@biomejs/cli-linux-arm64@2.6.8]=2db75b982f62fda24a864b3a4831ff9cc0899cc9673b3bd88de16dcf14b47290
)

# tarball PACKAGE@VERSION prints the path of its tarball, fetched and checked.
tarball() {
  local name=${1#@} file
  name=${name//\//-}
  file=$cache/${name/@/-}.tgz
  if [ ! -s "$file" ]; then
    mkdir -p "$cache"
    (cd "$cache" && "$here/step" "Fetching $1" npm pack --ignore-scripts --fetch-timeout=900000 --cache "$cache/cache" "$1") >&2
    rm -rf "$cache/cache"
  fi
  echo "${sha256[$1]}  $file" | sha256sum --check --status || {
    echo "$file is not the $1 that is pinned here: delete it and run this again." >&2
    return 1
  }
  echo "$file"
}

case "${1:-}" in
  axe) tarball axe-core@4.14.1 >/dev/null ;;
  biome)
    arch=x64
    case $(uname -m) in aarch64 | arm64) arch=arm64 ;; esac
    program=$here/../build/tools/biome-2.6.8
    if [ ! -x "$program" ]; then
      from=$(tarball "@biomejs/cli-linux-$arch@2.6.8")
      mkdir -p "$(dirname "$program")"
      tar -xzOf "$from" package/biome >"$program.part"
      chmod 755 "$program.part"
      mv "$program.part" "$program"
    fi
    echo "$program"
    ;;
  *)
    echo "usage: $0 axe|biome" >&2
    exit 2
    ;;
esac
