"""What has to be known, written and kept before a model answers users."""

from __future__ import annotations

from datetime import timedelta

from mlws_scaffold.adapters.git import Git
from mlws_scaffold.errors import MlwsError
from mlws_scaffold.models import modelfile
from mlws_scaffold.models.lifecycle import cards, naming
from mlws_scaffold.models.lifecycle import cases as suites
from mlws_scaffold.models.lifecycle.gates import built, staging
from mlws_scaffold.models.lifecycle.stages import Context, Verdict, failed, passed, skipped
from mlws_scaffold.models.sync import lockfile
from mlws_scaffold.models.sync.lockfile import Locked
from mlws_scaffold.workspace.layout import MODEL_LOCK, REGISTRY

# `owners: [team]` says that everybody is.
_EVERYBODY = "team"


def owners(context: Context) -> Verdict:
    """Somebody whom the team knows answers for it."""
    found, known = context.model.owners, {*context.place.config.team, _EVERYBODY}
    strangers = [owner for owner in found if owner not in known]
    if not found:
        return failed("nobody owns it", "cure: name a handle of [team] in `owners`")
    if strangers:
        said = f"{', '.join(strangers)}: not in [team] of mlws.toml"
        return failed(said, "cure: add them there, or name somebody else", owners=list(found))
    return passed(f"{', '.join(found)}", owners=list(found))


def lint(context: Context) -> Verdict:
    """The Modelfile has no finding of any kind."""
    found = modelfile.lint(context.layout, context.key, context.model, context.registry)
    if found:
        return failed(*(f"{one.code} {one.problem}" for one in found))
    if context.recipe is None:
        return skipped("it is pulled, not built")
    return passed("no finding")


def lock(context: Context) -> Verdict:
    """What it is, is locked: by a person's `digest` in the registry, else by the accepted sync."""
    own = (context.model.digest or "").removeprefix("sha256:")
    locked = lockfile.read(context.layout).get(context.key)
    if not own and locked is None:
        cure = f"cure: mlws model sync {context.key}, and commit {MODEL_LOCK}"
        return failed(f"{MODEL_LOCK} does not have {context.key}", cure)
    where = REGISTRY if own else MODEL_LOCK
    wanted = own or staging.bare((locked.digest if locked else "") or "")
    evidence = {"locked": f"sha256:{wanted}" if wanted else "", "by": where}
    if wanted in staging.judged_digests(context):
        return passed(f"sha256:{wanted[:12]} by {where}", **evidence)
    if not own and locked and _means(context, locked):
        evidence["fingerprint"] = locked.fingerprint or ""
        return passed(f"the Modelfile and its base by {where}", **evidence)
    said = f"{where} has sha256:{wanted[:12]}, this is sha256:{context.digest[:12]}"
    cure = f"cure: mlws model lock {context.key} --update, when this is the one you mean"
    return failed(said, cure, **evidence)


def _means(context: Context, locked: Locked) -> bool:
    """Whether the same Modelfile was locked on the same base: servers write it down differently."""
    recipe = context.recipe
    if recipe is None or locked.fingerprint != recipe.fingerprint:
        return False
    base = context.digest_of(recipe.base) if recipe.base else ""
    return staging.bare(locked.base_digest or "") == base


def benchmark(context: Context) -> Verdict:
    """The model was measured, and not too long ago."""
    found = staging.benchmark(context)
    report = context.tools.benchmark(context.layout, context.key, context.version)
    if found.result == "fail" or report is None:
        return found
    most = context.place.config.models.benchmark_days
    if context.now - report.at > timedelta(days=most):
        days = (context.now - report.at).days
        said = f"measured {days} days ago; [models] benchmark_days allows {most}"
        return failed(said, f"cure: mlws model benchmark {context.key}", **found.evidence)
    return found


def cases(context: Context) -> Verdict:
    """There are as many cases as the team asks for."""
    suite = suites.load(context.layout, context.key)
    count, least = len(suite.cases) if suite else 0, context.place.config.models.min_cases
    if count < least:
        said = f"{count} cases; [models] min_cases asks for {least}"
        return failed(said, f"cure: write more into {suites.name_of(context.key)}", count=count)
    return passed(f"{count} cases", count=count)


def card(context: Context) -> Verdict:
    """The model card speaks of this version, and people have filled what only they know."""
    problems = cards.problems(context.layout, context.key, context.version)
    if problems:
        return failed(*(str(problem) for problem in problems))
    return passed(f"{cards.name_of(context.key)} is complete")


def commit(context: Context) -> Verdict:
    """What describes the model is committed, so that its commit says what went live."""
    git = Git(context.place.root)
    paths = [suites.name_of(context.key), cards.name_of(context.key)]
    paths += [context.model.modelfile] if context.model.modelfile else []
    head = git.commit_of("HEAD")
    if head is None:
        return failed("there is no commit yet", "cure: git commit")
    if changed := git.changed(*paths):
        return failed(f"not committed: {', '.join(changed)}", "cure: git commit")
    return passed(f"at {head[:12]}", commit=head, modelfile_commit=modelfile_commit(context))


def modelfile_commit(context: Context) -> str | None:
    """The last commit that changed the Modelfile; None for a model that is pulled."""
    if not context.model.modelfile:
        return None
    git = Git(context.place.root)
    return git.run("log", "-1", "--format=%H", "--", context.model.modelfile) or None


def backup(context: Context) -> Verdict:
    """What is in production now can be kept under its version, and this version under its own."""
    if edited := built.edited_pointer(context):
        return edited
    try:
        plan = naming.for_promotion(context.held, context.key, context.model, context.digest)
    except MlwsError as error:
        return failed(error.message, f"cure: {error.cure}")
    evidence = {"names": [one.evidence() for one in plan]}
    return passed(f"{len(plan)} names to give, nothing is in the way", **evidence)


def agents(context: Context) -> Verdict:
    """No agent names it any more."""
    found = list(context.tools.agents(context.key))
    if found:
        said = f"{', '.join(found)} still uses it"
        return failed(said, "cure: name another model in agent.yaml", agents=found)
    return passed("no agent names it")
