"""One clone, wheel and installation for all lifecycle tests; a tiny template and its workspace."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support import installation, template_repo
from tests.support.commandline import Mlws
from tests.support.installation import Installation
from tests.support.template_repo import TemplateRepo


@pytest.fixture(scope="session")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone of this checkout, tagged as its version."""
    identity = {
        f"GIT_{who}_{what}": "t@example.org"
        for who in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    before = dict(os.environ)
    os.environ.update(identity)
    try:
        return installation.tagged_clone(tmp_path_factory.mktemp("clone") / "mlws-scaffold")
    finally:
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture(scope="session")
def wheel(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return installation.build_wheel(clone, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """The wheel in an environment of its own; this checkout's source is out of reach."""
    made = installation.install(wheel, tmp_path_factory.mktemp("installed"))
    place = made.run(
        "python", "-c", "import mlws_scaffold; print(mlws_scaffold.__file__)", folder=made.bin
    )
    assert str(installation.ROOT) not in place.output
    return made


@pytest.fixture
def template(tmp_path: Path) -> TemplateRepo:
    """A template of two kinds at v1.0.0."""
    return template_repo.tiny(tmp_path / "template")


@pytest.fixture
def place(template: TemplateRepo, tmp_path: Path) -> Path:
    """A committed workspace made from it."""
    return template_repo.workspace(template, tmp_path / "ws")


@pytest.fixture
def mlws(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Mlws:
    """`mlws` in that workspace."""
    return Mlws(place, monkeypatch, capsys)
