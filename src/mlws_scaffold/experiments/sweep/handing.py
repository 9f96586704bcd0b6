"""The points as one array of a scheduler: each a recorded run, all from the one snapshot."""

from __future__ import annotations

from mlws_scaffold.errors import MlwsError
from mlws_scaffold.experiments.run import recording, scheduling
from mlws_scaffold.experiments.run.executing import clear_up, isolate
from mlws_scaffold.experiments.run.recording import create_run
from mlws_scaffold.experiments.run.stages import Created, Outcome
from mlws_scaffold.experiments.sweep.executing import as_point, landed
from mlws_scaffold.experiments.sweep.stages import Card, Executed, Opened


def execute(opened: Opened) -> Executed:
    """Hand over what is open, and wait for the end of all, unless it was asked not to.

    Points that an earlier call handed over are waited for again. Ctrl-C ends the waiting alone.
    """
    order = opened.planned.prepared.order
    there = {card.run.run_id: card for card in opened.planned.open if card.run and _is_held(card)}
    fresh = [card for card in opened.planned.open if not _is_held(card)]
    try:
        made = _make(opened, fresh)
        if made:
            handed = scheduling.hand_over_all(made, opened.parent.job.run_id, order.parallel)
            opened.parent.say(
                f"{len(handed)} points are job {handed[0].job.partition('_')[0]} of"
                f" {order.request.backend}"
            )
    except MlwsError as error:
        return Executed(opened, trouble=error)
    cards = {**there, **{c.job.run_id: card for c, card in zip(made, fresh, strict=True)}}
    if order.detach or not cards:
        return Executed(opened, handed=bool(cards))
    return _followed(opened, cards)


def _followed(opened: Opened, cards: dict[str, Card]) -> Executed:
    def ended(outcome: Outcome) -> None:
        landed(opened, cards[outcome.run_id].trial, outcome)

    request = opened.planned.prepared.order.request
    place, account = request.place, request.account
    try:
        with recording.heartbeat(opened.parent):
            scheduling.follow(place, list(cards), ended=ended, account=account)
    except KeyboardInterrupt:
        return Executed(opened, interrupted=True, handed=True)
    except MlwsError as error:
        return Executed(opened, handed=True, trouble=error)
    return Executed(opened)


def _make(opened: Opened, cards: list[Card]) -> list[Created]:
    """A run with its work tree for each; when one cannot be made, none stays open."""
    made: list[Created] = []
    try:
        for card in cards:
            made.append(isolate(create_run(as_point(opened, card.trial))))
    except (MlwsError, KeyboardInterrupt):
        for created in made:
            created.recorder.end(created.job.run_id, "KILLED")
            clear_up(created.job)
        raise
    return made


def _is_held(card: Card) -> bool:
    return card.state == "running" and bool(card.run and card.run.tags.get(scheduling.JOB))
