"""What `mlws update` makes of single files: deleted, renamed, seed, binary, ignored, in the way."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlws_scaffold.adapters.git import Git
from tests.support.commandline import Mlws
from tests.support.template_repo import TemplateRepo, commit, lines, state, write

pytestmark = pytest.mark.slow

W = "templates/workspace"


def test_edits_follow_a_rename_and_keep_a_file_that_the_template_drops(
    template: TemplateRepo, place: Path, mlws: Mlws
) -> None:
    write(place, {"old.txt": lines("1 a file to rename", "12 mine"), "legacy.txt": "mine\n"})
    commit(place, "Edit")
    changes: dict[str, str | bytes | None] = {
        f"{W}/old.txt": None,
        f"{W}/new.txt": lines("1 a file to rename"),
        f"{W}/legacy.txt": None,
    }
    template.release("v1.1.0", changes)

    ended = mlws("update", "--here")

    assert ended.code == 0, ended.err
    assert "warning: legacy.txt: the template no longer has it" in ended.out
    assert "  renamed with your edits carried along: old.txt -> new.txt" in ended.out
    assert (place / "legacy.txt").read_text() == "mine\n"
    assert not (place / "old.txt").exists()
    assert (place / "new.txt").read_text() == lines("1 a file to rename", "12 mine")


def test_unedited_files_follow_the_template(
    template: TemplateRepo, place: Path, mlws: Mlws
) -> None:
    changes: dict[str, str | bytes | None] = {
        f"{W}/old.txt": None,
        f"{W}/new.txt": lines("1 a file to rename"),
        f"{W}/legacy.txt": None,
        f"{W}/logo.bin": b"\0\1second",
    }
    template.release("v1.1.0", changes)

    ended = mlws("update", "--here")

    assert ended.code == 0, ended.err
    assert "warning" not in ended.out
    assert "  deleted: legacy.txt" in ended.out
    assert "  added: new.txt" in ended.out
    assert not (place / "old.txt").exists()
    assert (place / "logo.bin").read_bytes() == b"\0\1second"


def test_deleted_files_stay_deleted_and_new_seed_files_come(
    template: TemplateRepo, place: Path, mlws: Mlws
) -> None:
    write(place, {"notes.md": None, "rules.txt": None})
    commit(place, "Delete")
    changes: dict[str, str | bytes | None] = {
        f"{W}/notes.md": "a better seed\n",
        f"{W}/rules.txt": lines("10 new rule"),
        f"{W}/seeds/first.md": "a new seed\n",
    }
    template.release("v1.1.0", changes)

    ended = mlws("update", "--here")

    assert ended.code == 0, ended.err
    assert not (place / "notes.md").exists()
    assert not (place / "rules.txt").exists()
    assert (place / "seeds/first.md").read_text() == "a new seed\n"


def test_an_edited_seed_file_is_never_touched(
    template: TemplateRepo, place: Path, mlws: Mlws
) -> None:
    write(place, {"notes.md": "ours\n"})
    commit(place, "Edit")
    template.release("v1.1.0", {f"{W}/notes.md": "a better seed\n"})

    ended = mlws("update", "--here")

    assert ended.code == 0, ended.err
    assert (place / "notes.md").read_text() == "ours\n"
    assert "notes.md" not in ended.out


def test_a_binary_changed_on_both_sides_is_a_conflict_that_keeps_ours(
    template: TemplateRepo, place: Path, mlws: Mlws
) -> None:
    write(place, {"logo.bin": b"\0\1ours", "rules.txt": lines("1 ours")})
    commit(place, "Edit")
    changes: dict[str, str | bytes | None] = {
        f"{W}/logo.bin": b"\0\1second",
        f"{W}/rules.txt": lines("10 new rule"),
    }
    template.release("v1.1.0", changes)

    ended = mlws("update", "--here")

    assert ended.code == 1
    assert "  logo.bin" in ended.err
    assert Git(place).unmerged() == ["logo.bin"]
    assert (place / "logo.bin").read_bytes() == b"\0\1ours"
    assert (place / "rules.txt").read_text() == lines("1 ours", "10 new rule")


def test_the_same_change_made_by_hand_is_no_conflict(
    template: TemplateRepo, place: Path, mlws: Mlws
) -> None:
    write(place, {"rules.txt": lines("10 new rule")})
    commit(place, "Edit")
    template.release("v1.1.0", {f"{W}/rules.txt": lines("10 new rule")})

    ended = mlws("update", "--here")

    assert ended.code == 0, ended.err
    assert (place / "rules.txt").read_text() == lines("10 new rule")


def test_a_file_that_both_sides_added_is_a_conflict(
    template: TemplateRepo, place: Path, mlws: Mlws
) -> None:
    write(place, {"Makefile": "ours:\n"})
    commit(place, "Add")
    template.release("v1.1.0", {f"{W}/Makefile": "theirs:\n"})

    ended = mlws("update", "--here")

    assert ended.code == 1
    assert Git(place).unmerged() == ["Makefile"]
    assert "ours:\n" in (place / "Makefile").read_text()


def test_ignored_files_are_never_overwritten(
    template: TemplateRepo, place: Path, mlws: Mlws
) -> None:
    write(place, {".gitignore": "ignored/\n*.log\nlocal.txt\n"})
    commit(place, "Ignore")
    write(place, {"local.txt": "mine\n"})
    changes: dict[str, str | bytes | None] = {
        f"{W}/local.txt": "from the template\n",
        f"{W}/rules.txt": lines("10 new rule"),
    }
    template.release("v1.1.0", changes)

    ended = mlws("update", "--here")

    assert ended.code == 0, ended.err
    assert "local.txt: new in the template, but git ignores it here" in ended.out
    assert (place / "local.txt").read_text() == "mine\n"
    assert (place / "rules.txt").read_text() == lines("10 new rule")


def test_a_file_that_no_commit_holds_is_never_overwritten(
    template: TemplateRepo, place: Path, mlws: Mlws
) -> None:
    (place / ".git/info/exclude").write_text("hidden.txt\n")
    write(place, {"extra": "mine\n", "new.txt": "mine\n", "hidden.txt": "mine\n"})
    before = state(place)
    changes: dict[str, str | bytes | None] = {
        f"{W}/{name}": "from the template\n" for name in ("extra/file.txt", "new.txt", "other.txt")
    }
    template.release("v1.1.0", changes)

    looked = mlws("update", "--diff")
    refused = [mlws("update", "--here"), mlws("update")]

    assert looked.code == 0, looked.err
    for ended in refused:
        assert ended.code == 1
        assert "ignored files are where the update adds its own:\n  extra\n  new.txt" in ended.err
    assert state(place) == before


def test_a_file_of_ours_where_the_template_has_a_folder_is_named(
    template: TemplateRepo, place: Path, mlws: Mlws
) -> None:
    write(place, {"extra": "mine\n"})
    commit(place, "Add")
    before = state(place)
    template.release("v1.1.0", {f"{W}/extra/file.txt": "from the template\n"})

    ended = mlws("update", "--here")

    assert ended.code == 1
    assert "extra" in ended.err
    assert state(place) == before


def test_line_endings_and_odd_names_survive(
    template: TemplateRepo, place: Path, mlws: Mlws
) -> None:
    name = "größe und maß.txt"
    template.release("v1.1.0", {f"{W}/{name}": lines().replace("\n", "\r\n")})
    assert mlws("update", "--here").code == 0
    write(place, {name: lines("1 ours").replace("\n", "\r\n")})
    commit(place, "Edit")
    template.release("v1.2.0", {f"{W}/{name}": lines("10 new").replace("\n", "\r\n")})

    ended = mlws("update", "--here")

    assert ended.code == 0, ended.err
    assert (place / name).read_bytes() == lines("1 ours", "10 new").replace("\n", "\r\n").encode()
