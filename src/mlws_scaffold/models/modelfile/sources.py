"""The files behind FROM, ADAPTER and DRAFT: where they lie, which ones belong, their hashes."""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mlws_scaffold.adapters import digests
from mlws_scaffold.models.modelfile import sniffing
from mlws_scaffold.models.weights import manifest
from mlws_scaffold.workspace.layout import CHECKPOINTS, Layout

_OTHER_WEIGHTS: Mapping[str, sniffing.Kind | None] = {
    "consolidated*.safetensors": None,
    "pytorch_model*.bin": "zip",
    "consolidated*.pth": "zip",
    "*.gguf": "binary",
    "*.bin": "binary",
}
WEIGHTS = (".gguf", ".safetensors", ".bin", ".pth")
NOTHING_FOUND = "no Modelfile or safetensors files found"


@dataclass(frozen=True, slots=True)
class Blob:
    """A file to be uploaded. `digest` is `sha256:` and 64 hex digits; `size` is in bytes."""

    path: Path
    digest: str
    size: int


class PathRefused(Exception):
    """A path or folder that Ollama would not take; the text is what it says, or what is wrong."""


def expand(text: str, folder: Path) -> Path:
    """Where a path of a Modelfile leads: relative to its folder, absolute, `~`, `~user`."""
    if text.startswith("~"):
        user, _, rest = text[1:].partition("/")
        return Path(os.path.abspath(os.path.join(_home(user), rest)))  # noqa: PTH100, PTH118 - `..` as Go takes it
    return Path(os.path.abspath(os.path.join(folder, text)))  # noqa: PTH100, PTH118


def files(path: Path) -> list[Path] | None:
    """The file itself, or those of the folder that make a model; None when nothing is there.

    Raises PathRefused for a folder without a model, and OSError.
    """
    try:
        is_folder = stat.S_ISDIR(path.stat().st_mode)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise PathRefused(f"{path} cannot be read: {error.strerror}") from None
    if not is_folder:
        return [path]
    return [_inside(found, path) for found in _of_model(path)]


def described(layout: Layout, path: Path) -> Blob | None:
    """Trained weights that git describes and this machine has not pulled; None for other paths.

    A folder of them has a hash of its own kind, so it must be there. Raises InvalidFile.
    """
    if not path.is_relative_to(layout.root / CHECKPOINTS):
        return None
    found = manifest.of_file(layout, path)
    if found is None or found.path.resolve() != path.resolve() or path.suffix not in WEIGHTS:
        return None
    return Blob(path, f"sha256:{found.manifest.sha256}", found.manifest.size or 0)


def blobs(found: Iterable[Path]) -> list[Blob]:
    """Hash and size of each file. Raises MlwsError for what cannot be read."""
    result = []
    for path in found:
        digest = digests.of(path)
        result.append(Blob(path, f"sha256:{digest.sha256}", digest.size))
    return result


def unhashed(found: Iterable[Path]) -> list[Blob]:
    """The files without a look into them: only to compare what two Modelfiles name."""
    return [Blob(path, f"path:{path}", 0) for path in found]


def named(found: Iterable[Blob]) -> dict[str, str]:
    """Digest by the name that the request calls a file: relative to what all have in common."""
    by_path = {os.fspath(blob.path): blob.digest for blob in found}
    if len(by_path) < 2:
        return {os.path.basename(path): digest for path, digest in by_path.items()}  # noqa: PTH119
    root = os.path.commonpath([os.path.dirname(path) for path in by_path])  # noqa: PTH120
    return {Path(path).relative_to(root).as_posix(): digest for path, digest in by_path.items()}


def _home(user: str) -> str:
    if not user:
        return os.path.expanduser("~")  # noqa: PTH111 - never raises
    try:
        return pwd.getpwnam(user).pw_dir
    except KeyError:
        raise PathRefused(f"failed to find user '{user}'") from None


def _inside(path: Path, folder: Path) -> Path:
    """The file behind a link; it must lie in the folder as well."""
    real = path.resolve()
    if not real.is_relative_to(folder.resolve()):
        cure = " (download it with --local-dir)" if ".cache" in real.as_posix() else ""
        raise PathRefused(f"insecure path: {path} leads to {real}{cure}")
    return real


def _of_model(folder: Path) -> list[Path]:
    weights = _weights(folder)
    if not weights:
        raise PathRefused(NOTHING_FOUND)
    found = weights
    for pattern in ("*.json", "*/*.json", "chat_template.jinja"):
        more = _glob(folder, pattern)
        for path in more:
            if sniffing.kind(path) != "text":
                raise PathRefused(f"invalid content type: {path} is no text")
        found += more
    tokenizer = _all_of(folder, "tokenizer.model", "binary")
    return found + (tokenizer or _all_of(folder, "*/tokenizer.model", "text"))


def _weights(folder: Path) -> list[Path]:
    """The first kind of weights that is there, in the order in which Ollama looks."""
    if found := _all_of(folder, "model*.safetensors", None):
        return found + _glob(folder, "*/model*.safetensors")
    for pattern, kind in _OTHER_WEIGHTS.items():
        if found := _all_of(folder, pattern, kind):
            return found
    return []


def _all_of(folder: Path, pattern: str, kind: sniffing.Kind | None) -> list[Path]:
    """The files of a pattern, or none of them when one cannot be read or is of another kind."""
    found = _glob(folder, pattern)
    try:
        kinds = [sniffing.kind(path) for path in found]
    except OSError:
        return []
    return found if kind is None or all(one == kind for one in kinds) else []


def _glob(folder: Path, pattern: str) -> list[Path]:
    return sorted(folder.glob(pattern))
