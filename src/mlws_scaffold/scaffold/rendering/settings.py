"""What `copier.yml` and the files it includes say: questions, seeds, what is left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlws_scaffold.scaffold.rendering.sources import BeyondRenderer, Source

CONFIG = "copier.yml"
# Settings that change nothing in what is rendered, or that `Settings` holds.
_KNOWN = frozenset({
    "_min_copier_version", "_subdirectory", "_envops", "_exclude", "_skip_if_exists", "_tasks",
    "_migrations", "_message_before_copy", "_message_after_copy", "_message_before_update",
    "_message_after_update",
})  # fmt: skip
_MERGED = ("_exclude", "_skip_if_exists")
_ENVOPS = frozenset({"undefined"})
_UNDEFINED = ("jinja2.Undefined", "jinja2.StrictUndefined")


@dataclass(frozen=True, slots=True)
class Settings:
    """A template's own settings. `questions` keeps the order in which they are asked."""

    subdirectory: str
    strict: bool
    exclude: tuple[str, ...]
    seeds: tuple[str, ...]  # patterns of files that are written once and are then the team's
    migrations: tuple[Any, ...]
    questions: Mapping[str, Mapping[str, Any]]


def load(source: Source) -> Settings:
    """Read the template's settings. Raises BeyondRenderer for one that changes the rendering."""
    config = _documents(source)
    for name in config:
        if name.startswith("_") and name not in _KNOWN:
            raise BeyondRenderer(f"{CONFIG}: {name} is Copier's own")
    envops = config.get("_envops") or {}
    if set(envops) - _ENVOPS or envops.get("undefined", _UNDEFINED[0]) not in _UNDEFINED:
        raise BeyondRenderer(f"{CONFIG}: _envops sets more than `undefined`")
    if "_subdirectory" not in config:
        raise BeyondRenderer(f"{CONFIG}: no _subdirectory")
    questions = {
        name: value if isinstance(value, dict) else {"default": value}
        for name, value in config.items()
        if not name.startswith("_")
    }
    return Settings(
        subdirectory=str(config["_subdirectory"]),
        strict=envops.get("undefined") == _UNDEFINED[1],
        exclude=_plain(config.get("_exclude") or []),
        seeds=tuple(config.get("_skip_if_exists") or ()),
        migrations=tuple(config.get("_migrations") or ()),
        questions=questions,
    )


def _plain(patterns: list[str]) -> tuple[str, ...]:
    """Patterns that match one name anywhere in a path; others need Copier's own matcher."""
    for pattern in patterns:
        if any(sign in pattern for sign in ("/", "!", "{", "\\", "**", "\n")):
            raise BeyondRenderer(f"{CONFIG}: _exclude: {pattern}")
    return tuple(patterns)


def _documents(source: Source) -> dict[str, Any]:
    """All documents as one mapping: lists of patterns are joined, else the later one counts."""
    import yaml

    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    class Loader(base):  # type: ignore[misc]
        """PyYAML's loader with the one tag of Copier's that our templates use."""

    def include(loader: Any, node: Any) -> list[Any]:
        path = str(loader.construct_scalar(node))
        if path not in source.files():
            raise BeyondRenderer(f"{CONFIG}: !include {path}: no such file, or a pattern")
        return list(yaml.load_all(source.read(path), Loader=Loader))

    Loader.add_constructor("!include", include)
    if CONFIG not in source.files():
        raise BeyondRenderer(f"the template has no {CONFIG}")
    try:
        loaded = list(yaml.load_all(source.read(CONFIG), Loader=Loader))
    except yaml.YAMLError as error:
        raise BeyondRenderer(f"{CONFIG} is no YAML: {error}") from None
    merged: dict[str, Any] = {}
    for part in _flat(loaded):
        for name, value in part.items():
            joined = name in _MERGED and name in merged
            merged[name] = [*merged[name], *value] if joined else value
    return merged


def _flat(loaded: list[Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for part in loaded:
        if isinstance(part, list):
            found += _flat(part)
        elif isinstance(part, dict):
            found.append({str(name): value for name, value in part.items()})
    return found
