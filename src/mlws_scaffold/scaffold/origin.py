"""Where updates will come from: the address and version that the answers file records.

The recorded version must equal the bundle that was rendered, or a later update would take the
difference for the team's own edits.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlws_scaffold import __version__
from mlws_scaffold.errors import UsageError
from mlws_scaffold.scaffold import bundle

if TYPE_CHECKING:
    from mlws_scaffold.adapters.git import Git

VARIABLE = "MLWS_TEMPLATE_ORIGIN"
DISTRIBUTION = "mlws-scaffold"


@dataclass(frozen=True, slots=True)
class Origin:
    """A git address (empty: none known) and the tag or commit the bundle equals (empty: none)."""

    address: str
    version: str

    def data(self) -> dict[str, str]:
        """What the answers file's template takes; a version that no tag names is left out."""
        recorded = {"_src_path": self.address}
        return {**recorded, "_commit": self.version} if self.version else recorded


def find(option: str | None, environment: Mapping[str, str] | None = None) -> Origin:
    """The origin by `--origin`, else MLWS_TEMPLATE_ORIGIN, else what the installation knows.

    A path of this machine is recorded only when a person gave it. Raises UsageError for a path
    that is no git repository.
    """
    given = os.environ if environment is None else environment
    address = option or given.get(VARIABLE) or ""
    if address and ":" not in address:
        return _local(Path(address).resolve())
    if address:
        return Origin(address, released())
    return _installed(_about_installation())


def inherited(address: str) -> Origin:
    """The origin of a project in a workspace that records `address`, maybe another machine's."""
    if not address:
        return Origin("", released())
    if ":" in address:
        here = find(None, {})
        return here if here.address == address else Origin(address, released())
    path = Path(address)
    return _local(path) if (path / ".git").exists() else Origin(address, released())


def released(version: str = __version__) -> str:
    """The tag of a release (`v1.2.0`), or the empty string between releases."""
    return f"v{version}" if re.fullmatch(r"\d+(\.\d+)+", version) else ""


def _local(path: Path) -> Origin:
    # Imported here: only a path that a person named is asked of git.
    from mlws_scaffold.adapters.git import Git

    git = Git(path)
    if not path.is_dir() or git.toplevel() != path:
        raise UsageError(f"--origin: {path} is no git repository", "name a clone of mlws-scaffold")
    ours = _blobs_of_bundle()
    for name in (released(), "HEAD"):
        if name and (commit := git.commit_of(name)) and _blobs_of_commit(git, commit) == ours:
            return Origin(str(path), commit if name == "HEAD" else name)
    return Origin(str(path), "")


def _installed(read: Callable[[str], str | None]) -> Origin:
    # PEP 610: an installation from git remembers its address and commit.
    direct = json.loads(read("direct_url.json") or "{}")
    vcs, address = direct.get("vcs_info", {}), str(direct.get("url", ""))
    if vcs.get("vcs") == "git" and not address.startswith("file:"):
        asked = vcs.get("requested_revision", "")
        return Origin(address, asked if asked == released() else vcs["commit_id"])
    heads = (read("METADATA") or "").partition("\n\n")[0].splitlines()
    for line in heads:
        key, _, rest = line.partition(": ")
        label, _, address = rest.partition(", ")
        if key.casefold() == "project-url" and label.casefold() == "repository":
            return Origin(address.strip(), released())
    return Origin("", released())


def _about_installation() -> Callable[[str], str | None]:
    """Reads a file that the installer wrote about this package; None where there is none."""
    name = f"{DISTRIBUTION.replace('-', '_')}-{__version__}.dist-info"
    for place in sys.path:
        folder = Path(place, name)
        if folder.is_dir():
            return lambda file: _text(folder / file)
    # Imported here: it costs more than rendering, and finds what is installed under another name.
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        return distribution(DISTRIBUTION).read_text
    except PackageNotFoundError:
        return lambda _: None


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _blobs_of_bundle() -> dict[str, str]:
    """git's own hash of each file of the bundle, by path."""
    top, found = bundle.folder(), {}
    for part in bundle.PARTS:
        for path in [top / part] if (top / part).is_file() else (top / part).rglob("*"):
            if path.is_file() and not bundle.is_cache(path.relative_to(top)):
                content = path.read_bytes()
                header = f"blob {len(content)}\0".encode()
                digest = hashlib.sha1(header + content, usedforsecurity=False).hexdigest()
                found[path.relative_to(top).as_posix()] = digest
    return found


def _blobs_of_commit(git: Git, commit: str) -> dict[str, str]:
    listed = git.run("ls-tree", "-r", "-z", commit, "--", *bundle.PARTS).split("\0")
    pairs = (line.split("\t", 1) for line in listed if line)
    return {path: about.split()[2] for about, path in pairs}
