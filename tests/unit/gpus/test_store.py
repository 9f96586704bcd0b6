"""Both stores keep the same promises; SQLite's file is made, shared and refused with care."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mlws_scaffold.errors import MlwsError, Unavailable, UsageError
from mlws_scaffold.gpus import store
from mlws_scaffold.gpus.store import Overlap, Tables, sqlite
from mlws_scaffold.workspace.config import load
from tests.support import gpu_stores, tiny_workspace

ONE = ("CREATE TABLE thing (name TEXT PRIMARY KEY, size INTEGER)",)
TWO = (*ONE, "ALTER TABLE thing ADD COLUMN colour TEXT")
FIRST, SECOND = Tables("things", ONE, ONE), Tables("things", TWO, TWO)


@pytest.fixture(scope="module", params=gpu_stores.BOTH)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    with gpu_stores.address(request.param, tmp_path_factory.mktemp("store")) as url:
        yield url


@pytest.fixture
def url(server: str) -> Iterator[str]:
    yield server
    with gpu_stores.opened(server) as emptied:
        for table in ("thing", "mlws_schema"):
            emptied.execute(f"DROP TABLE IF EXISTS {table}")


def test_a_failing_transaction_leaves_nothing(url: str) -> None:
    with gpu_stores.opened(url) as one:
        store.migrate(one, FIRST)
        with pytest.raises(ZeroDivisionError):
            store.transact(one, lambda: _add_and_fail(one))
        assert one.execute("SELECT * FROM thing") == []
        with one.transaction():
            one.execute("INSERT INTO thing VALUES (?, ?)", ("a 100 %", 1))
        assert one.execute("SELECT name, size FROM thing") == [("a 100 %", 1)]


def _add_and_fail(one: store.Store) -> None:
    one.execute("INSERT INTO thing VALUES (?, ?)", ("a", 1))
    raise ZeroDivisionError


def test_tables_grow_and_what_they_hold_stays(url: str) -> None:
    with gpu_stores.opened(url) as one:
        store.migrate(one, FIRST)
        one.execute("INSERT INTO thing VALUES (?, ?)", ("a", 1))
        store.migrate(one, SECOND)
        store.migrate(one, SECOND)
        assert one.execute("SELECT * FROM thing") == [("a", 1, None)]


def test_tables_of_a_newer_mlws_are_left_alone(url: str) -> None:
    with gpu_stores.opened(url) as one:
        store.migrate(one, SECOND)
        with pytest.raises(MlwsError, match="version 2, this mlws knows 1") as refused:
            store.migrate(one, FIRST)
        assert "update" in refused.value.cure


def test_a_migration_that_fails_half_way_leaves_the_version_before(url: str) -> None:
    broken = (*ONE, "CREATE TABLE thing (again TEXT)")
    with gpu_stores.opened(url) as one:
        with pytest.raises(Exception, match="exists"):
            store.migrate(one, Tables("things", broken, broken))
        assert one.version("things") == 0
        store.migrate(one, FIRST)


def test_many_openers_of_an_empty_store_make_its_tables_once(url: str) -> None:
    def begin(_number: int) -> int:
        with gpu_stores.opened(url) as one:
            store.migrate(one, SECOND)
            return one.version("things")

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(begin, range(6))) == [2] * 6


def test_the_clock_gives_whole_seconds(url: str) -> None:
    import time

    with gpu_stores.opened(url) as one:
        assert abs(one.now() - time.time()) < 5


def test_an_unknown_store_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    for wrong in ("mysql://here", "gpus.db", "sqlite:gpus.db"):
        with pytest.raises(UsageError) as refused:
            store.connect(wrong, tmp_path)
        assert "sqlite:////" in refused.value.cure
    with pytest.raises(UsageError, match="'speed=high'"):
        store.connect("sqlite:///gpus.db?speed=high", tmp_path)


def test_a_server_that_is_gone_is_said_without_its_password() -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(Unavailable) as refused:
        store.connect("postgresql://mlws:hidden-word@127.0.0.1:9/gpus", Path("/"))
    assert "hidden-word" not in refused.value.message


def test_without_a_setting_all_clones_of_a_user_share_a_file(tmp_path: Path) -> None:
    here = load(tiny_workspace.make(tmp_path / "a"))
    there = load(tiny_workspace.make(tmp_path / "b"))
    assert store.address(here) == store.address(there)
    with store.open(here) as one, store.open(there) as two:
        store.migrate(one, FIRST)
        assert two.version("things") == 1


def test_a_relative_file_lies_in_the_workspace(tmp_path: Path) -> None:
    store.connect("sqlite:///shared/gpus.db", tmp_path).close()
    assert (tmp_path / "shared/gpus.db").is_file()


@pytest.mark.parametrize(("setting", "pragma"), [("", 2), ("?durability=relaxed", 1)])
def test_every_write_is_on_the_disk_unless_the_setting_relaxes_it(
    tmp_path: Path, setting: str, pragma: int
) -> None:
    with gpu_stores.opened(f"sqlite:///{tmp_path}/gpus.db{setting}") as one:
        assert one.execute("PRAGMA synchronous") == [(pragma,)]
        assert one.execute("PRAGMA journal_mode") == [("wal",)]


def test_a_network_file_system_is_known_by_its_mount() -> None:
    mounts = (
        "22 1 0:21 / / rw,relatime - ext4 /dev/vda rw\n"
        "30 22 0:30 / /srv/team\\040share rw shared:1 - nfs4 server:/x rw\n"
        "31 30 0:31 / /srv/team\\040share/local rw - xfs /dev/vdb rw\n"
    )
    assert sqlite.filesystem(Path("/srv/team share/gpus.db"), mounts) == "nfs4"
    assert sqlite.filesystem(Path("/srv/team share/local/gpus.db"), mounts) == "xfs"
    assert sqlite.filesystem(Path("/srv/team shared/gpus.db"), mounts) == "ext4"


def test_on_a_network_file_system_the_store_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "filesystem", lambda _path, _mounts: "nfs4")
    with pytest.raises(UsageError, match="network file system"):
        store.connect(f"sqlite:///{tmp_path}/gpus.db", tmp_path)
    assert not (tmp_path / "gpus.db").exists()


def test_a_store_of_ones_own_is_nobody_elses(tmp_path: Path) -> None:
    folder = tmp_path / "own"
    folder.mkdir(mode=0o755)
    store.connect(f"sqlite:///{folder}/gpus.db", tmp_path).close()
    assert stat.S_IMODE((folder / "gpus.db").stat().st_mode) == 0o600


def test_a_folder_of_a_group_without_setgid_is_refused_with_the_command(tmp_path: Path) -> None:
    folder = tmp_path / "group"
    folder.mkdir()
    folder.chmod(0o770)
    with pytest.raises(MlwsError) as refused:
        store.connect(f"sqlite:///{folder}/gpus.db", tmp_path)
    assert refused.value.cure.startswith(f"chmod g+s {folder}")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as other users")
def test_two_members_of_a_group_write_and_a_stranger_does_not(tmp_path: Path) -> None:
    group, first, second, stranger = 54321, 54001, 54002, 54003
    folder = tmp_path / "group"
    folder.mkdir()
    os.chown(folder, 0, group)
    folder.chmod(0o2770)
    for above in (tmp_path, *tmp_path.parents):
        if above != Path("/"):
            above.chmod(above.stat().st_mode | 0o011)
    url = f"sqlite:///{folder}/gpus.db"
    with gpu_stores.opened(url) as kept:  # root holds it open meanwhile
        kept.execute("CREATE TABLE mark (who INTEGER)")
        assert _writes(url, first, [group])
        assert _writes(url, second, [group])
    for user in (second, first):
        assert _writes(url, user, [group])
    assert not _writes(url, stranger, [])
    with gpu_stores.opened(url) as kept:
        assert kept.execute("SELECT who FROM mark") == [(first,), (second,), (second,), (first,)]


def _writes(url: str, user: int, groups: list[int]) -> bool:
    """Whether this user may write, tried in a process of its own."""
    child = os.fork()
    if child == 0:
        os.setgroups(groups)
        os.setgid(user)
        os.setuid(user)
        os.umask(0o077)
        status = 1
        try:
            with gpu_stores.opened(url) as one:
                one.execute("INSERT INTO mark VALUES (?)", (user,))
                status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_overlap_is_an_exception_of_its_own(tmp_path: Path) -> None:
    with gpu_stores.opened(f"sqlite:///{tmp_path}/gpus.db") as one:
        one.execute("CREATE TABLE a (x INTEGER)")
        one.execute(
            "CREATE TRIGGER no BEFORE INSERT ON a BEGIN SELECT RAISE(ABORT, 'overlap'); END"
        )
        with pytest.raises(Overlap):
            one.execute("INSERT INTO a VALUES (1)")
