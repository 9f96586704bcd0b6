"""The registry: what loads, and edits that change what they mean to and nothing else."""

from __future__ import annotations

import tempfile
import threading
import time
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mlws_scaffold.errors import InvalidFile, MlwsError
from mlws_scaffold.models import registry
from mlws_scaffold.workspace.layout import Layout

# As the article writes it: no status where a model is pulled, no `live`, latencies as text.
ARTICLE = """\
# Registry of models
models:
  llama3.1-8b-base:
    source: ollama
    model_name: llama3.1:8b
    version: latest
    purpose: "General purpose base model"
    tags: [base, chat, general]
    owners: [team]
    created: 2024-10-01
    updated: 2024-10-15

  medical-assistant-v2:
    source: custom
    base_model: llama3.1:8b       # agrees with FROM
    modelfile: modelfiles/medical-assistant-v2.txt
    version: v2.1.0
    purpose: "Medical question answering"
    tags:
      - medical
      - production
    owners: [sarah, mike]
    created: 2024-10-05
    updated: 2024-10-20
    status: production
    # measured by hand
    performance:
      accuracy: 0.89
      latency_p50: 850ms
      latency_p95: 1.2s

# the end
"""


def layout(root: Path, text: str = ARTICLE) -> Layout:
    path = root / "models/registry.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return Layout(root)


def updated(root: Path, key: str, changes: dict[str, Any], text: str = ARTICLE) -> str:
    registry.update(layout(root, text), key, changes)
    return (root / "models/registry.yaml").read_text(encoding="utf-8")


def changed_lines(before: str, after: str) -> tuple[list[str], list[str]]:
    """The lines that are gone and those that are new."""
    old, new = before.splitlines(), after.splitlines()
    return [line for line in old if line not in new], [line for line in new if line not in old]


def test_a_registry_of_the_article_loads(tmp_path: Path) -> None:
    models = registry.load(layout(tmp_path)).models
    custom = models["medical-assistant-v2"]
    assert (custom.status, custom.live, custom.version) == ("production", None, "v2.1.0")
    assert custom.performance is not None
    assert (custom.performance.accuracy, custom.performance.latency_p95) == (0.89, "1.2s")
    assert models["llama3.1-8b-base"].name_in_ollama("llama3.1-8b-base") == "llama3.1:8b"


@pytest.mark.parametrize(
    "line",
    [
        "performance: {accuracy: 89 %, latency_p50: 850, bleu: 31.5}",
        "performance: {}",
        "version: 2",
        "version: 1.10",
        "version: 2026-01-05",
        "created: '2026-01-05'",
        "x_ours: {a: [1, 2]}",
        "tags: []",
        "status: deprecated",
    ],
)
def test_what_people_write_loads(line: str, tmp_path: Path) -> None:
    text = f"models:\n  ours:\n    source: custom\n    {line}\n"
    assert registry.load(layout(tmp_path, text)).models["ours"].source == "custom"


def test_a_version_that_is_a_number_stays_as_it_is_written(tmp_path: Path) -> None:
    text = "models:\n  ours: {source: custom, version: 2}\n"
    assert str(registry.load(layout(tmp_path, text)).models["ours"].version) == "2"


def test_a_problem_of_a_loaded_registry_has_its_line(tmp_path: Path) -> None:
    known = registry.load(layout(tmp_path))
    problem = known.problem(("medical-assistant-v2", "base_model"), "is odd")
    assert (problem.line, problem.column) == (15, 5)


def test_one_value_changes_one_line(tmp_path: Path) -> None:
    after = updated(tmp_path, "medical-assistant-v2", {"status": "deprecated"})
    assert changed_lines(ARTICLE, after) == (["    status: production"], ["    status: deprecated"])


def test_new_fields_take_their_canonical_place_and_all_else_stays(tmp_path: Path) -> None:
    since = datetime(2026, 3, 1, 12, tzinfo=UTC)
    live = {"since": since, "digest": f"sha256:{'a' * 64}", "version": "v2.1.0"}
    after = updated(tmp_path, "medical-assistant-v2", {"live": live, "digest": live["digest"]})
    new = [
        f"    digest: sha256:{'a' * 64}",
        "    live:",
        "      version: v2.1.0",
        f"      digest: sha256:{'a' * 64}",
        "      since: 2026-03-01 12:00:00+00:00",
    ]
    assert changed_lines(ARTICLE, after) == ([], new)
    assert "      latency_p95: 1.2s\n" + "\n".join(new) + "\n\n# the end\n" in after
    first = updated(tmp_path, "llama3.1-8b-base", {"status": "testing", "base_model": "x"})
    assert "    model_name: llama3.1:8b\n    base_model: x\n    version: latest\n" in first
    assert "    updated: 2024-10-15\n    status: testing\n\n  medical" in first


def test_a_mapping_is_merged_field_by_field_and_none_removes(tmp_path: Path) -> None:
    changes = {"performance": {"latency_p50": "900ms", "accuracy": None, "tokens_per_second": 31.5}}
    after = updated(tmp_path, "medical-assistant-v2", changes)
    gone, new = changed_lines(ARTICLE, after)
    assert gone == ["      accuracy: 0.89", "      latency_p50: 850ms"]
    assert new == ["      latency_p50: 900ms", "      tokens_per_second: 31.5"]
    without = updated(tmp_path, "medical-assistant-v2", {"performance": None, "status": None})
    assert "performance" not in yaml.safe_load(without)["models"]["medical-assistant-v2"]
    assert "    # measured by hand\n" in without


def test_an_entry_in_braces_is_edited_in_place(tmp_path: Path) -> None:
    text = "models:\n  ours: {source: custom, status: testing, live: {version: v1}}  # ours\n"
    changes = {"status": "staging", "owners": ("ann",), "live": {"version": "v2"}, "tags": None}
    assert updated(tmp_path, "ours", changes, text) == (
        "models:\n"
        "  ours: {source: custom, owners: [ann], status: staging, live: {version: v2}}  # ours\n"
    )
    assert updated(tmp_path, "ours", {"status": None, "live": None}, text) == (
        "models:\n  ours: {source: custom}  # ours\n"
    )


def test_a_file_with_another_indent_keeps_it(tmp_path: Path) -> None:
    text = "models:\n    ours:\n        source: custom\n        tags:\n        - x\n    # b\n"
    after = updated(tmp_path, "ours", {"status": "testing"}, text)
    assert after == text.replace("- x\n", "- x\n        status: testing\n")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"status": "finished"}, "unknown value"),
        ({"digest": "abc"}, "does not fit"),
        ({"colour": "blue"}, "unknown field"),
        ({"source": None}, "missing"),
    ],
)
def test_what_would_not_load_is_not_written(
    changes: dict[str, Any], said: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidFile, match=said):
        updated(tmp_path, "medical-assistant-v2", changes)
    assert (tmp_path / "models/registry.yaml").read_text() == ARTICLE
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["registry.yaml"]


def test_an_unknown_key_and_a_broken_file_are_named(tmp_path: Path) -> None:
    with pytest.raises(MlwsError, match="no model 'medical'"):
        updated(tmp_path, "medical", {"status": "testing"})
    with pytest.raises(InvalidFile, match=r"registry\.yaml:2:1: is no YAML"):
        updated(tmp_path, "ours", {}, "models: [\n")


def test_a_shared_value_is_not_changed_for_both(tmp_path: Path) -> None:
    text = (
        "models:\n  one:\n    source: custom\n    performance: &p {accuracy: 0.5}\n"
        "  two:\n    source: custom\n    performance: *p\n"
    )
    try:
        after = updated(tmp_path, "two", {"performance": {"accuracy": 0.7}}, text)
    except MlwsError:
        after = (tmp_path / "models/registry.yaml").read_text()
        assert after == text
    assert yaml.safe_load(after)["models"]["one"]["performance"] == {"accuracy": 0.5}


def test_writers_at_the_same_time_take_turns(tmp_path: Path) -> None:
    keys = [f"m{number}" for number in range(8)]
    place = layout(
        tmp_path, "models:\n" + "".join(f"  {key}: {{source: custom}}\n" for key in keys)
    )
    threads = [
        threading.Thread(target=registry.update, args=(place, key, {"status": "testing"}))
        for key in keys
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {model.status for model in registry.load(place).models.values()} == {"testing"}


def test_one_of_five_hundred_entries_is_edited_in_a_moment(tmp_path: Path) -> None:
    entry = ARTICLE[ARTICLE.index("    source: custom") : ARTICLE.index("\n# the end")]
    text = "models:\n" + "".join(f"  m{number}:\n{entry}" for number in range(500))
    started = time.monotonic()
    after = updated(tmp_path, "m400", {"status": "deprecated", "live": {"version": "v1"}}, text)
    assert time.monotonic() - started < 20
    assert len(after.splitlines()) == len(text.splitlines()) + 2


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn")), max_size=30)
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "purpose": TEXTS | st.sampled_from(["yes", "1e3", "# x", "a: b", "{a}", "~", "'"]),
        "status": st.sampled_from([*registry.STATUSES, None]),
        "version": TEXTS | st.none(),
        "updated": st.dates(date(2000, 1, 1), date(2100, 1, 1)),
        "tags": st.lists(TEXTS, max_size=3) | st.none(),
        "performance": st.fixed_dictionaries(
            {}, optional={"accuracy": st.floats(0, 1), "latency_p50": TEXTS | st.none()}
        ),
        "live": st.fixed_dictionaries({"version": TEXTS}),
    },
)


@settings(max_examples=60, deadline=None)
@given(CHANGES, st.sampled_from(["medical-assistant-v2", "llama3.1-8b-base"]))
def test_any_edit_reads_back_as_meant_and_touches_no_other_entry(
    changes: dict[str, Any], key: str
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        after = updated(Path(folder), key, changes)
    wanted = yaml.safe_load(ARTICLE)
    entry = wanted["models"][key]
    for name, value in changes.items():
        if isinstance(value, dict):
            inner = {**entry.get(name, {}), **value}
            entry[name] = {field: item for field, item in inner.items() if item is not None}
        elif value is None:
            entry.pop(name, None)
        else:
            entry[name] = value
    assert yaml.safe_load(after) == wanted
    for comment in (
        "# Registry of models",
        "# agrees with FROM",
        "# measured by hand",
        "# the end",
    ):
        assert comment in after
    middle = ARTICLE.index("  medical-assistant-v2:")
    other = ARTICLE[:middle] if key == "medical-assistant-v2" else ARTICLE[middle:]
    assert other in after
