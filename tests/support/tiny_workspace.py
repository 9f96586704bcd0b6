"""The smallest tree that is a workspace, for tests of what does not need a rendered one."""

from __future__ import annotations

from pathlib import Path

REGISTRY = """\
models:
  base:
    source: ollama
    model_name: m:1
    owners: [ann]
"""


# Making a SQLite store takes MLflow seconds; tests that need none name a server that is gone.
NO_TRACKING = '[tracking]\nuri = "http://127.0.0.1:9"\n'


def make(
    folder: Path,
    *,
    config: str = "",
    registry: str = REGISTRY,
    answers: str = "",
    tracking: str = NO_TRACKING,
) -> Path:
    """Write `mlws.toml` (with `config` added), the registry and, when given, the answers file."""
    (folder / "models").mkdir(parents=True)
    (folder / "mlws.toml").write_text(f'[workspace]\nname = "tiny"\n{config}{tracking}')
    (folder / "models/registry.yaml").write_text(registry)
    if answers:
        (folder / ".copier-answers.yml").write_text(answers)
    return folder
