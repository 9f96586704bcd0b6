"""Prices of GPUs in time. A GPU without a price is unpriced: there is no default."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from mlws_scaffold.workspace.config import Price


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of time with one price, or with none. `share`: of the whole stretch, 0 to 1."""

    began: float
    ended: float
    share: float
    price: Price | None

    @property
    def cost(self) -> float | None:
        """In the price's currency; None where there is no price."""
        return (
            None if self.price is None else (self.ended - self.began) / 3600 * (self.price.per_hour)
        )


class Prices:
    """`[[prices]]`: for each GPU the newest that is valid. A day begins at midnight UTC."""

    def __init__(self, prices: Sequence[Price]) -> None:
        self._by_gpu: dict[str, list[Price]] = {}
        for price in sorted(prices, key=lambda one: one.valid_from):
            self._by_gpu.setdefault(_name(price.gpu), []).append(price)

    def pieces(self, model: str, began: float, ended: float) -> Iterator[Piece]:
        """The stretch from `began` to `ended`, cut where the price of the model changes."""
        known = self._by_gpu.get(_name(model), [])
        edges = [began, *(at for one in known if began < (at := _midnight(one.valid_from)) < ended)]
        for start, stop in zip(edges, [*edges[1:], ended], strict=True):
            valid = [one for one in known if _midnight(one.valid_from) <= start]
            share = (stop - start) / (ended - began) if ended > began else 1.0
            yield Piece(start, stop, share, valid[-1] if valid else None)


def _name(gpu: str) -> str:
    """Names are compared without regard to case and spaces, and never in part."""
    return " ".join(gpu.lower().split())


def _midnight(day: date) -> float:
    return datetime.combine(day, time(), UTC).timestamp()
