"""A small multi-layer perceptron: tanh layers, then a softmax over the two classes."""

from collections.abc import Sequence

import numpy as np

CLASSES = 2
INPUTS = 2

# Weights and biases in turn, layer after layer.
Parameters = list[np.ndarray]


def initial_parameters(hidden: Sequence[int], seed: int) -> Parameters:
    """Draw weights scaled to keep the signal's size from layer to layer; biases start at zero."""
    # Not the seed alone: the data is drawn from that one.
    rng = np.random.default_rng([seed, 1])
    sizes = [INPUTS, *hidden, CLASSES]
    parameters: Parameters = []
    for width_in, width_out in zip(sizes[:-1], sizes[1:], strict=True):
        scale = np.sqrt(1.0 / width_in)
        parameters += [rng.normal(0.0, scale, (width_in, width_out)), np.zeros(width_out)]
    return parameters


def measure(parameters: Parameters, inputs: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Return the mean cross-entropy and the accuracy."""
    scores = _layers(parameters, inputs)[-1]
    chosen = _log_softmax(scores)[np.arange(len(labels)), labels]
    return float(-chosen.mean()), float((scores.argmax(axis=1) == labels).mean())


def gradients(parameters: Parameters, inputs: np.ndarray, labels: np.ndarray) -> Parameters:
    """Return the gradient of the mean cross-entropy, in the order of the parameters."""
    layers = _layers(parameters, inputs)
    slope = np.exp(_log_softmax(layers[-1]))
    slope[np.arange(len(labels)), labels] -= 1.0
    slope /= len(labels)
    found: Parameters = []
    for index in reversed(range(0, len(parameters), 2)):
        below = layers[index // 2]
        found = [below.T @ slope, slope.sum(axis=0), *found]
        # The slope of tanh is one minus its square; the input layer needs none and is not used.
        slope = (slope @ parameters[index].T) * (1.0 - below**2)
    return found


def _layers(parameters: Parameters, inputs: np.ndarray) -> list[np.ndarray]:
    """Return the input, each hidden layer's output and the scores."""
    layers = [inputs]
    last = len(parameters) - 2
    for index in range(0, len(parameters), 2):
        scores = layers[-1] @ parameters[index] + parameters[index + 1]
        layers.append(scores if index == last else np.tanh(scores))
    return layers


def _log_softmax(scores: np.ndarray) -> np.ndarray:
    # Subtracting the largest score changes nothing but keeps exp from overflowing.
    shifted: np.ndarray = scores - scores.max(axis=1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return shifted
