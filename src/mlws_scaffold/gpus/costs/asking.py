"""`mlws report cost` as a table of contents: read the ledger and the reservations, sum up."""

from __future__ import annotations

from mlws_scaffold.gpus import store as stores
from mlws_scaffold.gpus.costs import waste
from mlws_scaffold.gpus.costs.pricing import Prices
from mlws_scaffold.gpus.costs.report import Question, Report, month_of, report
from mlws_scaffold.gpus.ledger import book, sampling
from mlws_scaffold.workspace.config import Workspace


def cost(place: Workspace, question: Question) -> Report:
    """What the use of GPUs cost in a time. Raises Unavailable when the store cannot be read."""
    sampling.enter_kept(place)
    since = question.since.timestamp() if question.since else 0.0
    with stores.open(place) as store:
        usages = book.read(book.opened(store), since=min(since, _first(question)))
        booked = waste.reservations(store, since, question.until.timestamp())
    return report(question, Prices(place.config.prices), usages, booked)


def _first(question: Question) -> float:
    """How far back the budgets look; a budget of an experiment to the beginning."""
    if question.limits.experiments:
        return 0.0
    return month_of(question).timestamp()
