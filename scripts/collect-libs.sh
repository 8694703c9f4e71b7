#!/usr/bin/env bash
# collect-libs.sh SYSROOT FOLDER PROGRAM…: copies into FOLDER every shared
# library of SYSROOT that the programs need, directly or through another, except
# those every Debian 12 has (C and C++ runtime).
set -euo pipefail

sysroot=$1 folder=$2
shift 2
lib=$sysroot/usr/lib/aarch64-linux-gnu
places=("$lib" "$lib/blas" "$lib/lapack" "$lib/pulseaudio" "$sysroot/usr/lib")
everywhere=' libc.so.6 libm.so.6 libdl.so.2 libpthread.so.0 librt.so.1 libresolv.so.2 libutil.so.1 ld-linux-aarch64.so.1 libgcc_s.so.1 libstdc++.so.6 '

declare -A seen=()
queue=("$@")
mkdir -p "$folder"
while ((${#queue[@]})); do
  file=${queue[0]} queue=("${queue[@]:1}")
  while read -r name; do
    if [ -n "${seen[$name]:-}" ] || [[ $everywhere = *" $name "* ]]; then continue; fi
    seen[$name]=1
    found=
    for place in "${places[@]}"; do
      [ ! -e "$place/$name" ] || { found=$place/$name; break; }
    done
    [ -n "$found" ] || { echo "$name, which $(basename "$file") needs, is not in $sysroot" >&2; exit 1; }
    install -m 644 "$(readlink -f "$found")" "$folder/$name"
    queue+=("$found")
  done < <(readelf -d "$file" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
done
