#!/usr/bin/env bash
# Runs the tests of training/ that need neither torch nor data, in a virtual
# environment of their own under build/ (90 MB from PyPI, once). With "all" also
# those that need torch, by the interpreter in PYTHON, which has it.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=$(scripts/training-venv.sh test)
cd training
mapfile -t light < <(git ls-files 'test_*.py' '*/test_*.py' | grep -v '_torch\.py$' | sed 's/\.py$//; s#/#.#g')
"$venv/bin/python" -m unittest -q "${light[@]}"
if [ "${1:-}" = all ]; then
  mapfile -t heavy < <(git ls-files '*_torch.py' | sed 's/\.py$//; s#/#.#g')
  OMP_NUM_THREADS=1 "${PYTHON:-python3}" -m unittest -q "${heavy[@]}"
fi
