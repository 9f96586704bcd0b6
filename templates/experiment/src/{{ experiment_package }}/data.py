"""Makes the examples: two spirals wound into each other, a task that no straight line solves."""

from dataclasses import dataclass

import numpy as np

from .configuration import Data


@dataclass(frozen=True, slots=True)
class Examples:
    """Points, one row of two coordinates each, and their classes, 0 or 1."""

    inputs: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def majority_share(self) -> float:
        """Return the accuracy of always guessing the most frequent class."""
        return float(np.bincount(self.labels).max() / len(self.labels))


@dataclass(frozen=True, slots=True)
class Dataset:
    """Examples to learn from, to choose the checkpoint by, and to measure with at the end."""

    train: Examples
    validation: Examples
    test: Examples


def make_dataset(config: Data, seed: int) -> Dataset:
    """Draw the examples and split them; the same seed gives the same dataset."""
    rng = np.random.default_rng(seed)
    labels = np.arange(config.examples) % 2
    # The root spreads the points evenly over the area instead of crowding them in the middle.
    radius = np.sqrt(rng.uniform(0.02, 1.0, config.examples))
    angle = 2 * np.pi * config.turns * radius + np.pi * labels
    points = radius[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    points += rng.normal(0.0, config.noise, points.shape)

    order = rng.permutation(config.examples)
    test = max(1, round(config.examples * config.test_share))
    validation = max(1, round(config.examples * config.validation_share))
    parts = np.split(order, [test, test + validation])
    held_out, chosen_by, learned_from = (Examples(points[part], labels[part]) for part in parts)
    return Dataset(train=learned_from, validation=chosen_by, test=held_out)
