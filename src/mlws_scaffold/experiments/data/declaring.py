"""Adds a declaration of data to `metadata.yaml`, and touches nothing else there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from mlws_scaffold.adapters import documents
from mlws_scaffold.errors import MlwsError
from mlws_scaffold.experiments.index.entries import Entry
from mlws_scaffold.experiments.life import editing
from mlws_scaffold.experiments.life.editing import Edit
from mlws_scaffold.experiments.spec import DataSource, Metadata
from mlws_scaffold.workspace.layout import METADATA, Layout


def declare(layout: Layout, entry: Entry, source: DataSource) -> bool:
    """Write the declaration; False when it is there already.

    Raises MlwsError when the name stands for other data: that would rewrite what earlier runs used.
    """
    for known in entry.metadata.data:
        if known.name == source.name:
            if known == source:
                return False
            raise MlwsError(
                f"{entry.metadata.experiment_id} declares other data as {source.name!r} "
                f"(sha256 {known.sha256 or 'not recorded'})",
                "choose another --name, or take the old entry out of metadata.yaml first",
            )
    path = entry.folder / METADATA
    name = layout.relative(path)
    item = source.model_dump(exclude_none=True)
    data = documents.read(path, name).data
    text = path.read_bytes().decode("utf-8-sig")
    line = _line_behind(text)
    if line is None:
        edit = editing.prepare(path, name, {"data": [*(data.get("data") or []), item]})
    else:
        # In front of the comments that ruamel counts to the last item.
        number, column = line
        lines = text.splitlines(keepends=True)
        if number and not lines[number - 1].endswith("\n"):
            lines[number - 1] += "\n"
        new = "".join([*lines[:number], _item(item, column), *lines[number:]])
        after = documents.parse(new.encode(), name)
        if after.data != {**data, "data": [*data["data"], item]}:
            raise MlwsError(f"{name} cannot be edited safely", f"add by hand: {item}")
        edit = Edit(path, text, new, documents.validate(Metadata, after))
    edit.write()
    return True


def _line_behind(text: str) -> tuple[int, int] | None:
    """Where an item behind the last one of a block list `data` begins: line (from 0) and column.

    None where there is no such list.
    """
    root: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    found = next((value for key, value in root.value if key.value == "data"), None)
    if not isinstance(found, yaml.SequenceNode) or found.flow_style or not found.value:
        return None
    return _last_line(found) + 1, found.start_mark.column


def _last_line(node: Any) -> int:
    """Line of the last sign of a value: a block's own end lies behind the comments below it."""
    if isinstance(node, yaml.ScalarNode) or node.flow_style or not node.value:
        mark = node.end_mark
        is_block = mark.column == 0 and mark.line > node.start_mark.line
        return int(mark.line - 1 if is_block else mark.line)
    inner = node.value[-1]
    return _last_line(inner[1] if isinstance(inner, tuple) else inner)


def _item(item: Mapping[str, Any], column: int) -> str:
    written = [
        f"{key}: {documents.scalar(value) if isinstance(value, str) else value}\n"
        for key, value in item.items()
    ]
    blank = " " * column
    return f"{blank}- " + f"{blank}  ".join(written)
