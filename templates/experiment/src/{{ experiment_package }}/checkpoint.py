"""Saves and loads a training state together with the configuration that led to it."""

import os
import zipfile
from pathlib import Path

import numpy as np

from .configuration import Config
from .training import State

ARRAYS = ("parameters", "means", "squares")


class CheckpointError(RuntimeError):
    """A checkpoint cannot be used; the message says why."""


def save_checkpoint(path: Path, config: Config, state: State) -> None:
    """Write the file in one step, so that an interrupted training leaves the one before."""
    arrays = {
        f"{name}_{number}": array
        for name in ARRAYS
        for number, array in enumerate(getattr(state, name))
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    with unfinished.open("wb") as file:
        np.savez(
            file,
            config=np.array(config.model_dump_json()),
            epoch=np.array(state.epoch),
            steps=np.array(state.steps),
            **arrays,
        )
    unfinished.replace(path)


def load_checkpoint(path: Path) -> tuple[Config, State]:
    """Return what was saved. Raises CheckpointError when there is no such file or it is damaged."""
    try:
        # Without pickles a file from elsewhere holds numbers and text, never code.
        with np.load(path, allow_pickle=False) as file:
            config = Config.model_validate_json(str(file["config"]))
            count = sum(key.startswith("parameters_") for key in file.files)
            lists = {name: [file[f"{name}_{n}"] for n in range(count)] for name in ARRAYS}
            return config, State(epoch=int(file["epoch"]), steps=int(file["steps"]), **lists)
    except FileNotFoundError as error:
        raise CheckpointError(f"{path}: no such checkpoint: run train.py first") from error
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise CheckpointError(f"{path}: is no checkpoint of this experiment: {error}") from error
