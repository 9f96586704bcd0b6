"""The training loop: mini-batches and Adam. It neither writes files nor logs; callers do."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .configuration import Config, Training
from .data import Dataset, Examples
from .model import Parameters, gradients, initial_parameters, measure

# Adam's usual decay rates of the two running means, and the guard against division by zero.
DECAY_MEAN, DECAY_SQUARE, TINY = 0.9, 0.999, 1e-8


class TrainingDivergedError(RuntimeError):
    """The loss is no longer a number."""


@dataclass(frozen=True, slots=True)
class State:
    """All that the next epoch depends on, besides configuration and data."""

    epoch: int
    steps: int
    parameters: Parameters
    means: Parameters
    squares: Parameters


@dataclass(frozen=True, slots=True)
class Epoch:
    """What one epoch gave: the metrics to log and the state to go on from."""

    metrics: dict[str, float]
    state: State

    @property
    def accuracy(self) -> float:
        """The validation accuracy, by which the checkpoint is chosen."""
        return self.metrics["validation_accuracy"]


def start(config: Config) -> State:
    """Return the state before the first epoch."""
    parameters = initial_parameters(config.model.hidden, config.seed)
    zeros = [np.zeros_like(array) for array in parameters]
    return State(0, 0, parameters, zeros, zeros)


def train_epochs(config: Config, data: Dataset, state: State) -> Iterator[Epoch]:
    """Train from `state` up to the configured number of epochs and yield each of them.

    Raises TrainingDivergedError when the loss overflows.
    """
    while state.epoch < config.training.epochs:
        state = _one_epoch(config, data.train, state)
        train_loss, train_accuracy = measure(state.parameters, data.train.inputs, data.train.labels)
        validation = data.validation
        loss, accuracy = measure(state.parameters, validation.inputs, validation.labels)
        if not np.isfinite(train_loss):
            rate = config.training.learning_rate
            raise TrainingDivergedError(
                f"the loss is {train_loss} after epoch {state.epoch}: "
                f"lower training.learning_rate, now {rate}"
            )
        metrics = {
            "train_loss": train_loss,
            "train_accuracy": train_accuracy,
            "validation_loss": loss,
            "validation_accuracy": accuracy,
        }
        yield Epoch(metrics, state)


def _one_epoch(config: Config, examples: Examples, state: State) -> State:
    # The order of an epoch depends on its number only, so a resumed training sees the same one.
    order = np.random.default_rng([config.seed, 2, state.epoch]).permutation(len(examples))
    size = config.training.batch_size
    for begin in range(0, len(order), size):
        batch = order[begin : begin + size]
        slopes = gradients(state.parameters, examples.inputs[batch], examples.labels[batch])
        state = _step(config.training, state, slopes)
    return State(state.epoch + 1, state.steps, state.parameters, state.means, state.squares)


def _step(config: Training, state: State, slopes: Parameters) -> State:
    """Return the state after one step of Adam; weights also shrink, biases do not."""
    steps = state.steps + 1
    means = [
        DECAY_MEAN * old + (1 - DECAY_MEAN) * slope
        for old, slope in zip(state.means, slopes, strict=True)
    ]
    squares = [
        DECAY_SQUARE * old + (1 - DECAY_SQUARE) * slope**2
        for old, slope in zip(state.squares, slopes, strict=True)
    ]
    parameters: Parameters = []
    for old, mean, square in zip(state.parameters, means, squares, strict=True):
        change = (mean / (1 - DECAY_MEAN**steps)) / (
            np.sqrt(square / (1 - DECAY_SQUARE**steps)) + TINY
        )
        shrink = config.weight_decay * old if old.ndim == 2 else 0.0
        parameters.append(old - config.learning_rate * (change + shrink))
    return State(state.epoch, steps, parameters, means, squares)
