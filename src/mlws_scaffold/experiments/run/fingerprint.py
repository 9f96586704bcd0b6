"""What makes two runs the same: configuration, code and data, each as one hash."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

# Neither changes what a run gives: repeats over seeds are replicates, and a place is a place.
_NO_MATTER = frozenset(
    {
        "seed", "random_seed", "random_state", "output", "outputs", "output_dir", "outputs_dir",
        "output_path", "out_dir", "save_dir", "checkpoint_dir", "log_dir", "run_name",
    }
)  # fmt: skip
_PLACE_OPTIONS = ("--outputs", "--output", "--output-dir", "--seed")
# Words about an experiment, and what `config.resolved.yaml` says already.
WORDS = ("metadata.yaml", "README.md", "HANDOFF.md", ".copier-answers.yml")
_NO_CODE = (*WORDS, "config.yaml")
_NO_CODE_FOLDERS = ("results", "tests", "notebooks", "outputs")


def of_config(config: Mapping[str, Any], arguments: Sequence[str]) -> str:
    """Hash of the resolved configuration and the further arguments."""
    known = {"config": _essence(config), "arguments": _without_places(arguments)}
    text = json.dumps(known, sort_keys=True, ensure_ascii=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def of_code(files: Iterable[tuple[str, str]], folder: str, shared: str) -> str:
    """Hash of (path, blob) pairs: the experiment's code and `shared`, wherever the folder lies."""
    lines = []
    for path, blob in files:
        if path.startswith(f"{folder}/"):
            inner = path.removeprefix(f"{folder}/")
            first, _, rest = inner.partition("/")
            plain = inner in _NO_CODE or _is_sweep(inner)
            if not plain and not (rest and first in _NO_CODE_FOLDERS):
                lines.append(f"experiment/{inner} {blob}")
        elif not path.startswith(f"{shared}/configs/"):
            lines.append(f"{path.removeprefix(shared)} {blob}")
    return hashlib.sha256("\n".join(sorted(lines)).encode("utf-8", "surrogateescape")).hexdigest()


def only_words(path: str, folder: str) -> bool:
    """Whether a path of the experiment cannot change what a run of it gives: metadata, pages,
    results, and sweeps, since each of their points is written out in the run's command.
    """
    inner = path.removeprefix(f"{folder}/")
    known = inner in WORDS or inner.startswith("results/") or _is_sweep(inner)
    return inner != path and known


def seed_in(config: Mapping[str, Any]) -> str:
    """The seed of a configuration: at the top, else in one of its sections; empty without one."""
    for name in ("seed", "random_seed", "random_state"):
        if name in config and not isinstance(config[name], dict):
            return str(config[name])
    inner = (value for value in config.values() if isinstance(value, dict))
    return next((found for value in inner if (found := seed_in(value))), "")


def _is_sweep(inner: str) -> bool:
    return re.fullmatch(r"sweep[^/]*\.ya?ml", inner) is not None


def _essence(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _essence(inner) for key, inner in value.items() if key not in _NO_MATTER}
    return [_essence(inner) for inner in value] if isinstance(value, list) else value


def _without_places(arguments: Sequence[str]) -> list[str]:
    kept, skip = [], False
    for argument in arguments:
        if skip:
            skip = False
        elif argument in _PLACE_OPTIONS:
            skip = True
        elif argument.partition("=")[0] not in _PLACE_OPTIONS:
            kept.append(argument)
    return kept
