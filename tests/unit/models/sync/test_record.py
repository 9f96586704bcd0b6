"""What this machine keeps of what it did on a server."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from mlws_scaffold.models.sync import record
from mlws_scaffold.models.sync.record import Entry, Record
from mlws_scaffold.workspace import state
from tests.support.waiting import until

HOST = "http://127.0.0.1:11434"
ENTRY = Entry("a" * 64, "created", "2026-01-01T00:00:00Z", "f" * 64, "b" * 64, "0.33.0")


def _file(root: Path) -> Path:
    (path,) = (state.folder(root) / "ollama").glob("*.json")
    return path


def test_what_was_put_is_there_for_the_next_process(tmp_path: Path) -> None:
    Record(tmp_path, HOST).put({"m:1": ENTRY})
    assert Record(tmp_path, HOST).entries == {"m:1": ENTRY}
    Record(tmp_path, HOST).drop({"m:1", "n:1"})
    assert Record(tmp_path, HOST).entries == {}


def test_each_server_and_each_clone_has_its_own(tmp_path: Path) -> None:
    Record(tmp_path / "one", HOST).put({"m:1": ENTRY})
    assert Record(tmp_path / "one", "http://gpu1:11434").entries == {}
    assert Record(tmp_path / "two", HOST).entries == {}


@pytest.mark.parametrize("host", ["http://localhost:11434", "http://[::1]:11434"])
def test_the_names_of_this_machine_are_one_server(tmp_path: Path, host: str) -> None:
    Record(tmp_path, HOST).put({"m:1": ENTRY})
    assert Record(tmp_path, host).entries == {"m:1": ENTRY}


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"version": 9, "models": {}}', b"\xff"])
def test_a_file_that_cannot_be_understood_counts_as_none(tmp_path: Path, content: bytes) -> None:
    Record(tmp_path, HOST).put({"m:1": ENTRY})
    _file(tmp_path).write_bytes(content)
    assert Record(tmp_path, HOST).entries == {}


def test_only_the_entries_that_make_no_sense_are_forgotten(tmp_path: Path) -> None:
    Record(tmp_path, HOST).put({"m:1": ENTRY, "n:1": ENTRY, "o:1": ENTRY, "p:1": ENTRY})
    data = json.loads(_file(tmp_path).read_text())
    data["models"]["n:1"]["digest"] = 3
    data["models"]["o:1"]["made_by"] = "somebody"
    data["models"]["p:1"]["mood"] = "good"
    _file(tmp_path).write_text(json.dumps(data))
    assert Record(tmp_path, HOST).entries == {"m:1": ENTRY}


def test_two_who_change_a_server_take_turns_and_the_second_is_told() -> None:
    told, order = threading.Event(), list[str]()

    def second() -> None:
        with record.locked(HOST, told.set):
            order.append("second")

    with record.locked(HOST, lambda: None):
        thread = threading.Thread(target=second)
        thread.start()
        assert until(told.is_set)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]
