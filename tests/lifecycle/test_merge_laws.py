"""Laws of the merge, over generated edits and template histories, and over a fixed set of edits."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlws_scaffold.adapters.git import Git
from mlws_scaffold.scaffold.merging import clashes, outcome, private
from mlws_scaffold.scaffold.merging.blobs import Blobs
from mlws_scaffold.scaffold.merging.merge import Merged, merge
from mlws_scaffold.scaffold.merging.sides import Sides
from mlws_scaffold.scaffold.projects import Project
from mlws_scaffold.scaffold.updates import finishing, journal
from mlws_scaffold.scaffold.updates.releases import Release
from tests.support import merge_lab, template_repo
from tests.support.template_repo import commit, lines, whole, write

pytestmark = pytest.mark.slow

Contents = dict[str, bytes]
NAMES = [f"{word}.txt" for word in ("alpha", "beta", "gamma", "delta", "sub/alpha", "sub/beta")]


def text(name: str) -> bytes:
    """Twelve lines that no other file has."""
    return "".join(f"{name} line {number}\n" for number in range(1, 13)).encode()


@dataclass(frozen=True)
class Change:
    """One change of one file. `who` marks the line, so that it can be found again."""

    how: str
    name: str
    line: int
    other: str

    def apply(self, files: Contents, who: str) -> None:
        content = files.get(self.name)
        if self.how == "add":
            files.setdefault(self.other, f"{who} wrote {self.other}\n".encode())
        elif content is None:
            return
        elif self.how == "edit":
            rows = content.splitlines(keepends=True)
            at = min(self.line, len(rows) - 1)
            rows[at] = f"{who} line {self.line} of {self.name}\n".encode()
            files[self.name] = b"".join(rows)
        elif self.how == "delete":
            del files[self.name]
        elif self.how == "move" and self.other not in files:
            files[self.other] = files.pop(self.name)
        elif self.how == "crlf":
            files[self.name] = content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        elif self.how == "replace":
            files[self.name] = f"{who} replaced {self.name}\n".encode() * 3


def changes(*hows: str) -> st.SearchStrategy[list[Change]]:
    others = st.sampled_from(["new.txt", "sub/new.txt", "moved.txt", "other/moved.txt", *NAMES])
    one = st.builds(
        Change, st.sampled_from(hows), st.sampled_from(NAMES), st.integers(0, 11), others
    )
    return st.lists(one, max_size=6)


TEAM = changes("edit", "edit", "delete", "move", "add", "crlf", "replace")
TEMPLATE = changes("edit", "edit", "delete", "move", "add")


def merged(
    home: Path, base: Contents, ours: Contents, theirs: Contents
) -> tuple[Sides, Merged, Contents]:
    """The three sides merged, and the contents of the result."""
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    alone = private.create(home, home, "sha1")
    blobs = Blobs(alone, home, {}, home)
    three = [blobs.entries("", {path: (content, "100644") for path, content in files.items()},
                           home / "none") if b"\r" not in b"".join(files.values())
             else raw(blobs, files) for files in (ours, base, theirs)]  # fmt: skip
    sides = Sides(Project(".", "workspace", "x", "v1", {}), "", *three)
    stream = private.Stream()
    for content in blobs.contents.values():
        stream.blob(content)
    alone.write(stream)
    done = merge(blobs, [sides], ["template-v2"])[0]
    read = alone.contents(oid for _, oid in done.result.values())
    return sides, done, dict(zip(done.result, read, strict=True))


def raw(blobs: Blobs, files: Contents) -> dict[str, private.Entry]:
    for content in files.values():
        blobs.contents[blobs.private.oid(content)] = content
    return {path: ("100644", blobs.private.oid(content)) for path, content in files.items()}


def rows(content: bytes, who: bytes) -> set[bytes]:
    return {row.rstrip(b"\r") for row in content.split(b"\n") if row.startswith(who)}


@settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(TEAM, TEMPLATE)
def test_no_line_of_ours_is_lost_and_every_plain_change_arrives(
    tmp_path: Path, team: list[Change], template: list[Change]
) -> None:
    base = {name: text(name) for name in NAMES[:5]}
    ours, theirs = dict(base), dict(base)
    for change in team:
        change.apply(ours, "our")
    for change in template:
        change.apply(theirs, "their")

    sides, done, result = merged(tmp_path / "home", base, ours, theirs)

    if clashes.found(sides):
        return
    step = outcome.step(sides, done, Release("v2", ""), ())
    named = {change.path for change in step.changes} | {change.before for change in step.changes}
    everything = b"\n".join(result.values())
    for path, content in ours.items():
        # 1. Whatever the team wrote is in the tree.
        assert rows(content, b"our") <= rows(everything, b"our"), path
        # 2. A file that only the team has, or only the team changed, stays as it is where it is.
        if path not in base and path not in theirs and path not in done.moved.values():
            assert result[path] == content
    for path, content in base.items():
        untouched = ours.get(path) == content
        if untouched and path not in done.conflicts:
            # 3. What only the template changed arrives.
            assert result.get(path) == theirs.get(path), path
        if path not in ours and path not in done.moved and path not in done.conflicts:
            # 4. What the team deleted does not come back.
            assert path not in result or path in theirs.keys() - base.keys()
    for path, content in theirs.items():
        if path not in base and path not in ours and path not in result:
            # 5. A new file is there, unless it is a file that the team had deleted or moved.
            assert path in {*done.kept_deleted} or content in base.values()
    # 6. Every path that differs from before is named.
    assert {
        path for path in ours.keys() | result.keys() if ours.get(path) != result.get(path)
    } <= named
    assert set(step.stages) == set(done.conflicts)


EDITS: Mapping[str, Callable[[Path, str], None]] = {
    "edited": lambda path, mark: path.write_bytes(mark.encode() + b"\n" + path.read_bytes()),
    "appended": lambda path, mark: path.write_bytes(path.read_bytes() + mark.encode() + b"\n"),
    "moved and edited": lambda path, mark: (
        path.write_bytes(path.read_bytes() + mark.encode() + b"\n"),
        path.rename(path.with_name(f"moved-{path.name}")),
    ),
    "moved": lambda path, _: path.rename(path.with_name(f"moved-{path.name}")),
    "deleted": lambda path, _: path.unlink(),
    "replaced": lambda path, mark: path.write_bytes(f"{mark}\n".encode() * 4),
    "made executable": lambda path, _: path.chmod(0o755),
    "CRLF": lambda path, mark: path.write_bytes(
        (mark.encode() + b"\n" + path.read_bytes()).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    ),
    "binary": lambda path, mark: path.write_bytes(b"\0\1" + mark.encode()),
}
KINDS = ["app.py", "old_name.py", "legacy.py", "docs/guide.md", "run.sh", "crlf.txt", "logo.bin",
         "seed.md", "still.txt"]  # fmt: skip


def test_of_eighty_kinds_of_edits_none_is_lost(tmp_path: Path) -> None:
    lab = merge_lab.lab(tmp_path / "lab", "a0")
    place = lab.copy(tmp_path / "ws")
    home = place / "agents/production"
    cases = {f"c{index}": (kind, how) for index, (kind, how) in enumerate(
        (kind, how) for kind in KINDS for how in EDITS)}  # fmt: skip
    for name, (kind, how) in cases.items():
        shutil.copytree(home / "a0", home / name)
        EDITS[how](home / name / kind, f"MARK-{name}-")
    commit(place, "Edit everything")
    before = merge_lab.tree(place)

    seen = merge_lab.update(place)

    for name, (kind, how) in cases.items():
        inside = f"agents/production/{name}/"
        here = {path: content for path, content in seen.files.items() if path.startswith(inside)}
        mark = f"MARK-{name}-".encode()
        said = (kind, how, sorted(here))
        if any(mark in content for path, content in before.items() if path.startswith(inside)):
            assert any(mark in content for content in here.values()), said
        if how == "moved":
            old = before[f"{inside}{Path(kind).with_name(f'moved-{Path(kind).name}')}"]
            assert old in here.values() or any(path.startswith(inside) for path in seen.words), said
        if how == "deleted" and kind != "old_name.py":
            assert f"{inside}{kind}" not in here, said
        elsewhere = [path for path, content in seen.files.items()
                     if mark in content and not path.startswith(inside)]  # fmt: skip
        assert not elsewhere, said
    assert len(cases) == 81


@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(st.tuples(st.sampled_from(KINDS), st.sampled_from(sorted(EDITS))), max_size=5))
def test_what_is_previewed_is_applied_and_taken_back(
    tmp_path_factory: pytest.TempPathFactory, edits: list[tuple[str, str]]
) -> None:
    lab = shared_lab(tmp_path_factory)
    place = tmp_path_factory.mktemp("law") / "ws"
    lab.copy(place)
    for kind, how in edits:
        if (place / kind).exists():
            EDITS[how](place / kind, "MARK")
    write(place, {"own.txt": lines("1 own")})
    commit(place, "Edit")
    before, head = whole(place), Git(place).run("rev-parse", "HEAD")

    merge_lab.update(place)

    if journal.exists(place / ".git"):
        finishing.abort(place)
        assert whole(place) == before
    else:
        assert Git(place).run("rev-parse", "HEAD^") == head


def shared_lab(factory: pytest.TempPathFactory) -> merge_lab.Lab:
    home = factory.getbasetemp() / "law-lab"
    if not home.exists():
        return merge_lab.lab(home)
    return merge_lab.Lab(template_repo.TemplateRepo(home / "template"), home / "ws")
