"""What train.py and evaluate.py do: read arguments, run, log to MLflow, print."""

import argparse
import json
import sys
from pathlib import Path

import yaml
from shared_tools import tracking
from shared_tools.configuration import ConfigurationError

from .checkpoint import CHECKPOINT, load_checkpoint, save_checkpoint
from .configuration import Config
from .data import make_dataset
from .failures import CheckpointError, TrainingError
from .reading import flat_values, read_config
from .training import PRIMARY_METRIC, State, final_metrics, start, train_epochs, validation_score

# Beside a checkpoint: the run that made it, so that its evaluation is logged there too.
RUN_FILE = "run.json"


def train(folder: Path, arguments: list[str] | None = None) -> int:
    """Train the experiment in `folder` as one MLflow run; return the exit status."""
    parser = argparse.ArgumentParser(description="Train the model and log the run to MLflow.")
    parser.add_argument("--config", type=Path, default=folder / "config.yaml")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="such as training.epochs=5"
    )
    parser.add_argument("--outputs", type=Path, default=folder / "outputs", metavar="FOLDER")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint there")
    options = parser.parse_args(arguments)
    try:
        config = read_config(_locate(options.config, folder), options.set)
        state = _resumed(config, options.outputs / CHECKPOINT) if options.resume else start(config)
        _train_and_log(folder, config, state, options.outputs)
    except (ConfigurationError, CheckpointError) as error:
        print(error, file=sys.stderr)
        return 2
    except TrainingError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def evaluate(folder: Path, arguments: list[str] | None = None) -> int:
    """Measure a checkpoint on the test data, print it and log it to the run that trained it."""
    parser = argparse.ArgumentParser(description="Measure a checkpoint on the test data.")
    parser.add_argument("--checkpoint", type=Path, default=folder / "outputs" / CHECKPOINT)
    options = parser.parse_args(arguments)
    path = _locate(options.checkpoint, folder)
    try:
        config, state = load_checkpoint(path)
        metrics = final_metrics(config, make_dataset(config.data, config.seed), state)
        print("\n".join(f"{name} {value:.4f}" for name, value in metrics.items()))
        return _log_to_its_run(folder, path.with_name(RUN_FILE), metrics)
    except (ConfigurationError, CheckpointError) as error:
        print(error, file=sys.stderr)
        return 2
    except TrainingError as error:
        print(error, file=sys.stderr)
        return 1


def _train_and_log(folder: Path, config: Config, state: State, outputs: Path) -> None:
    data = make_dataset(config.data, config.seed)
    checkpoint = outputs / CHECKPOINT
    best = validation_score(config, data, state) if state.epoch else -1.0
    with tracking.start_run(_experiment_name(folder), folder=folder) as run:
        import mlflow  # here, because it takes seconds that a wrong configuration should not cost

        mlflow.log_params(flat_values(config))
        if state.epoch:
            mlflow.set_tag("resumed_after_epoch", state.epoch)
            _write_run(outputs, run.info.run_id)
        for epoch in train_epochs(config, data, state):
            mlflow.log_metrics(epoch.metrics, step=epoch.state.epoch)
            print(f"epoch {epoch.state.epoch}", *(f"{k} {v:.4f}" for k, v in epoch.metrics.items()))
            if epoch.score > best:
                best = epoch.score
                save_checkpoint(checkpoint, config, epoch.state)
                _write_run(outputs, run.info.run_id)
        mlflow.log_metric(PRIMARY_METRIC, best)
        mlflow.log_artifact(str(checkpoint))
    print(f"{PRIMARY_METRIC} {best:.4f}, kept in {checkpoint}, run {run.info.run_id}")


def _resumed(config: Config, path: Path) -> State:
    trained_with, state = load_checkpoint(path)
    now, then = flat_values(config), flat_values(trained_with)
    differing = [
        name for name in now if not name.startswith("training.") and now[name] != then[name]
    ]
    if differing:
        raise CheckpointError(f"{path}: was trained with other {', '.join(differing)}")
    if state.epoch >= config.training.epochs:
        raise CheckpointError(
            f"{path}: is at epoch {state.epoch} of {config.training.epochs}: "
            "raise training.epochs to go on"
        )
    return state


def _log_to_its_run(folder: Path, run_file: Path, metrics: dict[str, float]) -> int:
    if not run_file.is_file():
        print(f"not logged: no {RUN_FILE} beside the checkpoint names its run", file=sys.stderr)
        return 0
    import mlflow
    from mlflow.exceptions import MlflowException

    uri = tracking.tracking_uri(folder)
    mlflow.set_tracking_uri(uri)
    try:
        run_id = json.loads(run_file.read_text(encoding="utf-8"))["run_id"]
        # By id, not in a `with` block: the run has ended and keeps its end and its duration.
        mlflow.log_metrics(metrics, run_id=run_id)
    except (ValueError, KeyError, TypeError, MlflowException) as error:
        print(f"not logged: {run_file} and the store {uri} disagree: {error}", file=sys.stderr)
        return 1
    print(f"logged to run {run_id}")
    return 0


def _write_run(outputs: Path, run_id: str) -> None:
    text = json.dumps({"run_id": run_id}) + "\n"
    (outputs / RUN_FILE).write_text(text, encoding="utf-8")


def _experiment_name(folder: Path) -> str:
    path = folder / "metadata.yaml"
    try:
        return str(yaml.safe_load(path.read_text(encoding="utf-8"))["mlflow_experiment"])
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise ConfigurationError(f"{path}: mlflow_experiment: cannot be read: {error}") from error


def _locate(path: Path, folder: Path) -> Path:
    """Return a path as given, or, when nothing is there, as seen from the experiment's folder."""
    return path if path.exists() else folder / path
