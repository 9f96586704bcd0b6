"""Which address and version the answers file records."""

from __future__ import annotations

import importlib
import json
import shutil
from pathlib import Path

import pytest

from mlws_scaffold import __version__
from mlws_scaffold.adapters.git import Git
from mlws_scaffold.errors import UsageError
from mlws_scaffold.scaffold import bundle, origin

TAG = f"v{__version__}"


@pytest.fixture
def clone(tmp_path: Path) -> Git:
    """A git repository whose only commit equals the bundle."""
    folder = tmp_path / "clone"
    folder.mkdir()
    for part in bundle.PARTS:
        source = bundle.folder() / part
        if source.is_dir():
            skipped = shutil.ignore_patterns("__pycache__", ".*_cache")
            shutil.copytree(source, folder / part, ignore=skipped)
        else:
            shutil.copy2(source, folder)
    git = Git(folder)
    git.run("init", "-q")
    git.run("add", "-A", "-f")
    git.run("commit", "-q", "-m", "all")
    return git


def test_an_address_is_recorded_with_the_version_s_tag() -> None:
    found = origin.find("https://git.example.org/t/m.git", {})
    assert found == origin.Origin("https://git.example.org/t/m.git", TAG)


def test_the_option_wins_over_the_environment() -> None:
    given = {origin.VARIABLE: "gh:acme/one"}
    assert origin.find(None, given).address == "gh:acme/one"
    assert origin.find("gh:acme/two", given).address == "gh:acme/two"


def test_a_clone_with_the_tag_is_recorded_by_path_and_tag(clone: Git) -> None:
    clone.run("tag", TAG)
    assert origin.find(str(clone.folder), {}) == origin.Origin(str(clone.folder), TAG)


def test_a_clone_without_the_tag_is_recorded_by_its_commit(clone: Git) -> None:
    assert origin.find(str(clone.folder), {}).version == clone.run("rev-parse", "HEAD")


def test_a_tag_that_differs_from_the_bundle_is_not_recorded(clone: Git) -> None:
    (clone.folder / "copier.yml").write_text("kind: other\n")
    clone.run("commit", "-q", "-a", "-m", "other")
    clone.run("tag", TAG)
    assert origin.find(str(clone.folder), {}) == origin.Origin(str(clone.folder), "")


def test_a_path_that_is_no_repository_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no git repository"):
        origin.find(str(tmp_path), {})


def _install(folder: Path, direct: dict[str, object], metadata: str, version: str) -> None:
    """What pip leaves of an installation."""
    about = folder / f"mlws_scaffold-{version}.dist-info"
    about.mkdir(parents=True)
    head = f"Metadata-Version: 2.4\nName: mlws-scaffold\nVersion: {version}\n{metadata}"
    (about / "METADATA").write_text(f"{head}\n\nProject-URL: Repository, https://no.example\n")
    if direct:
        (about / "direct_url.json").write_text(json.dumps(direct))


GIT = "https://git.example.org/m.git"


@pytest.mark.parametrize("version", [__version__, "0.0.1"], ids=["same", "other-version"])
@pytest.mark.parametrize(
    ("direct", "metadata", "expected"),
    [
        (
            {
                "url": GIT,
                "vcs_info": {"vcs": "git", "commit_id": "a" * 40, "requested_revision": TAG},
            },
            "",
            origin.Origin(GIT, TAG),
        ),
        (
            {
                "url": GIT,
                "vcs_info": {"vcs": "git", "commit_id": "a" * 40, "requested_revision": "main"},
            },
            "",
            origin.Origin(GIT, "a" * 40),
        ),
        ({"url": "file:///home/ann/mlws", "dir_info": {}}, "", origin.Origin("", TAG)),
        ({}, f"Project-URL: Repository, {GIT}", origin.Origin(GIT, TAG)),
    ],
    ids=["tag", "branch", "folder", "metadata"],
)
def test_an_installation_knows_where_it_came_from(
    direct: dict[str, object],
    metadata: str,
    expected: origin.Origin,
    version: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _install(tmp_path, direct, metadata, version)
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    assert origin.find(None, {}) == expected


def test_what_is_not_installed_has_no_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    importlib.import_module("importlib.metadata")
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    assert origin.find(None, {}) == origin.Origin("", TAG)


@pytest.mark.parametrize(
    ("version", "tag"), [("1.2.0", "v1.2.0"), ("1.2.0.dev1", ""), ("1.2+x", "")]
)
def test_only_a_release_has_a_tag(version: str, tag: str) -> None:
    assert origin.released(version) == tag
