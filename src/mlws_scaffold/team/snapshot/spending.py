"""What each experiment used of GPUs, from the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mlws_scaffold.gpus import store as stores
from mlws_scaffold.gpus.costs.pricing import Prices
from mlws_scaffold.gpus.costs.report import Sum
from mlws_scaffold.gpus.ledger import book, sampling
from mlws_scaffold.gpus.ledger.book import Usage
from mlws_scaffold.team.snapshot.period import Period
from mlws_scaffold.workspace.config import Workspace

# GPU-hours, and cost by currency.
Spent = Mapping[str, tuple[float, Mapping[str, float]]]


def usages(place: Workspace, period: Period) -> Sequence[Usage]:
    """All that is in the ledger up to the end of the period. Raises Unavailable."""
    sampling.enter_kept(place)
    with stores.open(place) as store:
        return book.read(book.opened(store), until=period.until.timestamp())


def by_experiment(place: Workspace, period: Period) -> Spent:
    """GPU-hours and cost of all time by experiment. Raises Unavailable."""
    prices = Prices(place.config.prices)
    sums: dict[str, Sum] = {}
    for usage in usages(place, period):
        total = sums.setdefault(usage.subject.experiment, Sum())
        for one in usage.segments:
            total.add(one, prices)
    return {key: (total.allocated, dict(total.costs)) for key, total in sums.items()}
