#!/usr/bin/env bash
# training-venv.sh NAME: makes build/venv/NAME of training/requirements-NAME.txt
# where it is not there as the file says, and prints its path.
set -euo pipefail
cd "$(dirname "$0")/.."

name=${1:?usage: training-venv.sh test|lint}
want=training/requirements-$name.txt
venv=$PWD/build/venv/$name
if ! cmp -s "$want" "$venv/made-of.txt"; then
  rm -rf "$venv"
  python3 -c 'import ensurepip' 2>/dev/null || {
    echo "Python's venv is missing: apt-get install python3-venv" >&2
    exit 1
  }
  python3 -m venv "$venv" >&2
  scripts/step "Fetching what the $name of training/ needs (a minute the first time)" \
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$want" >&2
  cp "$want" "$venv/made-of.txt"
fi
echo "$venv"
