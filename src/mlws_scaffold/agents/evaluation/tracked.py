"""Logs an evaluation to MLflow where that is set up. What fails here never fails the evaluation."""

from __future__ import annotations

from mlws_scaffold.adapters import mlflow, recording, tracking
from mlws_scaffold.agents.evaluation.report import Evaluation
from mlws_scaffold.errors import MlwsError
from mlws_scaffold.workspace.config import Workspace


def log(place: Workspace, evaluation: Evaluation, commit: str) -> str:
    """Log the scores as a run of the MLflow experiment `agents/NAME`; says why when it could not.

    Says nothing where the store was never made or MLflow is not installed: nobody tracks here.
    """
    uri = place.config.tracking.uri
    if not mlflow.is_installed() or mlflow.look(uri, place.root).state == "absent":
        return ""
    tags = {
        "mlws.agent": evaluation.agent,
        "mlws.git.commit": commit,
        "mlws.model": evaluation.model.name,
        "mlws.model.digest": evaluation.model.digest,
        "mlws.fake": str(evaluation.model.fake).lower(),
    }
    try:
        store = recording.connect(uri, place.root)
        run = store.create(store.experiment(f"agents/{evaluation.agent}"), tags)
        tracking.metrics(uri, place.root, run, _metrics(evaluation))
        store.end(run, "FINISHED")
    except MlwsError as error:
        return f"not logged to MLflow: {error.message}"
    return ""


def _metrics(evaluation: Evaluation) -> dict[str, float]:
    found = {"score": evaluation.score}
    for one in evaluation.tried:
        found[f"{one.case.id}.passed"] = one.passed / one.case.runs
        if one.score is not None:
            found[f"{one.case.id}.score"] = one.score
    return found
