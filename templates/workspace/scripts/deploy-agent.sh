#!/usr/bin/env bash
# Kept under its known name: brings a version of an agent to its users, step by step. `--help` lists the options.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec uv run --no-sync mlws agent deploy "$@"
