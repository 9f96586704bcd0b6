"""Is the model on the stage's server the one that the registry means, and that was judged?"""

from __future__ import annotations

from collections.abc import Iterator

from mlws_scaffold.adapters import ollama
from mlws_scaffold.models.lifecycle import history, moves
from mlws_scaffold.models.lifecycle.history import Record
from mlws_scaffold.models.lifecycle.servers import asked
from mlws_scaffold.models.lifecycle.stages import Context, Verdict, failed, passed
from mlws_scaffold.models.modelfile import overlay
from mlws_scaffold.models.registry import Status

_BEFORE: dict[Status, Status] = {"staging": "testing", "production": "staging"}


def as_registry_says(context: Context) -> Verdict:
    """The server holds the model, and it is what the Modelfile and `digest` say."""
    digest, sync = context.digest, _sync(context)
    if not digest:
        return failed(f"{context.name} is not on {context.host}", f"cure: {sync}")
    wanted = (context.model.digest or "").removeprefix("sha256:")
    evidence = {"host": context.host, "name": context.name, "digest": f"sha256:{digest}"}
    if context.recipe is not None:
        evidence["fingerprint"] = context.recipe.fingerprint
    wrong = [*_unlike_expectation(digest, wanted), *_unlike_recipe(context)]
    if wrong:
        return failed(*wrong, f"cure: {sync}", **evidence)
    return passed(f"{context.name} on {context.host} is sha256:{digest[:12]}", **evidence)


def same_as_before(context: Context) -> Verdict:
    """What is judged now is what passed the stage before: nothing was changed in between."""
    stage = _BEFORE[context.new]
    before = moves.earned(context.records, context.version, stage)
    if before is None:
        return failed(
            f"no record says that {context.version} passed {stage}",
            f"cure: mlws model promote {context.key} --to development --reason TEXT, then again"
            " from the start",
        )
    evidence = {"passed": stage, "at": before.at.isoformat(), "digest": before.digest}
    then = before.gate("build").get("fingerprint")
    if context.recipe is not None and then != context.recipe.fingerprint:
        return failed(
            f"the Modelfile says something else than the one that passed {stage}",
            "cure: give the model a new version; it starts in development",
            **evidence,
        )
    if before.digest == f"sha256:{context.digest}":
        return passed(f"as it passed {stage} on {before.at.date()}", **evidence)
    return _rebuilt(context, stage, before, evidence)


def edited_pointer(context: Context) -> Verdict | None:
    """A verdict when `live` is not what the history says: only promotion and rollback write it."""
    live, last = context.model.live, history.in_production(context.records, context.now)
    if not live or not last or (live.version, live.digest) == (last.version, last.digest):
        return None
    said = f"`live` says {live.version} ({live.digest}), the history {last.version}"
    cure = f"cure: mlws model rollback {context.key} --to {last.version}, which writes it anew"
    return failed(f"{said} ({last.digest}): one was edited by hand", cure)


def _rebuilt(context: Context, stage: str, before: Record, evidence: dict[str, str]) -> Verdict:
    """Two servers may write one model down differently. Then all they tell of it must be equal."""
    host = str(before.gate("build").get("host", ""))
    said = f"sha256:{context.digest[:12]} here, sha256:{before.digest[7:19]} when it passed {stage}"
    cure = "cure: bring it there again (mlws model sync), or give it a new version"
    if host in ("", context.host):
        return failed(f"the model is another one than the one judged: {said}", cure, **evidence)
    there = ollama.held(host).get(ollama.full_name(context.name))
    if there is None or f"sha256:{there.digest}" != before.digest:
        return failed(f"{host} no longer holds what passed {stage}: {said}", cure, **evidence)
    with asked(host):
        one = ollama.show(host, context.name)
    with asked(context.host):
        other = ollama.show(context.host, context.name)
    if one is None or one != other:
        return failed(f"{context.host} holds another model than {host}: {said}", cure, **evidence)
    return passed(f"same weights and settings as on {host}, written down anew: {said}", **evidence)


def _unlike_expectation(digest: str, wanted: str) -> Iterator[str]:
    if wanted and digest != wanted:
        yield f"it is sha256:{digest[:12]}, the registry expects sha256:{wanted[:12]}"


def _unlike_recipe(context: Context) -> Iterator[str]:
    if context.recipe is None:
        return
    with asked(context.host):
        shown = ollama.show(context.host, context.name)
        base = ollama.show(context.host, context.recipe.base) if context.recipe.base else None
    if shown is None:
        yield f"{context.name} went away while it was looked at"
    elif context.recipe.base and base is None:
        yield f"its base {context.recipe.base} is not on {context.host}, so it cannot be compared"
    else:
        for difference in overlay.differences(context.recipe, shown, base):
            if difference.found == overlay.NOT_COMPARABLE:
                continue  # weights that Ollama converted; from here on their digest speaks
            yield (
                f"{difference.field} is {difference.found!r}, the Modelfile says"
                f" {difference.wanted!r}"
            )


def _sync(context: Context) -> str:
    return f"mlws model sync {context.key} --host {context.host}"
