"""Judges one answer in a process of its own: what may run for ever, or is the team's own code.

Called as `python child.py FILE`: reads the JSON in FILE and writes the failures, a list of texts,
to FILE.out. It must know nothing of this package, so that it starts fast.
"""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

Task = dict[str, Any]


def by_pattern(task: Task) -> list[str]:
    """Whether the pattern is found anywhere in the answer."""
    found = re.search(task["pattern"], task["answer"])
    return [] if found else [f"does not match {task['pattern']!r}"]


def by_schema(task: Task) -> list[str]:
    """Whether the answer is JSON that fulfils the schema. Nothing is ever fetched."""
    from jsonschema import Draft202012Validator
    from jsonschema.validators import validator_for
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    try:
        value = json.loads(task["answer"])
    except (ValueError, RecursionError) as error:
        return [f"is no JSON: {error}"]
    kind = validator_for(task["schema"], default=Draft202012Validator)
    judge = kind(task["schema"], registry=Registry())
    try:
        found = sorted(judge.iter_errors(value), key=lambda error: list(map(str, error.path)))
    except Unresolvable as error:
        return [f"the schema leads to what is not in it: {error}"]
    return [f"{error.json_path}: {error.message}"[:300] for error in found[:5]]


def by_function(task: Task) -> list[str]:
    """Whether the team's function says True. An AssertionError says why not."""
    path = Path(task["file"])
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None  # noqa: S101 - a file that ends in .py has a loader
    assert spec.loader is not None  # noqa: S101
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    function = getattr(module, task["function"], None)
    if not callable(function):
        return [f"{path.name} has no function {task['function']}"]
    try:
        verdict = function(task["answer"], task["case"])
    except AssertionError as error:
        return [f"{task['function']}: {error or 'an assertion failed'}"]
    if verdict is True:
        return []
    if verdict is False:
        return [f"{task['function']} says no"]
    return [f"{task['function']} gave {verdict!r:.80}, neither True nor False"]


KINDS: dict[str, Callable[[Task], list[str]]] = {
    "regex": by_pattern,
    "json_schema": by_schema,
    "function": by_function,
}


def main(place: Path) -> None:
    """Judge what the file holds."""
    task = json.loads(place.read_text(encoding="utf-8"))
    failures = KINDS[task["kind"]](task)
    out = json.dumps([str(failure) for failure in failures])
    place.with_name(f"{place.name}.out").write_text(out, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
