"""The template that travels with the package: inside the wheel, or the checkout it is run from."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from mlws_scaffold.errors import MlwsError

# What the wheel carries, and what an update compares.
PARTS = ("copier.yml", "hooks", "templates")
KINDS = ("workspace", "experiment", "prototype", "agent", "model")


@cache
def folder() -> Path:
    """The folder that holds `copier.yml`, `templates/` and `hooks/`."""
    package = Path(__file__).parents[1]
    for candidate in (package / "_bundle", package.parents[1]):
        if (candidate / "copier.yml").is_file():
            return candidate
    raise MlwsError("the template is missing from this installation", "install mlws-scaffold again")


def is_cache(path: Path) -> bool:
    """Whether a file of the folder is no part of the template: bytecode, caches of tools."""
    return any(is_cache_name(part) for part in path.parts)


def is_cache_name(name: str) -> bool:
    """The same of one part of a path."""
    return (
        name == "__pycache__"
        or name.endswith(".pyc")
        or (name.startswith(".") and name.endswith("_cache"))
    )


def questions(kind: str) -> dict[str, dict[str, Any]]:
    """The questions of a kind by name, as `templates/questions/<kind>.yml` states them."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    text = (folder() / "templates/questions" / f"{kind}.yml").read_bytes()
    loaded = yaml.load(text, Loader=loader)  # noqa: S506 - both are safe loaders
    return dict(loaded)
