"""The builds and copies of a sync, one after the other, in the order of what is made from what."""

from __future__ import annotations

from collections.abc import Generator, Mapping

from mlws_scaffold.adapters import ollama
from mlws_scaffold.adapters.ollama import Progress
from mlws_scaffold.errors import MlwsError
from mlws_scaffold.models.modelfile import Blob
from mlws_scaffold.models.sync import report
from mlws_scaffold.models.sync.decide import Step
from mlws_scaffold.models.sync.order import Wish
from mlws_scaffold.models.sync.report import Result
from mlws_scaffold.models.sync.work import Work
from mlws_scaffold.models.weights import fetching


def make(work: Work, wish: Wish, before: Mapping[str, Result]) -> Result:
    """Do what is to be done for a wish, by the facts as they are now.

    before: the results of what came earlier, by `full_name`.
    """
    try:
        return _made(work, wish, before)
    except MlwsError as error:
        return report.failed(wish, error.message, error.cure)


def _made(work: Work, wish: Wish, before: Mapping[str, Result]) -> Result:
    step = work.judge(wish)
    if step.settled or not step.action:
        return report.left(step)
    if step.action == "adopt":
        work.adopt([wish])
        return report.done(wish, "adopted", step.reason)
    if (refusal := _without_base(work, wish, before)) is not None:
        return refusal
    if step.action not in ("build", "copy"):
        return report.skipped(wish, step.reason, "run it again: the server was changed meanwhile")
    return _copied(work, step) if step.action == "copy" else _built(work, step)


def _without_base(work: Work, wish: Wish, before: Mapping[str, Result]) -> Result | None:
    """A build whose base is not there would pull it silently; on a wrong one it would be wrong."""
    if not wish.origin:
        return None
    base = before.get(wish.source)
    if base is not None and not base.ok:
        how = "failed" if base.state == "failed" else f"is not right: {base.state}"
        return report.skipped(wish, f"its base {wish.origin} {how}", base.cure)
    if wish.source not in work.facts.held:
        cure = f"bring it there: ollama pull {wish.origin}"
        return report.skipped(wish, f"its base {wish.origin} is not on the server", cure)
    return None


def _built(work: Work, step: Step) -> Result:
    wish, server = step.wish, work.server
    recipe = wish.recipe
    assert recipe is not None  # noqa: S101 - a build without one has a flaw, and no action
    base_digest = work.facts.digest(wish.source)
    work.begin([wish])
    for blob in recipe.blobs:
        _bring(work, wish, blob)
    server.follow(
        wish.key,
        lambda: ollama.create(server.host, wish.name, recipe.body, server.patience.stall),
    )
    work.finish(wish, base_digest)
    after = work.judge(wish, forced=False)
    return (
        report.left(after) if after.state == "drifted" else report.done(wish, "built", step.reason)
    )


def _copied(work: Work, step: Step) -> Result:
    wish, server = step.wish, work.server
    wanted = work.facts.digest(wish.source)
    work.begin([wish])
    server.persist(
        wish.key,
        lambda: ollama.copy(server.host, wish.origin, wish.name, server.patience.answer),
    )
    found = work.finish(wish)
    if found != wanted:
        detail = f"{wish.name} is {found[:12]} after the copy, {wish.origin} was {wanted[:12]}"
        return report.failed(wish, detail, "run it again: somebody changed it meanwhile")
    return report.done(wish, "copied", step.reason)


def _bring(work: Work, wish: Wish, blob: Blob) -> None:
    """The file onto the server; trained weights that this machine lacks are fetched first."""
    server = work.server

    def start() -> Generator[Progress]:
        if ollama.has_blob(server.host, blob.digest, server.patience.answer):
            return
        if not blob.path.exists():
            for _ in fetching.ensure(work.place, [blob.path], fetched):
                pass
        yield from ollama.upload(server.host, blob.path, blob.digest, server.patience.stall)

    def fetched(_key: str, done: int, total: int) -> None:
        server.watch(wish.key, Progress(f"fetching {blob.path.name}", blob.digest, total, done))

    server.follow(wish.key, start)
