"""A workspace for tests of models: files as given, and the registry of contracts.md."""

from __future__ import annotations

from pathlib import Path

from mlws_scaffold.workspace.layout import Layout

REGISTRY = """\
models:
  llama3.1-8b-base:
    source: ollama
    model_name: llama3.1:8b
    owners: [team]
  helper:
    source: custom
    base_model: llama3.1:8b
    modelfile: modelfiles/helper.Modelfile
    version: v1.0.0
    owners: [team]
"""
HELPER = "modelfiles/helper.Modelfile"


def workspace(root: Path, files: dict[str, str | bytes]) -> Layout:
    """The files on disk, and the registry unless they hold another one."""
    for name, content in {"models/registry.yaml": REGISTRY, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return Layout(root)
