"""Edits of metadata.yaml: what is not meant to change does not, and no broken file is left."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mlws_scaffold.errors import InvalidFile, MlwsError
from mlws_scaffold.experiments.life import editing

BASE = """\
# head
experiment_id: "abc-v1"   # the id
researcher: 'sarah'
created: 2026-01-05
status: in_progress   # the state

# about the goal
goal: Know which chunk size is best
hypothesis: >
  Small ones,
  because
tags: [a, 'b']   # tags
results:
  # from the paper
  best_metric: {accuracy: 0.5}   # typed
  metric: accuracy
# the team's own
x_note: yes
archived:   # why
  from: completed   # before
  at: 2026-02-01T10:00:00Z
  by: ann
# tail
"""
COMMENTS = [part for line in BASE.splitlines() if (part := line.partition("#")[2])]


def edited(folder: Path, changes: dict[str, Any], text: str = BASE) -> str:
    path = folder / "metadata.yaml"
    path.write_text(text, encoding="utf-8")
    editing.prepare(path, "metadata.yaml", changes).write()
    return path.read_text(encoding="utf-8")


def test_one_value_changes_one_line(tmp_path: Path) -> None:
    before, after = BASE.splitlines(), edited(tmp_path, {"status": "blocked"}).splitlines()
    pairs = zip(before, after, strict=True)
    assert [(" ".join(old.split()), " ".join(new.split())) for old, new in pairs if old != new] == [
        ("status: in_progress # the state", "status: blocked # the state")
    ]


def test_a_mapping_is_merged_and_its_comments_stay(tmp_path: Path) -> None:
    at = datetime(2026, 3, 1, 12, tzinfo=UTC)
    record = {"best_metric": 1e-05, "metric": "loss", "run_id": "0123", "synced_at": at}
    after = edited(tmp_path, {"results": record})
    assert yaml.safe_load(after)["results"] == record
    assert [comment for comment in COMMENTS if f"#{comment}" not in after] == []


def test_a_removed_key_leaves_every_comment(tmp_path: Path) -> None:
    after = edited(tmp_path, {"archived": editing.REMOVE, "status": "completed"})
    assert "archived" not in yaml.safe_load(after)
    assert [comment for comment in COMMENTS if f"#{comment}" not in after] == []


def test_an_edit_that_would_break_the_file_is_refused_and_the_old_one_stays(tmp_path: Path) -> None:
    for changes in ({"status": "done"}, {"goal": "short"}, {"colour": "blue"}):
        with pytest.raises(InvalidFile):
            edited(tmp_path, changes)
        assert (tmp_path / "metadata.yaml").read_text(encoding="utf-8") == BASE
    assert [path.name for path in tmp_path.iterdir()] == ["metadata.yaml"]


def test_a_broken_file_is_not_touched(tmp_path: Path) -> None:
    with pytest.raises(InvalidFile, match=r"metadata\.yaml:9"):
        edited(tmp_path, {"status": "blocked"}, BASE.replace("in_progress", "{"))


def test_a_file_in_braces_is_edited_or_refused_but_never_spoilt(tmp_path: Path) -> None:
    flow = (
        "{experiment_id: abc-v1, researcher: ann, created: 2026-01-05, status: planned,\n"
        " goal: Know which is best, results: {best_metric: {a: 1}}}\n"
    )
    assert yaml.safe_load(edited(tmp_path, {"status": "abandoned"}, flow))["status"] == "abandoned"
    with pytest.raises(MlwsError, match="braces"):
        edited(tmp_path, {"results": {"best_metric": 0.5}}, flow)


def test_what_somebody_wrote_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "metadata.yaml"
    path.write_text(BASE, encoding="utf-8")
    edit = editing.prepare(path, "metadata.yaml", {"status": "blocked"})
    path.write_text(BASE + "# mine\n", encoding="utf-8")
    with pytest.raises(MlwsError, match="meanwhile"):
        edit.write()
    assert path.read_text(encoding="utf-8") == BASE + "# mine\n"


@pytest.mark.parametrize("indent", ["", "  "])
def test_lists_keep_how_they_are_indented(tmp_path: Path, indent: str) -> None:
    text = BASE.replace("tags: [a, 'b']   # tags", f"tags:\n{indent}- a\n{indent}- b   # tags")
    after = edited(tmp_path, {"owner": "mike"}, text)
    assert f"tags:\n{indent}- a\n{indent}- b   # tags\n" in after


TEXTS = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn")), max_size=60),
    st.sampled_from(["yes", "12:30", "010", "1e3", "~", "# no comment", "a: b", "- a", "{a}", '"']),
)
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "status": st.sampled_from(["planned", "blocked", "failed", "archived"]),
        "hypothesis": TEXTS,
        "conclusion": TEXTS,
        "decision": st.sampled_from(["adopt", "iterate", "drop"]),
        "owner": TEXTS,
        "archived": st.just(editing.REMOVE),
        "results": st.fixed_dictionaries(
            {
                "best_metric": st.floats(allow_nan=False),
                "metric": TEXTS,
                "run_id": st.text("0123456789abcdef", min_size=1, max_size=32),
                "commit": st.none() | st.text("0123456789abcdef", min_size=7, max_size=40),
            }
        ),
    },
)


@settings(max_examples=60, deadline=None)
@given(CHANGES)
def test_any_edit_reads_back_as_meant_and_keeps_all_else(changes: dict[str, Any]) -> None:
    """The data is the old data with the changes, and no comment is lost."""
    with tempfile.TemporaryDirectory() as folder:
        after = edited(Path(folder), changes)
    wanted = yaml.safe_load(BASE)
    for key, value in changes.items():
        if value is editing.REMOVE:
            del wanted[key]
        else:
            wanted[key] = {**wanted[key], **value} if isinstance(value, dict) else value
    assert yaml.safe_load(after) == wanted
    assert [comment for comment in COMMENTS if f"#{comment}" not in after] == []
