"""Transfers that break, servers that lie, and addresses that are not fetched."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlws_scaffold.adapters import downloads
from mlws_scaffold.adapters.downloads import Wish
from mlws_scaffold.errors import MlwsError, Unavailable, UsageError
from tests.support.file_server import serving

CONTENT = bytes(range(256)) * 4000  # about 1 MB: several chunks


def test_a_broken_connection_is_continued_where_it_ended(tmp_path: Path) -> None:
    part = tmp_path / "part"
    with serving(CONTENT, cut_after=[300_000, 200_000]) as server:
        downloads.fetch(Wish(server.url, part, pinned=True))
    assert part.read_bytes() == CONTENT
    assert server.asked == ["", "bytes=300000-", "bytes=500000-"]


def test_a_part_of_an_earlier_command_is_continued_when_the_hash_is_known(tmp_path: Path) -> None:
    part = tmp_path / "part"
    part.write_bytes(CONTENT[:1000])
    with serving(CONTENT) as server:
        downloads.fetch(Wish(server.url, part, pinned=True))
        assert part.read_bytes() == CONTENT
        downloads.fetch(Wish(server.url, part, pinned=True))
    assert part.read_bytes() == CONTENT
    assert server.asked == ["bytes=1000-", f"bytes={len(CONTENT)}-"]


def test_a_part_of_unknown_content_is_not_continued(tmp_path: Path) -> None:
    part = tmp_path / "part"
    part.write_bytes(b"something else")
    with serving(CONTENT) as server:
        downloads.fetch(Wish(server.url, part))
    assert part.read_bytes() == CONTENT
    assert server.asked == [""]


@pytest.mark.parametrize("etag", ["", 'W/"weak"'])
def test_without_a_mark_of_the_version_an_unknown_file_begins_again(
    tmp_path: Path, etag: str
) -> None:
    part = tmp_path / "part"
    with serving(CONTENT, cut_after=[300_000], etag=etag) as server:
        downloads.fetch(Wish(server.url, part))
    assert part.read_bytes() == CONTENT
    assert server.asked == ["", ""]


def test_a_server_that_ignores_range_sends_the_file_from_its_beginning(tmp_path: Path) -> None:
    part = tmp_path / "part"
    with serving(CONTENT, cut_after=[300_000], ranges=False) as server:
        downloads.fetch(Wish(server.url, part, pinned=True))
    assert part.read_bytes() == CONTENT
    assert server.asked == ["", "bytes=300000-"]


def test_a_part_that_is_longer_than_the_file_is_thrown_away(tmp_path: Path) -> None:
    part = tmp_path / "part"
    part.write_bytes(CONTENT + b"more")
    with serving(CONTENT) as server:
        downloads.fetch(Wish(server.url, part, pinned=True))
    assert part.read_bytes() == CONTENT


def test_a_server_that_never_finishes_is_given_up_and_the_part_stays(tmp_path: Path) -> None:
    part = tmp_path / "part"
    with (
        serving(CONTENT, cut_after=[1000] + [0] * 20) as server,
        pytest.raises(Unavailable, match="broke off after 1000 bytes") as caught,
    ):
        downloads.fetch(Wish(server.url, part, pinned=True))
    assert "goes on from there" in caught.value.cure
    assert part.read_bytes() == CONTENT[:1000]


def test_more_bytes_than_were_recorded_are_not_written(tmp_path: Path) -> None:
    part = tmp_path / "part"
    with serving(CONTENT) as server, pytest.raises(MlwsError, match="larger than the 10 bytes"):
        downloads.fetch(Wish(server.url, part, limit=10, pinned=True))
    assert not part.exists()


@pytest.mark.parametrize(("status", "kind"), [(404, MlwsError), (403, MlwsError)])
def test_what_the_server_refuses_is_not_asked_again(
    tmp_path: Path, status: int, kind: type[MlwsError]
) -> None:
    with serving(CONTENT, status=status) as server, pytest.raises(kind, match=str(status)):
        downloads.fetch(Wish(server.url, tmp_path / "part"))
    assert len(server.asked) == 1


def test_a_server_in_trouble_is_asked_again_and_then_not_judged(tmp_path: Path) -> None:
    with serving(CONTENT, status=503) as server, pytest.raises(Unavailable, match="503"):
        downloads.fetch(Wish(server.url, tmp_path / "part"))
    assert len(server.asked) > 1


@pytest.mark.parametrize(
    "goal", ["http://example.org/x", "https://ann:secret@example.org/x", "ftp://example.org/x"]
)
def test_a_redirect_leads_only_to_where_an_address_may_lead(tmp_path: Path, goal: str) -> None:
    with serving(CONTENT, redirect=goal) as server, pytest.raises(MlwsError) as caught:
        downloads.fetch(Wish(server.url, tmp_path / "part"))
    assert "leads to" in caught.value.message or "302" in caught.value.message


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/x",
        "http://127.0.0.1.example.org/x",
        "ftp://example.org/x",
        "file:///etc/hosts",
        "s3://bucket/x",
        "https://ann:secret@example.org/x",
        "https://",
        "https://[",
        "https://example.org:port/x",
        "https://example.org/a b",
        "https://example.org/a\nb",
    ],
)
def test_only_encrypted_addresses_and_this_machine_are_fetched_from(
    tmp_path: Path, url: str
) -> None:
    with pytest.raises(UsageError):
        downloads.fetch(Wish(url, tmp_path / "part"))
