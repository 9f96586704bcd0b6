"""Every way in which an edit of the team and a change of the template can meet, one row each.

The rows are those of the measured comparison with `copier update`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mlws_scaffold.errors import MlwsError
from tests.support import merge_lab
from tests.support.merge_lab import Lab
from tests.support.template_repo import commit, lines, write

pytestmark = pytest.mark.slow

Edit = Callable[[Path], None]


def put(**files: str | bytes | None) -> Edit:
    """Write files; `__` in a name is a dot, `_S_` a slash."""
    named = {name.replace("_S_", "/").replace("__", "."): text for name, text in files.items()}
    return lambda place: write(place, named)


def move(old: str, new: str, text: str | None = None) -> Edit:
    def edit(place: Path) -> None:
        (place / new).parent.mkdir(parents=True, exist_ok=True)
        (place / old).rename(place / new)
        if text is not None:
            (place / new).write_text(text)

    return edit


def mode(path: str, bits: int) -> Edit:
    return lambda place: (place / path).chmod(bits)


@dataclass(frozen=True)
class Row:
    """An edit and what is there afterwards: contents (None: no such file), words, conflicts."""

    edit: Edit
    files: Mapping[str, str | bytes | None]
    words: Mapping[str, str] = field(default_factory=dict)
    unmerged: tuple[str, ...] = ()
    note: str = ""


CRLF = lines("1 ours").replace("\n", "\r\n")
OWN = "".join(f"line {n}\n" if n <= 7 else f"own {n}\n" for n in range(1, 13))
ROWS = {
    "1 elsewhere in the file": Row(
        put(app__py=lines("1 ours")),
        {"app.py": lines("1 ours", "10 template")},
        {"app.py": "merged"},
    ),
    "3 edit what the template renames": Row(
        put(old_name__py=lines("1 to be renamed", "3 ours")),
        {"old_name.py": None, "new_name.py": lines("1 to be renamed", "3 ours", "10 template")},
        {"new_name.py": "renamed"},
    ),
    "4 edit what the template deletes": Row(
        put(legacy__py="ours\n"),
        {"legacy.py": "ours\n"},
        {"legacy.py": "kept"},
        note="legacy.py: the template no longer has it",
    ),
    "5 delete what the template edits": Row(
        put(app__py=None),
        {"app.py": None},
        {"app.py": "kept deleted"},
        note="app.py: the template changed it; it stays deleted",
    ),
    "6 move and edit": Row(
        move("app.py", "src/main.py", lines("1 ours")),
        {"app.py": None, "src/main.py": lines("1 ours", "10 template")},
        {"src/main.py": "merged"},
    ),
    "8 add the identical file": Row(
        put(Makefile="all:\n\ttemplate\n"), {"Makefile": "all:\n\ttemplate\n"}
    ),
    "11 all line endings": Row(
        put(app__py=CRLF),
        {"app.py": lines("1 ours", "10 template").replace("\n", "\r\n")},
        {"app.py": "merged"},
    ),
    "12 edit a CRLF file": Row(
        put(crlf__txt=lines("1 from windows", "3 ours").replace("\n", "\r\n")),
        {"crlf.txt": lines("1 from windows", "3 ours", "10 template").replace("\n", "\r\n")},
        {"crlf.txt": "merged"},
    ),
    "13 change a binary": Row(
        put(logo__bin=b"\0\1ours"),
        {"logo.bin": b"\0\1ours"},
        {"logo.bin": "conflict"},
        unmerged=("logo.bin",),
    ),
    "14 a new file in a renamed folder": Row(
        put(docs_S_mine__md="mine\n"),
        {"docs/mine.md": "mine\n", "documentation/mine.md": None},
    ),
    "15 edit a seed": Row(put(seed__md="ours\n"), {"seed.md": "ours\n"}),
    "16 delete a seed": Row(put(seed__md=None), {"seed.md": None}),
    "17 delete an unchanged file": Row(put(still__txt=None), {"still.txt": None}),
    "21 the same change by hand": Row(
        put(app__py=lines("10 template")), {"app.py": lines("10 template")}
    ),
    "23 delete, and an own file like it": Row(
        lambda place: write(place, {"app.py": None, "own.py": OWN}),
        {"app.py": None, "own.py": OWN},
        {"app.py": "kept deleted"},
    ),
    "24 move what the template deletes": Row(
        move("legacy.py", "kept/legacy.py"),
        {"kept/legacy.py": lines("1 to be dropped")},
        {"kept/legacy.py": "kept"},
        note="kept/legacy.py: the template no longer has it",
    ),
    "25 an own file": Row(put(own__py="own\n"), {"own.py": "own\n"}),
}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return merge_lab.lab(tmp_path_factory.mktemp("table"))


@pytest.fixture
def place(lab: Lab, tmp_path: Path) -> Path:
    return lab.copy(tmp_path / "ws")


@pytest.fixture(scope="module")
def fresh(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of an update without any edit, which equals a fresh rendering."""
    place = lab.copy(tmp_path_factory.mktemp("fresh") / "ws")
    return dict(merge_lab.update(place).files)


@pytest.mark.parametrize("name", ROWS)
def test_the_row_of_the_table_holds(place: Path, fresh: dict[str, bytes], name: str) -> None:
    row = ROWS[name]
    row.edit(place)
    commit(place, "Edit")

    seen = merge_lab.update(place)

    for path, content in row.files.items():
        wanted = content.encode() if isinstance(content, str) else content
        assert seen.files.get(path) == wanted, path
    assert {path: seen.words.get(path) for path in row.words} == dict(row.words)
    assert seen.unmerged == row.unmerged
    assert row.note in "\n".join(seen.warnings)
    # Whatever the edit does not touch is as in an update without it.
    touched = row.files.keys() | {"old_name.py", "docs/guide.md"}
    rest = {path: content for path, content in seen.files.items() if path not in touched}
    assert rest == {path: content for path, content in fresh.items() if path not in touched}


def test_0_an_update_without_edits_equals_a_fresh_rendering(
    lab: Lab, fresh: dict[str, bytes], tmp_path: Path
) -> None:
    from tests.support import template_repo

    template_repo.copy(str(lab.template.folder), tmp_path / "new", "v1.1.0")
    rendered = merge_lab.tree(tmp_path / "new")

    assert fresh == {**rendered, "seed.md": b"seed\n"}


def test_2_the_same_line_is_a_conflict(place: Path) -> None:
    write(place, {"app.py": lines("10 ours")})
    commit(place, "Edit")

    seen = merge_lab.update(place)

    assert seen.unmerged == ("app.py",)
    assert b"<<<<<<< yours/workspace\nours\n=======\ntemplate\n" in seen.files["app.py"]


def test_7_a_file_that_both_add_is_a_conflict(place: Path) -> None:
    write(place, {"Makefile": "all:\n\tours\n"})
    commit(place, "Edit")

    seen = merge_lab.update(place)

    assert seen.unmerged == ("Makefile",)
    assert b"ours\n" in seen.files["Makefile"]
    assert b"template\n" in seen.files["Makefile"]


def test_9_and_10_modes_and_contents_meet(place: Path) -> None:
    (place / "app.py").chmod(0o755)
    write(place, {"run.sh": lines("1 #!/bin/sh", "3 ours")})
    commit(place, "Edit")

    seen = merge_lab.update(place)

    assert seen.files["app.py"] == lines("10 template").encode()
    assert (place / "app.py").stat().st_mode & 0o111
    assert seen.files["run.sh"] == lines("1 #!/bin/sh", "3 ours").encode()
    assert (place / "run.sh").stat().st_mode & 0o111


def test_18_a_file_that_both_rename_is_a_conflict(place: Path) -> None:
    move("old_name.py", "our_name.py")(place)
    commit(place, "Edit")

    seen = merge_lab.update(place)

    assert set(seen.unmerged) == {"old_name.py", "our_name.py", "new_name.py"}
    assert seen.words["our_name.py"] == "conflict"


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (put(documentation="a file\n"), "documentation is a file here and a folder in the"),
        (put(makefile="all:\n"), "makefile here and Makefile in the template differ only by case"),
        (
            lambda place: write(place, {"Makefile/own.txt": "own\n"}),
            "Makefile is a folder here and a file in the template",
        ),
    ],
)
def test_19_and_20_names_that_clash_are_refused(place: Path, edit: Edit, said: str) -> None:
    edit(place)
    commit(place, "Edit")
    before = merge_lab.tree(place)

    with pytest.raises(MlwsError, match=said):
        merge_lab.update(place)

    assert merge_lab.tree(place) == before


def test_22_an_answer_changed_by_hand_is_kept(place: Path) -> None:
    answers = place / ".copier-answers.yml"
    answers.write_text(answers.read_text().replace("A title", "Ours"))
    write(place, {"named.txt": "Ours\n"})
    commit(place, "Edit")

    seen = merge_lab.update(place)

    assert b"title: Ours" in seen.files[".copier-answers.yml"]
    assert b"colour: red" in seen.files[".copier-answers.yml"]
    assert seen.files["named.txt"] == b"Ours\n"
    assert seen.unmerged == ()
    assert "new question colour: 'red' is taken" in "\n".join(seen.warnings)
