#!/usr/bin/env bash
# Kept under its known name: brings the models of models/registry.yaml into Ollama. `--help` lists the options.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec uv run --no-sync mlws model sync "$@"
