"""The model that a run made: its artifact `best_model`, or what lies in the experiment's outputs.

A file in `outputs/` counts as a run's own only when `run.json` beside it names that run: the next
run in the same folder replaces it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from mlws_scaffold.adapters import tracking
from mlws_scaffold.errors import MlwsError, Unavailable, UsageError
from mlws_scaffold.experiments import results
from mlws_scaffold.experiments.results import Run
from mlws_scaffold.workspace.config import Workspace
from mlws_scaffold.workspace.layout import EXPERIMENTS
from mlws_scaffold.workspace.trained import Trained

MODEL = "best_model"
RUN_FILE = "run.json"


def trained(place: Workspace, text: str, scratch: Path) -> Trained:
    """What `text` names: a file or folder, or the model of the run whose id begins with it.

    An artifact of a server is fetched into `scratch`. Raises UsageError when it is neither,
    MlwsError when the run kept no model, Unavailable when the store cannot be asked.
    """
    path = Path(text)
    if text and path.exists():
        return _of_file(place, path)
    if not text or "/" in text or path.suffix:
        raise UsageError(f"there is no {text!r}", "name a file, a folder or a run")
    run = results.run_named(place, text)
    if run.status in ("RUNNING", "SCHEDULED"):
        raise UsageError(f"run {run.run_id} is not over", "wait for its end, or name a file")
    return _with_facts(_artifact(place, run, scratch) or _in_outputs(place, run), run)


def _of_file(place: Workspace, path: Path) -> Trained:
    """A named path; the run is known where the file lies beside the note that train.py writes."""
    run_id = _run_beside(path) if path.stem.startswith(MODEL) else ""
    if not run_id:
        return Trained(path)
    try:
        return _with_facts(path, results.run_named(place, run_id))
    except (UsageError, Unavailable):  # made on another machine, or its store is not to be had
        return Trained(path, run_id)


def _artifact(place: Workspace, run: Run, scratch: Path) -> Path | None:
    uri, root = place.config.tracking.uri, place.root
    names = [name for name in tracking.artifacts(uri, root, run.run_id) if Path(name).stem == MODEL]
    if not names:
        return None
    return tracking.artifact(uri, root, run.run_id, _only(run, names), scratch)


def _in_outputs(place: Workspace, run: Run) -> Path:
    found = sorted({path for folder in _folders(place, run) for path in folder.glob(f"{MODEL}.*")})
    own = [path for path in found if run.run_id in (_run_beside(path), _run_in_name(run, path))]
    if own:
        by_name = {str(path): path for path in own}
        return by_name[_only(run, list(by_name))]
    others = {_run_beside(path) or "nobody knows which run" for path in found}
    also = f"; what lies in outputs/ was made by {', '.join(sorted(others))}" if found else ""
    raise MlwsError(
        f"run {run.run_id} kept no {MODEL}, neither as an artifact nor in outputs/{also}",
        "log it in train.py: mlflow.log_artifact(…); or name the file itself",
    )


def _folders(place: Workspace, run: Run) -> Iterator[Path]:
    """Where the run may have written on this machine: its folder, and that of a detached run."""
    told = run.tags.get("mlws.folder", "")
    root = (place.root / EXPERIMENTS).resolve()
    outputs = (place.root / told / "outputs").resolve()
    if told and outputs.is_relative_to(root):
        yield outputs
        yield outputs / run.run_id[:8]


def _run_in_name(run: Run, path: Path) -> str:
    """A detached run has a folder of its own, which its id names."""
    return run.run_id if path.parent.name == run.run_id[:8] else ""


def _run_beside(path: Path) -> str:
    try:
        found = json.loads((path.parent / RUN_FILE).read_text(encoding="utf-8"))["run_id"]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return found if isinstance(found, str) else ""


def _only(run: Run, names: list[str]) -> str:
    if len(names) > 1:
        raise UsageError(
            f"run {run.run_id} kept several: {', '.join(names)}", "name the file that is meant"
        )
    return names[0]


def _with_facts(path: Path, run: Run) -> Trained:
    # A dirty tree's code is in the commit that was pinned for the run.
    commit = run.tags.get("mlws.git.snapshot") or run.tags.get("mlws.git.commit") or ""
    return Trained(path, run.run_id, run.tags.get("mlws.experiment_id", ""), commit)
