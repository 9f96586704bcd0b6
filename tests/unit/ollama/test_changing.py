"""Pulling, building, copying, removing, uploading: believed only when the server said success."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path

import pytest

from mlws_scaffold.adapters import ollama
from mlws_scaffold.errors import MlwsError, Unavailable
from tests.support.fake_ollama import FakeOllama, running
from tests.support.waiting import until
from tests.unit.ollama.conftest import patience

TALKERS = pytest.mark.usefixtures("talker")
STREAMED = [
    # kind, words, whether asking again can help
    ("inline", "max retries exceeded: EOF", True),
    ("disk", "no space left on device", False),
    ("truncated", "without success", True),
    ("html", "HTTP 502: 502 Bad Gateway", True),
    ("busy", "HTTP 503: server busy", True),
    ("500", "HTTP 500: something broke", True),
    ("redirect", "HTTP 302, sent elsewhere", False),
    ("kind", "not what Ollama sends", False),
    ("garbage", "not what Ollama sends", False),
    ("cut", "the connection broke", True),
    ("reset", "the connection broke", True),
    ("stall", "no progress for 0.2 s", True),
    ("silence", "no progress for 0.2 s", True),
]


@TALKERS
def test_a_pull_tells_every_step_and_ends_with_success() -> None:
    with running(FakeOllama(offered={"m:1"})) as fake:
        seen = [*ollama.pull(fake.url, "m:1")]
        assert seen[0].status == "pulling manifest"
        weights = [item.completed for item in seen if item.total == 1000]
        assert weights == [None, 400, 300, 1000]
        assert seen[-1].status == "success"
        assert "m:1" in ollama.installed(fake.url)


@TALKERS
@pytest.mark.parametrize(("kind", "words", "again"), STREAMED)
@pytest.mark.parametrize("at", [0, 3])
def test_a_pull_that_goes_wrong_is_never_success(
    kind: str, words: str, again: bool, at: int
) -> None:
    fake = FakeOllama(offered={"m:1"})
    fake.fail(kind, route="pull", at=at)  # type: ignore[arg-type]
    seen: list[ollama.Progress] = []
    with running(fake), pytest.raises(ollama.ServerError, match=words) as caught:
        seen.extend(ollama.pull(fake.url, "m:1", stall=patience(kind)))
    assert "success" not in [progress.status for progress in seen]
    assert caught.value.cure
    assert caught.value.again is again
    assert "<" not in caught.value.message
    assert fake.models == {}


@pytest.mark.parametrize(("kind", "words", "again"), STREAMED)
def test_a_build_that_goes_wrong_is_never_success(kind: str, words: str, again: bool) -> None:
    fake = FakeOllama()
    fake.add("m:1")
    fake.fail(kind, route="create", at=1)  # type: ignore[arg-type]
    with running(fake), pytest.raises(ollama.ServerError, match=words) as caught:
        [*ollama.create(fake.url, "mine", {"from": "m:1", "system": "x"}, stall=patience(kind))]
    assert caught.value.again is again
    assert list(fake.models) == ["m:1"]


@TALKERS
def test_a_pull_that_is_slow_and_in_pieces_is_not_given_up() -> None:
    fake = FakeOllama(offered={"m:1"})
    fake.fail("slow", route="pull")
    fake.pull_pace = 0.001
    with running(fake):
        assert [*ollama.pull(fake.url, "m:1", stall=20)][-1].status == "success"


@TALKERS
def test_a_success_whose_last_line_is_lost_is_an_error_and_the_next_pull_is_short() -> None:
    fake = FakeOllama(offered={"m:1"})
    fault = fake.fail("truncated", route="pull", at=-1)
    with running(fake):
        with pytest.raises(ollama.ServerError, match="after 'writing manifest', without success"):
            [*ollama.pull(fake.url, "m:1")]
        fault.route = "nothing"
        lines = [*ollama.pull(fake.url, "m:1")]
    assert [line.completed for line in lines if line.total == 1000] == [1000]


@TALKERS
def test_a_cut_pull_goes_on_where_it_stopped() -> None:
    fake = FakeOllama(offered={"m:1"})
    fake.fail("reset", route="pull", nth=1, at=3)
    with running(fake):
        with pytest.raises(ollama.ServerError):
            [*ollama.pull(fake.url, "m:1")]
        lines = [*ollama.pull(fake.url, "m:1")]
    assert [line.completed for line in lines if line.total == 1000] == [1000]
    assert set(fake.downloads.fetched.values()) == {1}


@TALKERS
def test_closing_a_pull_early_stops_the_servers_work() -> None:
    fake = FakeOllama(offered={"m:1"})
    fake.pull_pace = 0.05
    with running(fake):
        lines = ollama.pull(fake.url, "m:1")
        assert next(lines).status == "pulling manifest"
        lines.close()
        assert until(lambda: fake.record.cancelled == ["pull m:1"])
        assert fake.models == {}


@TALKERS
@pytest.mark.parametrize(
    ("name", "words"), [("gone:1", "file does not exist"), ("a b", "HTTP 400: invalid model name")]
)
def test_a_refusal_keeps_the_servers_words(name: str, words: str) -> None:
    with running() as fake, pytest.raises(ollama.ServerError, match=words) as caught:
        [*ollama.pull(fake.url, name)]
    assert "model_name" in caught.value.cure
    assert not caught.value.again


@TALKERS
def test_a_damaged_layer_can_be_fetched_again() -> None:
    fake = FakeOllama(offered={"m:1"})
    fake.fail("damaged", route="pull", nth=1)
    with running(fake):
        with pytest.raises(
            ollama.ServerError, match="digest mismatch, file must be down"
        ) as caught:
            [*ollama.pull(fake.url, "m:1")]
        assert caught.value.again
        assert [*ollama.pull(fake.url, "m:1")][-1].status == "success"


@TALKERS
def test_a_server_that_is_gone_is_unavailable() -> None:
    host = "http://127.0.0.1:9"
    with pytest.raises(Unavailable):
        [*ollama.pull(host, "m:1")]
    with pytest.raises(Unavailable):
        [*ollama.create(host, "m:1", {"from": "x"})]
    with pytest.raises(Unavailable):
        ollama.copy(host, "m:1", "m:2")
    with pytest.raises(Unavailable):
        ollama.delete(host, "m:1")
    with pytest.raises(Unavailable):
        ollama.has_blob(host, "sha256:" + "0" * 64)


@TALKERS
def test_a_copy_has_the_same_digest_and_outlives_the_first_name() -> None:
    with running() as fake:
        fake.add("m:1")
        ollama.copy(fake.url, "m:1", "m:production")
        models = ollama.installed(fake.url)
        assert models["m:1"] == models["m:production"]
        ollama.delete(fake.url, "m:1")
        shown = ollama.show(fake.url, "m:production")
        assert shown is not None
        assert f"sha256:{shown.weights[0]}" in fake.store.blobs


@TALKERS
def test_what_is_not_there_is_neither_copied_nor_removed() -> None:
    with running() as fake:
        for change in (
            lambda: ollama.copy(fake.url, "gone", "m:2"),
            lambda: ollama.delete(fake.url, "gone"),
        ):
            with pytest.raises(ollama.ServerError, match="HTTP 404: model") as caught:
                change()
            assert not caught.value.again
            assert caught.value.status == 404


@TALKERS
@pytest.mark.parametrize("kind", ["lost", "reset", "html", "busy", "500"])
def test_a_change_whose_answer_is_lost_can_be_asked_again(kind: str) -> None:
    with running() as fake:
        fake.add("m:1")
        fake.fail(kind, route="copy", nth=1)  # type: ignore[arg-type]
        with pytest.raises(ollama.ServerError) as caught:
            ollama.copy(fake.url, "m:1", "m:2")
        assert caught.value.again
        ollama.copy(fake.url, "m:1", "m:2")
        assert ollama.installed(fake.url)["m:2"] == fake.models["m:1"]


@pytest.mark.parametrize(
    ("version", "body", "words"),
    [
        ("0.5.4", {"from": "m:1"}, "building models needs 0.5.5"),
        ("0.11.11", {"from": "m:1", "renderer": "x"}, "renderer needs 0.12.0"),
        ("0.13.5", {"from": "m:1", "requires": "0.14.0"}, "requires needs 0.14.0"),
        ("0.24.0", {"from": "m:1", "draft_files": {"d": "sha256:0"}}, "draft_files needs 0.30.0"),
    ],
)
def test_a_server_that_would_ignore_a_field_is_named_with_the_version_needed(
    version: str, body: dict[str, object], words: str
) -> None:
    with running(FakeOllama(version=version)) as fake:
        fake.add("m:1")
        with pytest.raises(ollama.TooOld, match=words) as caught:
            [*ollama.create(fake.url, "mine", body)]
        assert f"Ollama {version} at" in caught.value.message
        assert fake.changes == []


@pytest.mark.parametrize("version", ["0.12.0", "0.12.0-rc1", "0.0.0", "built here"])
def test_a_server_that_is_new_enough_or_built_from_source_is_used(version: str) -> None:
    with running(FakeOllama(version=version)) as fake:
        fake.add("m:1")
        body = {"from": "m:1", "system": "x", "parser": ""}
        assert [*ollama.create(fake.url, "mine", body)][-1].status == "success"


def _file(tmp_path: Path, size: int) -> tuple[Path, str]:
    path = tmp_path / "weights.gguf"
    path.write_bytes((b"GGUF" + bytes(range(256)) * (size // 256 + 1))[:size])
    return path, "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("size", [4, 3_500_000])
def test_a_file_is_uploaded_with_progress_and_can_be_built_from(tmp_path: Path, size: int) -> None:
    path, digest = _file(tmp_path, size)
    with running() as fake:
        assert not ollama.has_blob(fake.url, digest)
        seen = [*ollama.upload(fake.url, path, digest)]
        assert ollama.has_blob(fake.url, digest)
        assert [*ollama.create(fake.url, "w", {"files": {"w.gguf": digest}})][
            -1
        ].status == "success"
        assert fake.store.blobs[digest] == path.read_bytes()
    done = [item.completed or 0 for item in seen]
    assert done == sorted(done)
    assert (seen[-1].status, seen[-1].completed, seen[-1].total) == ("success", size, size)


def test_a_blob_that_is_there_or_refused_early_is_told_from_a_broken_connection(
    tmp_path: Path,
) -> None:
    path, digest = _file(tmp_path, 3_500_000)
    with running() as fake:
        [*ollama.upload(fake.url, path, digest)]
        assert [*ollama.upload(fake.url, path, digest)][-1].status == "success"
        with pytest.raises(ollama.ServerError, match="HTTP 400: digest mismatch") as caught:
            [*ollama.upload(fake.url, path, "sha256:" + "0" * 64)]
        assert not caught.value.again
        with pytest.raises(ollama.ServerError, match="invalid digest format"):
            [*ollama.upload(fake.url, path, "md5:0")]
        with pytest.raises(ollama.ServerError, match="HTTP 400"):
            ollama.has_blob(fake.url, "md5:0")


@pytest.mark.parametrize(
    ("kind", "again"), [("reset", True), ("html", True), ("silence", True), ("redirect", False)]
)
def test_an_upload_that_goes_wrong_is_an_error(tmp_path: Path, kind: str, again: bool) -> None:
    path, digest = _file(tmp_path, 3_500_000)
    with running() as fake:
        fake.fail(kind, route="blobs")  # type: ignore[arg-type]
        with pytest.raises(ollama.ServerError) as caught:
            [*ollama.upload(fake.url, path, digest, stall=patience(kind))]
        assert caught.value.again is again


def test_a_full_disk_of_the_server_is_no_reason_to_try_again(tmp_path: Path) -> None:
    path, digest = _file(tmp_path, 5000)
    with running(FakeOllama(offered={"m:1"})) as fake:
        fake.store.room = 900
        for change in (
            lambda: [*ollama.upload(fake.url, path, digest)],
            lambda: [*ollama.pull(fake.url, "m:1")],
        ):
            with pytest.raises(ollama.ServerError, match="no space left on device") as caught:
                change()
            assert not caught.value.again
            assert "free space" in caught.value.cure


def test_a_file_that_is_not_there_is_named_before_the_server_is_asked(tmp_path: Path) -> None:
    with running() as fake:
        with pytest.raises(MlwsError, match=r"gone.gguf cannot be read"):
            [*ollama.upload(fake.url, tmp_path / "gone.gguf", "sha256:" + "0" * 64)]
        assert fake.asked == []


def test_a_file_that_shrinks_while_it_is_sent_is_named(tmp_path: Path) -> None:
    path, digest = _file(tmp_path, 3_500_000)
    with running() as fake:
        sending = ollama.upload(fake.url, path, digest)
        next(sending)
        path.write_bytes(b"")
        with pytest.raises(MlwsError, match="became shorter"):
            list(sending)
        assert digest not in fake.store.blobs


@TALKERS
def test_two_pulls_at_once_share_one_download_and_both_end() -> None:
    fake = FakeOllama(offered={"m:1"})
    fake.pull_pace = 0.02
    ended: list[str] = []

    def pull() -> None:
        ended.append([*ollama.pull(fake.url, "m:1")][-1].status)

    with running(fake):
        threads = [threading.Thread(target=pull) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert ended == ["success"] * 3
    assert fake.record.most["pull"] == 3
    assert set(fake.downloads.fetched.values()) == {1}
