#!/usr/bin/env bash
# Checks the Python of training/: ruff and mypy, as its pyproject.toml says.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=$(scripts/training-venv.sh lint)
cd training
"$venv/bin/ruff" check --quiet .
"$venv/bin/mypy" --no-error-summary .
