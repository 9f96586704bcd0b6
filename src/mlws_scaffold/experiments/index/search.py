"""Did someone already try this? Ranked hits over experiments and pages of all branches."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from mlws_scaffold.errors import MlwsError, UsageError
from mlws_scaffold.experiments.index import entries
from mlws_scaffold.experiments.index.entries import Everywhere
from mlws_scaffold.workspace.layout import Layout

_MOST_WORDS = 50
# title, tags, goal, hypothesis, conclusion, text
_WEIGHTS = "4.0, 4.0, 6.0, 4.0, 4.0, 1.0"
# Without an index, more experiments than this would keep somebody waiting.
_MOST_UNREAD = 300
USUAL = ("experiment", "learning")
_COMMON = {"and", "for", "from", "how", "the", "that", "this", "what", "which", "with", "out"}


@dataclass(frozen=True, slots=True)
class Hit:
    """An experiment or a page; a higher score is better, and only comparable in one search.

    The goal of a page is its title.
    """

    kind: str
    experiment_id: str
    path: str
    branch: str
    researcher: str
    status: str
    goal: str
    score: float


def search(
    found: Everywhere, words: str, most: int = 20, kinds: Sequence[str] = USUAL
) -> list[Hit]:
    """The best hits of these kinds (none: all) for any of the words.

    Raises UsageError when there is no word in the text.
    """
    wanted = _words(words)
    if not wanted:
        raise UsageError(f"{words!r} holds no word", "name what you look for: chunk size reranker")
    # Quoted, a word is never an operator of the search language.
    match = " OR ".join(f'"{word}"' for word in wanted[:_MOST_WORDS])
    query = (
        "select kind, experiment_id, folder, branch, researcher, status, documents.goal,"  # noqa: S608
        f" round(-bm25(words, {_WEIGHTS}), 3) as score from words join documents"
        " on documents.id = words.rowid where words match ?"
        f" and (? or kind in ({', '.join('?' * len(kinds))})) order by score desc, folder limit ?"
    )
    values = (match, not kinds, *kinds, most)
    return [Hit(*row) for row in found.connection.execute(query, values)]


def similar(layout: Layout, text: str) -> list[Hit]:
    """At most three experiments that share much of the text. Never raises, never takes long."""
    wanted = {word for word in _words(text) if len(word) > 2 and word not in _COMMON}
    if len(wanted) < 2:
        return []
    try:
        if not entries.is_cached(layout) and len(layout.experiments()) > _MOST_UNREAD:
            return []
        with entries.everywhere(layout) as found:
            hits = search(found, " ".join(sorted(wanted)), 10)
    except (MlwsError, OSError, sqlite3.Error):
        return []
    near = [
        hit
        for hit in hits
        if hit.kind == "experiment"
        and len(wanted & {*_words(f"{hit.experiment_id} {hit.goal}")}) * 2 >= len(wanted)
    ]
    return near[:3]


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.lower())
