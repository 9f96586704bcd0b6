"""The network learns, and the same beginning gives the same end."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest


@pytest.fixture(scope="session")
def config(code: SimpleNamespace) -> Any:
    """A configuration small enough for a test, independent of what config.yaml says today."""
    return code.configuration.Config(
        seed=3,
        data={
            "examples": 600,
            "turns": 0.8,
            "noise": 0.03,
            "validation_share": 0.2,
            "test_share": 0.2,
        },
        model={"hidden": [16, 16]},
        training={"epochs": 20, "batch_size": 32, "learning_rate": 0.02, "weight_decay": 1e-4},
    )


def epochs(code: SimpleNamespace, config: Any, state: Any = None) -> list[Any]:
    """Train to the end and return what each epoch gave."""
    data = code.data.make_dataset(config.data, config.seed)
    return list(code.training.train_epochs(config, data, state or code.training.start(config)))


@pytest.fixture(scope="session")
def unbroken(code: SimpleNamespace, config: Any) -> list[Any]:
    """One whole training."""
    return epochs(code, config)


def test_the_loss_falls_and_the_majority_class_is_beaten(
    code: SimpleNamespace, config: Any, unbroken: list[Any]
) -> None:
    """It is the task that is learned, not the share of the classes."""
    majority = code.data.make_dataset(config.data, config.seed).validation.majority_share()
    assert unbroken[-1].metrics["train_loss"] < unbroken[0].metrics["train_loss"] / 3
    assert unbroken[-1].accuracy > majority + 0.3


def test_the_same_seed_gives_the_same_numbers(
    code: SimpleNamespace, config: Any, unbroken: list[Any]
) -> None:
    """Every metric of every epoch is equal; another seed gives others."""
    assert [one.metrics for one in epochs(code, config)] == [one.metrics for one in unbroken]
    other = epochs(code, config.model_copy(update={"seed": 4}))
    assert other[-1].metrics != unbroken[-1].metrics


def test_a_resumed_training_equals_an_unbroken_one(
    code: SimpleNamespace, config: Any, unbroken: list[Any], tmp_path: Path
) -> None:
    """A state that went through a checkpoint file leads to the same parameters."""
    path = tmp_path / "outputs" / "state.npz"
    code.checkpoint.save_checkpoint(path, config, unbroken[7].state)
    loaded_config, state = code.checkpoint.load_checkpoint(path)
    resumed = epochs(code, loaded_config, state)
    assert loaded_config == config
    assert [one.metrics for one in resumed] == [one.metrics for one in unbroken[8:]]
    pairs = zip(resumed[-1].state.parameters, unbroken[-1].state.parameters, strict=True)
    assert all(np.array_equal(ours, theirs) for ours, theirs in pairs)
    assert [file.name for file in path.parent.iterdir()] == ["state.npz"]


def test_the_gradients_are_those_of_the_loss(code: SimpleNamespace, config: Any) -> None:
    """Each parameter array's gradient agrees with a difference quotient."""
    parameters = code.training.start(config).parameters
    batch = code.data.make_dataset(config.data, config.seed).validation
    slopes = code.model.gradients(parameters, batch.inputs, batch.labels)
    assert len(slopes) == len(parameters)
    for array, slope in zip(parameters, slopes, strict=True):
        place, step = (0,) * array.ndim, 1e-6
        losses = []
        for change in (step, -2 * step):
            array[place] += change
            losses.append(code.model.measure(parameters, batch.inputs, batch.labels)[0])
        array[place] += step
        assert slope[place] == pytest.approx((losses[0] - losses[1]) / (2 * step), abs=1e-7)


def test_the_parts_of_the_dataset_do_not_overlap(code: SimpleNamespace, config: Any) -> None:
    """No example is used both to learn from and to measure with."""
    data = code.data.make_dataset(config.data, config.seed)
    rows = np.concatenate([part.inputs for part in (data.train, data.validation, data.test)])
    assert (len(data.validation), len(data.test), len(rows)) == (120, 120, 600)
    assert len(np.unique(rows, axis=0)) == 600


def test_a_damaged_checkpoint_is_refused(code: SimpleNamespace, tmp_path: Path) -> None:
    """The message names the file."""
    path = tmp_path / "best_model.npz"
    path.write_bytes(b"PK\x03\x04 cut short")
    with pytest.raises(code.checkpoint.CheckpointError, match="best_model.npz: is no checkpoint"):
        code.checkpoint.load_checkpoint(path)


def test_a_loss_that_overflows_ends_the_training(code: SimpleNamespace, config: Any) -> None:
    """Nothing is yielded from numbers that mean nothing."""
    training = config.training.model_copy(update={"learning_rate": 1e308})
    with (
        np.errstate(all="ignore"),
        pytest.raises(code.training.TrainingDivergedError, match="lower training.learning_rate"),
    ):
        epochs(code, config.model_copy(update={"training": training}))
