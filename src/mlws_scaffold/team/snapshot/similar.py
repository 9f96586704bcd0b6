"""Goals of different people that say nearly the same. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

# The share of common words from which two goals are similar, and how few words say nothing.
_SHARE = 0.6
_LEAST = 3
# Words in more goals than this tell nothing about two of them.
_MOST = 40
_STOP = frozenset((
    "a", "an", "and", "are", "as", "at", "be", "best", "better", "by", "can", "does", "find",
    "for", "from", "how", "if", "in", "is", "it", "know", "of", "on", "one", "or", "out",
    "than", "that", "the", "this", "to", "we", "what", "when", "whether", "which", "will",
    "with",
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Goal:
    """One experiment's goal, and whose it is."""

    key: str
    owner: str
    text: str


def pairs(goals: Sequence[Goal]) -> Iterator[tuple[Goal, Goal, float]]:
    """Each two of different owners whose goals share most of their words, with the share."""
    words = [_words(goal.text) for goal in goals]
    where: dict[str, list[int]] = {}
    for number, found in enumerate(words):
        for word in found:
            where.setdefault(word, []).append(number)
    near = {
        (one, other)
        for numbers in where.values()
        if len(numbers) <= _MOST
        for at, one in enumerate(numbers)
        for other in numbers[at + 1 :]
        if goals[one].owner != goals[other].owner
    }
    for one, other in sorted(near, key=lambda pair: (goals[pair[0]].key, goals[pair[1]].key)):
        share = len(words[one] & words[other]) / len(words[one] | words[other])
        if share >= _SHARE:
            first, second = sorted((goals[one], goals[other]), key=lambda goal: goal.key)
            yield first, second, share


def _words(text: str) -> frozenset[str]:
    found = frozenset(re.findall(r"[a-z0-9]+", text.casefold())) - _STOP
    return found if len(found) >= _LEAST else frozenset()
