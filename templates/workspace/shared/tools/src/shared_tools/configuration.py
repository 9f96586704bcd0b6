"""Reads YAML configuration: shared fragments first, then the file itself, then overrides.

It knows where the workspace root is, but not which keys a configuration should have.
"""

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml


class ConfigurationError(ValueError):
    """What a person wrote cannot be used; the message names the place and the cure."""


class _Loader(yaml.SafeLoader):
    """PyYAML follows YAML 1.1, where 1e-3 is text; this one reads it as a number."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+$"),
    list("-+.0123456789"),
)


def workspace_root(folder: Path | None = None) -> Path:
    """Return the nearest folder with an mlws.toml, from `folder` (default: here) upwards."""
    start = (folder or Path.cwd()).resolve()
    for candidate in (start, *start.parents):
        if (candidate / "mlws.toml").is_file():
            return candidate
    raise ConfigurationError(f"{start} is in no workspace: no mlws.toml there or above")


def load_config(path: Path, overrides: Iterable[str] = ()) -> dict[str, Any]:
    """Read `path`, merged over the fragments its key `extends` names, and apply overrides.

    `extends` is a path below shared/configs or a list of them; later ones win. Mappings merge,
    everything else replaces. An override `a.b=3` must name a key that exists; its value is YAML.
    Raises ConfigurationError.
    """
    resolved = path.resolve()
    values = _read(resolved, (resolved,))
    for override in overrides:
        values = _override(values, override)
    return values


def _read(path: Path, trail: tuple[Path, ...]) -> dict[str, Any]:
    values = _parse(path)
    extends = values.pop("extends", [])
    names = [extends] if isinstance(extends, str) else extends
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ConfigurationError(f"{path}: extends: write a path below shared/configs, or a list")
    merged: dict[str, Any] = {}
    for name in names:
        fragment = _fragment(name, path)
        if fragment in trail:
            chain = " -> ".join(step.name for step in (*trail, fragment))
            raise ConfigurationError(f"{path}: extends: goes round in a circle: {chain}")
        merged = _merge(merged, _read(fragment, (*trail, fragment)))
    return _merge(merged, values)


def _parse(path: Path) -> dict[str, Any]:
    try:
        values = _load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: cannot be read: {error}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigurationError(f"{path}: is no YAML: {error}") from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ConfigurationError(f"{path}: write keys and values, not a {type(values).__name__}")
    return values


def _load(text: str) -> Any:
    loader = _Loader(text)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


def _fragment(name: str, path: Path) -> Path:
    folder = (workspace_root(path.parent) / "shared" / "configs").resolve()
    target = (folder / name).resolve()
    if not target.is_relative_to(folder):
        raise ConfigurationError(f"{path}: extends: {name} is outside shared/configs")
    if not target.is_file():
        known = sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*.yaml"))
        raise ConfigurationError(f"{path}: extends: no {name} in shared/configs; it has {known}")
    return target


def _merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            value = _merge(old, value)
        merged[key] = value
    return merged


def _override(values: dict[str, Any], override: str) -> dict[str, Any]:
    name, equals, text = override.partition("=")
    try:
        if not name or not equals:
            raise ConfigurationError("write it as key.key=value")
        return _replace(values, name.split("."), _load(text))
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigurationError(f"override {override!r}: {error}") from error


def _replace(section: Any, keys: list[str], value: Any) -> dict[str, Any]:
    key, *deeper = keys
    if not isinstance(section, dict):
        raise ConfigurationError(f"no key {key}: what comes before it is a value, not a section")
    if key not in section:
        raise ConfigurationError(f"no key {key}; {_hint(key, section)}")
    if not deeper and isinstance(section[key], dict) and not isinstance(value, dict):
        raise ConfigurationError(f"{key} is a section; its keys are {', '.join(section[key])}")
    # A copy, because a YAML alias can make two sections one object.
    return {**section, key: _replace(section[key], deeper, value) if deeper else value}


def _hint(key: str, section: Mapping[str, Any]) -> str:
    known = sorted(str(name) for name in section)
    close = get_close_matches(key, known, n=1)
    return f"did you mean {close[0]}?" if close else f"the keys here are {', '.join(known)}"
