"""Files are written whole or not at all."""

from __future__ import annotations

import errno
import multiprocessing
import os
from pathlib import Path

import pytest

from mlws_scaffold.adapters import files
from mlws_scaffold.errors import MlwsError


def test_a_write_replaces_the_content_and_keeps_the_mode(tmp_path: Path) -> None:
    path = tmp_path / "run.sh"
    path.write_text("old")
    path.chmod(0o750)
    files.write(path, "new")
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("new", 0o750)


def test_a_full_disk_leaves_the_old_file_and_no_litter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "registry.yaml"
    path.write_text("old")

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(MlwsError, match="No space left"):
        files.write(path, "new")
    assert [item.name for item in tmp_path.iterdir()] == ["registry.yaml"]
    assert path.read_text() == "old"


def test_a_scratch_folder_is_gone_also_after_ctrl_c(tmp_path: Path) -> None:
    def interrupted() -> None:
        with files.beside(tmp_path / "a" / "b") as scratch:
            (scratch / "half").write_text("x")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def _count_up(folder: Path) -> None:
    counter = folder / "counter"
    for _ in range(50):
        with files.locked(folder):
            files.write(counter, str(int(counter.read_text()) + 1))


def test_a_folder_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(MlwsError, match="was not written: No such file or directory"):
        files.write(tmp_path / "gone/file", "new")


def test_writers_that_hold_the_lock_never_lose_a_change(tmp_path: Path) -> None:
    (tmp_path / "counter").write_text("0")
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_count_up, args=(tmp_path,)) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert (tmp_path / "counter").read_text() == "150"
