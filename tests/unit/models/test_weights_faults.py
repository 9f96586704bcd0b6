"""Adding and pulling weights: killed, a full disk, two people at once, a network file system."""

from __future__ import annotations

import errno
import fcntl
import os
import resource
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from mlws_scaffold.adapters import digests, files
from mlws_scaffold.errors import MlwsError
from mlws_scaffold.models.weights import fetching, manifest, storing
from mlws_scaffold.workspace import config
from mlws_scaffold.workspace.config import Workspace
from mlws_scaffold.workspace.trained import Trained
from tests.support import killing, tiny_workspace

SMALL = bytes(range(256)) * 400
LARGE = bytes(range(256)) * 40_000  # 10 MB: three steps of a copy
MLWS = Path(sys.executable).with_name("mlws")
FOLDER = "models/checkpoints/ranker"

# Forking a process with threads may lock up; the children here only touch files.
pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    settings = f'[models]\nstorage = "{tmp_path / "nas"}"\n'
    root = tiny_workspace.make(tmp_path / "ws", config=settings)
    (tmp_path / "model.gguf").write_bytes(SMALL)
    return config.load(root)


@pytest.fixture
def content(place: Workspace) -> bytes:
    """The weights to be added are large."""
    (place.root.parent / "model.gguf").write_bytes(LARGE)
    return LARGE


def _quiet(_name: str, _done: int, _total: int) -> None:
    """Nobody watches."""


def _add(place: Workspace, version: str = "v1", watch: storing.Watch = _quiet) -> storing.Added:
    wish = storing.Wish("ranker", "model.gguf", version)
    origin = Trained(place.root.parent / "model.gguf", "run")
    return storing.add(place, wish, lambda _text, _folder: origin, watch)


def _pull(place: Workspace, watch: storing.Watch = _quiet) -> fetching.Finding:
    return fetching.pull(place, manifest.load(place.layout, "ranker", "v1"), watch)


def _clear(place: Workspace) -> None:
    shutil.rmtree(place.root.parent / "nas", ignore_errors=True)
    shutil.rmtree(place.root / "models/checkpoints", ignore_errors=True)


def _consistent(place: Workspace) -> None:
    """What has its name is whole, and what is described is kept."""
    right = digests.of(place.root.parent / "model.gguf")
    for home in (place.root.parent / "nas", place.root / FOLDER):
        assert all(digests.of(path) == right for path in home.rglob("model.gguf"))
    known = manifest.known(place.layout)
    assert not known.problems
    for found in known.weights:
        kept = storing.stored(place, found)
        assert kept is not None
        assert digests.of(kept) == right
        assert found.manifest.sha256 == right.sha256


def _leftovers(place: Workspace) -> list[str]:
    homes = (place.root.parent / "nas", place.root / "models")
    return [
        path.name
        for home in homes
        for path in home.rglob("*")
        if path.is_file() and path.name not in ("model.gguf", "v1.yaml", "registry.yaml")
    ]


def test_an_add_that_is_killed_anywhere_describes_nothing_that_is_not_kept(
    place: Workspace,
) -> None:
    _add(place)
    _clear(place)
    tried = 0
    for _ in killing.at_every_operation(partial(_add, place)):
        tried += 1
        _consistent(place)
        _add(place)
        _consistent(place)
        # A few bytes that git ignores; whatever is large is continued and named.
        assert all(name.startswith(".v1.yaml.") for name in _leftovers(place))
        _clear(place)
    assert tried > 10


def test_a_pull_that_is_killed_anywhere_names_nothing_that_is_not_whole(place: Workspace) -> None:
    _add(place)
    _pull(place)
    here = place.root / FOLDER / "v1"
    shutil.rmtree(here)
    tried = 0
    for _ in killing.at_every_operation(partial(_pull, place)):
        tried += 1
        _consistent(place)
        assert _pull(place).path.read_bytes() == SMALL
        assert _leftovers(place) == []
        shutil.rmtree(here)
    assert tried > 5


@pytest.mark.parametrize("act", [_add, _pull])
def test_what_was_copied_before_a_kill_is_not_copied_again(
    place: Workspace, content: bytes, act: Callable[..., object]
) -> None:
    if act is _pull:
        _add(place)

    def die(_name: str, done: int, _total: int) -> None:
        if done > len(content) // 2:
            os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if not child:
        act(place, watch=die)
        os._exit(0)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    _consistent(place)
    seen: list[int] = []
    act(place, watch=lambda _name, done, _total: seen.append(done))
    assert seen[0] > len(content) // 2
    assert seen[-1] == len(content)
    _consistent(place)


def test_a_disk_that_is_full_is_said_and_takes_no_half_file(
    place: Workspace, content: bytes
) -> None:
    def limited() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (6_000_000, 6_000_000))

    command = [MLWS, "model", "add", "ranker", "--from", "../model.gguf", "--version", "v1"]
    done = subprocess.run(
        command, cwd=place.root, capture_output=True, text=True, preexec_fn=limited, check=False
    )
    assert done.returncode == 1, done.stderr
    assert "model.gguf was not copied: File too large" in done.stderr
    assert "free space" in done.stderr
    assert _leftovers(place) == []
    assert not (place.root / FOLDER).exists()
    _add(place)
    done = subprocess.run(
        [MLWS, "model", "pull", "ranker"],
        cwd=place.root,
        capture_output=True,
        text=True,
        preexec_fn=limited,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert _leftovers(place) == []
    assert _pull(place).state == "pulled"


def test_a_disk_without_room_is_known_before_anything_is_copied(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = shutil.disk_usage(place.root)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: full)
    with pytest.raises(MlwsError, match=f"it needs {len(SMALL)} bytes, and 1000 are free"):
        _add(place)
    assert _leftovers(place) == []


@pytest.mark.parametrize("same", [True, False])
def test_two_who_add_at_the_same_time_both_get_an_answer_that_holds(
    place: Workspace, tmp_path: Path, same: bool
) -> None:
    other = tmp_path / "second/model.gguf"
    other.parent.mkdir()
    other.write_bytes(SMALL if same else SMALL[1:])
    command = [MLWS, "model", "add", "ranker", "--version", "v1", "--from"]
    started = [
        subprocess.Popen([*command, path], cwd=place.root, stderr=subprocess.PIPE, text=True)
        for path in (tmp_path / "model.gguf", other)
    ]
    said = [process.communicate()[1] for process in started]
    codes = sorted(process.returncode for process in started)
    assert codes == ([0, 0] if same else [0, 1]), said
    found = manifest.load(place.layout, "ranker", "v1")
    kept = storing.stored(place, found)
    assert kept is not None
    assert digests.of(kept).sha256 == found.manifest.sha256
    assert same or "choose another --version" in "".join(said)


def test_two_clones_that_add_the_same_to_one_storage_do_not_disturb_each_other(
    place: Workspace, content: bytes, tmp_path: Path
) -> None:
    settings = f'[models]\nstorage = "{tmp_path / "nas"}"\n'
    clone = config.load(tiny_workspace.make(tmp_path / "clone", config=settings))
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(_add, [place, clone] * 2))
    assert sorted(one.new for one in done) == [False, False, True, True]
    for one in (place, clone):
        _consistent(one)
        assert _pull(one).state == "pulled"


def test_a_file_that_is_changed_while_it_is_copied_is_not_kept(place: Workspace) -> None:
    origin = place.root.parent / "model.gguf"

    def change(_name: str, done: int, _total: int) -> None:
        if not done:
            origin.write_bytes(b"x" * len(SMALL))

    with pytest.raises(MlwsError, match="was changed while it was copied"):
        _add(place, watch=change)
    assert not (place.root / FOLDER).exists()
    assert not list((place.root.parent / "nas").rglob("model.gguf"))


def test_a_file_system_that_locks_only_files_still_makes_writers_take_turns(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, held, most = fcntl.flock, [0], [0]

    def as_nfs(handle: int, how: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(errno.EBADF, "Bad file descriptor")
        real(handle, how)

    monkeypatch.setattr(fcntl, "flock", as_nfs)

    def turn(_number: int) -> None:
        with files.locked(place.root):
            held[0] += 1
            most[0] = max(most[0], held[0])
            time.sleep(0.002)
            held[0] -= 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(turn, range(40)))
    assert most == [1]
    _add(place)
    assert _pull(place).state == "pulled"
