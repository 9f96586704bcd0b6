"""The only module that prints: plain text, tables, JSON, GitHub annotations, progress."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from mlws_scaffold.errors import MlwsError, Problem

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import TaskID

Format = Literal["text", "json", "github"]


def line(text: str = "") -> None:
    """A line of the result, on standard output."""
    print(_printable(text, sys.stdout.encoding))


def note(text: str) -> None:
    """A remark that is not part of the result, on standard error."""
    print(_printable(text, sys.stderr.encoding), file=sys.stderr, flush=True)


def json_document(data: object) -> None:
    """The whole result as one JSON document."""
    import json

    print(json.dumps(data, indent=2, ensure_ascii=True, default=str))


@contextlib.contextmanager
def for_json(wanted: bool) -> Iterator[None]:
    """While it lasts, what started programs print goes to standard error: the JSON stands alone."""
    if not wanted:
        yield
        return
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def json_rows(name: str, pages: Iterable[str], rest: Mapping[str, object]) -> None:
    """A JSON document with the list `name` of rows that are JSON already, a few hundred of them
    (joined by commas) a page, and the rest.
    """
    import json

    print(f'{{"{name}": [')
    before = ""
    for page in pages:
        sys.stdout.write(before + page)
        before = ",\n"
    print(f"\n], {json.dumps(rest, ensure_ascii=True, default=str)[1:]}")


def table(columns: Sequence[str], rows: Iterable[Mapping[str, object]], empty: str) -> None:
    """Aligned columns; `empty` is what stands there when no row does."""
    cells = [[_cell(row.get(column)) for column in columns] for row in rows]
    if not cells:
        line(empty)
        return
    widths = [
        max(len(column), *(len(row[index]) for row in cells))
        for index, column in enumerate(columns)
    ]
    for row in [[column.upper() for column in columns], *cells]:
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        line("  ".join(padded).rstrip())


def failure(error: MlwsError) -> None:
    """An expected failure, and its cure."""
    note(f"error: {error.message}")
    if error.cure:
        note(f"  cure: {error.cure}")


@contextlib.contextmanager
def bars(console: Console | None = None) -> Iterator[Callable[[str, int, int], None]]:
    """Bars on a terminal: call what is yielded with a bar's text, the bytes done, and the total.

    It may be called from more than one thread. Nothing on the screen runs backwards; a bar goes
    when its thing is done. The last line is that of all together: bytes, rate, time left.
    """
    from rich.console import Console, Group
    from rich.live import Live
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    from mlws_scaffold.cli.meter import Meter

    text = TextColumn("{task.description}", markup=False)
    where = console or Console(stderr=True)
    each = Progress(text, BarColumn(), DownloadColumn(), TimeRemainingColumn())
    whole = Progress(text, DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    shown = Live(Group(each, whole), console=where, transient=True, refresh_per_second=5)
    tasks: dict[str, TaskID] = {}
    meter, turn = Meter(), threading.Lock()

    def move(name: str, done: int, total: int) -> None:
        with turn:
            if not tasks:
                shown.start()  # only now: what is printed without bars keeps its long lines
                tasks[""] = whole.add_task("in all", total=total)
            if name not in tasks:
                tasks[name] = each.add_task(_printable(name, "utf-8"), total=total)
            now = meter.take(name, done, total)
            unfinished = now.done < now.total
            each.update(tasks[name], completed=now.done, total=now.total, visible=unfinished)
            whole.update(tasks[""], completed=now.all_done, total=now.all_total)

    try:
        yield move
    finally:
        shown.stop()


def annotation(problem: Problem, title: str, level: str = "error") -> None:
    """Print a problem as GitHub shows it on the diff; the level is `error` or `warning`."""
    line(annotated(problem, title, level))


def annotated(problem: Problem, title: str, level: str) -> str:
    """The line that becomes an annotation, on whichever stream it is printed."""
    place = [f"file={_property(problem.path)}"]
    if problem.line:
        place += [f"line={problem.line}", f"col={problem.column}"]
    text = f"{problem.field}: {problem.message}" if problem.field else problem.message
    text += f" ({problem.cure})" if problem.cure else ""
    return f"::{level} {','.join(place)},title={_property(title)}::{_data(text)}"


def _cell(value: object) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value) or "-"
    # A table is one line a row: what people typed must not break it.
    return " ".join(str(value).split())


def _printable(text: str, encoding: str | None) -> str:
    """Text that the stream can take; control characters (a terminal would obey them) become ?."""
    clean = "".join(
        "?" if (ord(sign) < 32 and sign not in "\n\t") or sign == "\x7f" else sign for sign in text
    )
    return clean.encode(encoding or "utf-8", "replace").decode(encoding or "utf-8")


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
