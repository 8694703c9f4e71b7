#!/usr/bin/env bash
# release.sh VERSION: puts what a release holds into dist: for each architecture
# an archive of the programs with ONNX Runtime, the networks, the unit and the
# documentation, and a Debian package; a bill of materials (CycloneDX) of each program; and the
# SHA-256 of all. The archives are the same, byte for byte, for one commit.
set -euo pipefail
cd "$(dirname "$0")/.."

version=${1:?usage: release.sh VERSION}
cyclonedx=github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0
stamp=$(git log -1 --format=%ct)
rm -rf dist
mkdir -p dist

# pack ARCHITECTURE FOLDER: one archive of what lies in FOLDER.
pack() {
  local name=alpr-$version-linux-$1 root
  root=$(mktemp -d)
  mkdir -p "$root/$name"
  cp -r "$2"/alpr "$2"/alpr-backend "$2"/lib "$root/$name"
  mkdir -p "$root/$name/models"
  cp models/*.onnx models/manifest.json "$root/$name/models"
  cp -r deploy LICENSE NOTICE README.md CHANGELOG.md SECURITY.md "$root/$name"
  git archive HEAD docs | tar -x -C "$root/$name"
  tar --sort=name --mtime="@$stamp" --owner=0 --group=0 --numeric-owner -C "$root" -c "$name" | gzip -9n >"dist/$name.tar.gz"
  rm -rf "$root"
}

pack amd64 bin
pack arm64 bin/arm64
scripts/package.sh "$version" amd64 bin
scripts/package.sh "$version" arm64 bin/arm64
for program in alpr alpr-backend; do
  scripts/step "Bill of materials of $program" go run "$cyclonedx" app -json -licenses -noserial \
    -main "cmd/$program" -output "dist/$program-$version.cdx.json" .
done
(cd dist && sha256sum -- * >SHA256SUMS)
ls -l dist
