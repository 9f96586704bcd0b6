"""Rules for what an experiment says about itself in its metadata."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from mlws_scaffold.checks.check import Check, Result, judged, not_applicable
from mlws_scaffold.checks.projects import Experiment
from mlws_scaffold.checks.target import Target
from mlws_scaffold.errors import MlwsError, Problem
from mlws_scaffold.experiments.index import entries, listing
from mlws_scaffold.experiments.index.listing import Owner
from mlws_scaffold.workspace import names
from mlws_scaffold.workspace.layout import ARCHIVE, EXPERIMENTS, METADATA

_NONE = "no experiment here, or none was touched"


class MetadataPresent(Check):
    """Each experiment lies in experiments/active/<researcher>/<name>/ and says in metadata.yaml
    what it is.

    Without that file nobody finds the work again. `mlws-new experiment NAME` writes one;
    for a folder that is no experiment, choose a place outside of experiments/.
    """

    id, area, title = "EXP001", "experiments", "every experiment has a metadata.yaml"

    def run(self, target: Target) -> Result:
        misplaced = [
            Problem(
                path, "lies at the wrong depth", f"move it to {EXPERIMENTS}/<researcher>/<name>/"
            )
            for path in sorted(target.files or ())
            if target.is_workspace and _misplaced(path) and target.touches(path)
        ]
        if not target.asked_experiments and not misplaced:
            return not_applicable(_NONE)
        cure = "say who tries what: mlws-new experiment shows the fields"
        absent = [
            Problem(found.path, "missing", cure)
            for found in target.asked_experiments
            if found.missing
        ]
        return judged([*misplaced, *absent])


class MetadataValid(Check):
    """Commands and colleagues rely on these fields: what is unknown or misspelt would be lost in
    silence.

    Correct the line that is named. Fields of your own may begin with `x_`.
    """

    id, area, title = "EXP002", "experiments", "every metadata.yaml is valid"

    def run(self, target: Target) -> Result:
        present = [found for found in target.asked_experiments if not found.missing]
        if not present:
            return not_applicable(_NONE)
        return judged(problem for found in present for problem in found.problems)


class ResearcherIsFolder(Check):
    """The folder says whose experiment it is, so both places must agree.

    When somebody else carries on, set `owner`; the researcher stays the one who began it.
    """

    id, area, title = "EXP003", "experiments", "researcher equals the folder"

    def run(self, target: Target) -> Result:
        placed = [
            found for found in target.asked_experiments if found.metadata and found.researcher
        ]
        if not placed:
            return not_applicable(_NONE)
        problems = [
            found.problem(
                "researcher",
                f"{found.metadata.researcher!r} in the folder of {found.researcher!r}",
                f"write {found.researcher}, or move the folder",
            )
            for found in placed
            if found.metadata and found.metadata.researcher != found.researcher
        ]
        warnings = [
            Problem(found.folder, f"bad folder name {part!r}", wrong)
            for found in placed
            for part in (found.researcher or "", found.name)
            if (wrong := names.problem_with_name(part))
        ]
        return judged(problems, warnings)


class IdUnique(Check):
    """Results, agents and other experiments refer to an experiment_id; two with the same one
    cannot be told apart.

    Give the younger one another id. The archive and all branches known here count as well.
    """

    id, area, title = "EXP004", "experiments", "no experiment_id is used twice"

    def run(self, target: Target) -> Result:
        if not target.asked_experiments:
            return not_applicable(_NONE)
        owners: dict[str, list[str]] = defaultdict(list)
        for folder, identifier in target.identifiers.items():
            # Some file systems and MLflow servers do not tell upper and lower case apart.
            owners[identifier.casefold()].append(folder)
        elsewhere = _elsewhere(target)
        problems = []
        for found in target.asked_experiments:
            identifier = target.identifiers.get(found.folder, "")
            others = [
                folder for folder in owners.get(identifier.casefold(), ()) if folder != found.folder
            ]
            others += [
                f"{other.folder} on {other.branch}"
                for other in elsewhere.get(identifier.casefold(), ())
                if not _is_the_same(target, found, other)
            ]
            if others:
                message = f"{identifier!r} is also the id of {', '.join(others)}"
                problems.append(found.problem("experiment_id", message, "choose another id"))
        return judged(problems)


class DatesPlausible(Check):
    """Reports and the dashboard sort by these dates, and a date to come puts an experiment first
    for ever.

    Write the day on which it really began.
    """

    id, area, title = "EXP006", "experiments", "dates do not lie in the future"

    def run(self, target: Target) -> Result:
        known = [found for found in target.asked_experiments if found.metadata]
        if not known:
            return not_applicable(_NONE)
        return judged(problem for found in known for problem in _odd_dates(found))


class PeopleKnown(Check):
    """Reviews, questions and handoffs go to the people who are named, so a handle that nobody has
    helps nobody.

    Add the person to [team] in mlws.toml, or name somebody who is there. Those who left may stay
    in the archive.
    """

    id, area, title = "EXP008", "experiments", "researcher, owner and team are in [team]"

    def run(self, target: Target) -> Result:
        if target.config is None:
            return not_applicable(target.no_config)
        known = [
            found for found in target.asked_experiments if found.metadata and not found.is_archived
        ]
        if not known:
            return not_applicable(_NONE)
        people, warnings = target.known_people(), []
        for found in known:
            assert found.metadata is not None  # noqa: S101 - narrows the type
            named = [
                ("researcher", found.metadata.researcher),
                ("owner", found.metadata.owner or ""),
            ]
            named += [("team", handle) for handle in found.metadata.team]
            for field, handle in named:
                if handle and handle not in people:
                    cure = f"add [team.{handle}] to mlws.toml"
                    warnings.append(found.problem(field, f"{handle!r} is not in [team]", cure))
        return judged([], warnings)


class ReferencesExist(Check):
    """`parent` and `baseline` tell where the work comes from; an id that nothing has leads nowhere.

    Correct the id. The other experiment may also lie on a branch that is not merged yet: then all
    is well.
    """

    id, area, title = "EXP010", "experiments", "parent and baseline name experiments that exist"

    def run(self, target: Target) -> Result:
        known = [found for found in target.asked_experiments if found.metadata]
        if not known:
            return not_applicable(_NONE)
        identifiers, warnings = set(target.identifiers.values()), []
        for found in known:
            assert found.metadata is not None  # noqa: S101 - narrows the type
            for field, other in (
                ("parent", found.metadata.parent),
                ("baseline", found.metadata.baseline),
            ):
                if isinstance(other, str) and other not in identifiers:
                    warnings.append(
                        found.problem(field, f"no experiment here has the id {other!r}")
                    )
                elif other == found.metadata.experiment_id:
                    warnings.append(found.problem(field, "names the experiment itself"))
        return judged([], warnings)


def _elsewhere(target: Target) -> dict[str, list[Owner]]:
    """Experiments of other branches by id; none where there is no index to be had."""
    if target.repository is None or not target.is_workspace:
        return {}
    try:
        with entries.everywhere(target.layout) as found:
            owners = listing.owners(found)
    except MlwsError:
        return {}
    here = {*target.experiment_folders}
    by_id: dict[str, list[Owner]] = defaultdict(list)
    for owner in owners:
        if owner.folder not in here:
            by_id[owner.experiment_id.casefold()].append(owner)
    return by_id


def _is_the_same(target: Target, found: Experiment, other: Owner) -> bool:
    """Whether the other folder is this experiment before it was moved, renamed or archived."""
    assert target.repository is not None  # noqa: S101 - narrows the type
    if other.folder.split("/")[2:] == found.folder.split("/")[2:]:
        return True
    done = target.repository.git.attempt("rev-list", "-1", "HEAD", "--", other.folder)
    return bool(done.stdout.strip())


def _misplaced(path: str) -> bool:
    """A metadata.yaml below experiments/ where no command looks for one."""
    parts = path.split("/")
    if parts[-1] != METADATA or not path.startswith((f"{EXPERIMENTS}/", f"{ARCHIVE}/")):
        return False
    return len(parts) < 5 or (
        len(parts) == 6 and parts[4] not in ("data", "results", "outputs", "src", "tests")
    )


def _odd_dates(found: Experiment) -> Iterable[Problem]:
    assert found.metadata is not None  # noqa: S101 - narrows the type
    # Somewhere on earth it is tomorrow already.
    latest = datetime.now(UTC).date() + timedelta(days=1)
    created, updated = found.metadata.created, found.metadata.updated
    days: list[tuple[str, date | None]] = [("created", created), ("updated", updated)]
    for field, day in days:
        if day and day > latest:
            yield found.problem(field, f"{day} lies in the future", "write the day it happened")
    if updated and updated < created:
        yield found.problem(
            "updated", f"{updated} is before created ({created})", "correct one of them"
        )
