"""A new decision or learning: its facts are filled in, what only people know is asked for."""

from __future__ import annotations

import os
import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from mlws_scaffold.adapters import files, texts
from mlws_scaffold.adapters.git import Git
from mlws_scaffold.errors import UsageError
from mlws_scaffold.experiments import find
from mlws_scaffold.experiments.index.entries import Entry
from mlws_scaffold.scaffold.knowledge import indexes, pages
from mlws_scaffold.workspace import names, people
from mlws_scaffold.workspace.config import Workspace

_MOST_TITLE = 120
_MOST_SLUG = 60
_ADR = {
    "Context": "What makes a decision necessary? Which facts, which limits?",
    "Decision": "What do we do, in one or two sentences? Which alternatives did you weigh?",
    "Consequences": "What becomes easier, what harder? How would we notice that it was wrong?",
}
_LEARNING = {
    "What was expected": "And why?",
    "What happened": "With numbers, and the run or the commit where they can be looked up.",
    "How it was found": "What would have shown it earlier?",
    "What to do instead": "So that nobody falls into the same hole.",
}


@dataclass(frozen=True, slots=True)
class Written:
    """The new page, the index that names it, and remarks."""

    path: str
    index: str
    remarks: tuple[str, ...] = ()


def decision(
    place: Workspace, title: str, *, researcher: str = "", proposed: bool = False
) -> Written:
    """Write `docs/adrs/DAY-title.md` and its line in the index. Raises UsageError for the title."""
    return _write(
        place, "adr", title, researcher, (f"Status: {'proposed' if proposed else 'accepted'}",)
    )


def learning(
    place: Workspace, title: str, *, experiment: str = "", researcher: str = ""
) -> Written:
    """Write `docs/learnings/DAY-title.md` and its line in the index, with what an experiment found.

    Raises UsageError for the title, or for an experiment that is not in the working tree.
    """
    lines: tuple[str, ...] = ()
    if experiment:
        lines = _about(place, find.experiment(place, experiment, Path.cwd()))
    return _write(place, "learning", title, researcher, lines)


def _write(
    place: Workspace, kind: str, title: str, researcher: str, lines: tuple[str, ...]
) -> Written:
    title = title.strip()
    if wrong := names.problem_with_text(title, least=3, most=_MOST_TITLE):
        raise UsageError(f"title: {title!r} does not fit: {wrong}")
    slug = _slug(title)
    if not slug:
        raise UsageError(f"title: {title!r} holds no letter or digit", "say it in a few words")
    who, remark = people.acting(place.config, Git(place.root).setting("user.email"), researcher)
    today = date.today()
    path = place.root / pages.HOMES[kind] / f"{today}-{slug}.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = _text(title, (*lines, f"Date: {today}, by {who}"), _ADR if kind == "adr" else _LEARNING)
    with files.locked(path.parent):
        if path.exists():
            raise UsageError(f"{place.layout.relative(path)} exists already", "go on there")
        files.write(path, text)
        try:
            index = indexes.renew(place.layout, kind)
        except BaseException:
            path.unlink()
            raise
    return Written(place.layout.relative(path), index, (remark,) if remark else ())


def _text(title: str, lines: tuple[str, ...], questions: dict[str, str]) -> str:
    sections = [f"## {name}\n\n{texts.UNFILLED} {asked} -->" for name, asked in questions.items()]
    return "\n\n".join([f"# {title}", *lines, *sections]) + "\n"


def _slug(title: str) -> str:
    """The title as part of a file's name, cut between words."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    if len(slug) > _MOST_SLUG:
        slug = slug[: _MOST_SLUG + 1].rpartition("-")[0] or slug[:_MOST_SLUG]
    return slug


def _about(place: Workspace, entry: Entry) -> tuple[str, ...]:
    """What the experiment says of itself, so that the reader need not look it up."""
    metadata = entry.metadata
    way = os.path.relpath(entry.folder, place.root / pages.HOMES["learning"])
    lines = [
        f"Experiment: [{metadata.experiment_id}]({Path(way).as_posix()}) ({metadata.status})",
        f"Goal: {pages.escaped(metadata.goal)}",
    ]
    found = metadata.results
    if found is not None and found.best_metric is not None:
        run = f", run `{found.run_id}`" if found.run_id else ""
        lines.append(f"Best: {found.metric or 'result'} {found.best_metric:.6g}{run}")
    if metadata.conclusion:
        lines.append(f"Conclusion: {pages.escaped(metadata.conclusion)}")
    return tuple(lines)
