"""The same beginning gives the same end, and a checkpoint is such a beginning."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest


def epochs(code: SimpleNamespace, config: Any, state: Any = None) -> list[Any]:
    """Train to the end and return what each epoch gave."""
    data = code.data.make_dataset(config.data, config.seed)
    return list(code.training.train_epochs(config, data, state or code.training.start(config)))


@pytest.fixture(scope="module")
def unbroken(code: SimpleNamespace, config: Any) -> list[Any]:
    """One whole training."""
    return epochs(code, config)


def test_the_same_seed_gives_the_same_numbers(
    code: SimpleNamespace, config: Any, unbroken: list[Any]
) -> None:
    """Every metric of every epoch is equal; another seed gives others."""
    assert len(unbroken) == config.training.epochs
    assert [one.metrics for one in epochs(code, config)] == [one.metrics for one in unbroken]
    other = epochs(code, config.model_copy(update={"seed": 4}))
    assert other[-1].metrics != unbroken[-1].metrics


def test_a_resumed_training_equals_an_unbroken_one(
    code: SimpleNamespace, config: Any, unbroken: list[Any], tmp_path: Path
) -> None:
    """A state that went through a checkpoint file leads to the same numbers."""
    path = tmp_path / "outputs" / code.checkpoint.CHECKPOINT
    half = len(unbroken) // 2
    code.checkpoint.save_checkpoint(path, config, unbroken[half - 1].state)
    loaded_config, state = code.checkpoint.load_checkpoint(path)
    resumed = epochs(code, loaded_config, state)
    assert loaded_config == config
    assert [one.metrics for one in resumed] == [one.metrics for one in unbroken[half:]]
    assert [file.name for file in path.parent.iterdir()] == [code.checkpoint.CHECKPOINT]


def test_a_loaded_checkpoint_scores_as_it_did(
    code: SimpleNamespace, config: Any, unbroken: list[Any], tmp_path: Path
) -> None:
    """What an evaluation measures is the state of the epoch that was saved."""
    path = tmp_path / code.checkpoint.CHECKPOINT
    code.checkpoint.save_checkpoint(path, config, unbroken[-1].state)
    data = code.data.make_dataset(config.data, config.seed)
    state = code.checkpoint.load_checkpoint(path)[1]
    assert code.training.validation_score(config, data, state) == unbroken[-1].score


def test_a_damaged_checkpoint_is_refused(code: SimpleNamespace, tmp_path: Path) -> None:
    """The message names the file."""
    path = tmp_path / code.checkpoint.CHECKPOINT
    path.write_bytes(b"PK\x03\x04 cut short")
    with pytest.raises(code.checkpoint.CheckpointError, match="best_model.*: is no checkpoint"):
        code.checkpoint.load_checkpoint(path)
