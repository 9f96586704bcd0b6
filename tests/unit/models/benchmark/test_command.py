"""`mlws model benchmark` against a server with paced answers."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from mlws_scaffold.adapters import ollama as adapter
from mlws_scaffold.errors import InvalidFile
from mlws_scaffold.models import benchmark
from mlws_scaffold.workspace.layout import Layout
from tests.support.commandline import Mlws
from tests.support.fake_ollama import FakeOllama
from tests.unit.models.benchmark.asking import REGISTRY, asked, measure, report


def test_figures_come_with_the_conditions_they_hold_for(
    root: Path, mlws: Mlws, paced: FakeOllama
) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    paced.pace.vram = 0.75
    adapter.load(paced.url, "fast:1")  # somebody used it just now
    ended = measure(mlws, "--runs", "4")
    found = report(root)
    assert found["digest"] == f"sha256:{paced.models['fast:1']}"
    assert before <= datetime.fromisoformat(found["at"]) <= datetime.now(UTC)
    assert found["host"] == found["measured_from"] != ""
    expected = {
        "key": "fast",
        "version": "v1.0.0",
        "name": "fast:1",
        "server_version": "0.33.0",
        "runs": 4,
        "gpu_share": pytest.approx(0.75, abs=0.01),
        "context": 4096,
        "concurrency": 1,
        "options": {"seed": 1, "temperature": 0, "num_predict": 64},
    }
    assert {name: found[name] for name in expected} == expected
    assert (found["prompts"]["name"], found["prompts"]["count"]) == ("prompts.txt", 5)
    # 20 ms to the first of 8 words, 5 ms each; the server tells the same of its own part.
    assert 0.02 <= found["first_token_p50"] < found["latency_p50"]
    assert 0.06 <= found["latency_p50"] <= found["latency_p95"]
    assert found["tokens_per_second"] == pytest.approx(200)
    assert found["load_seconds"] == pytest.approx(0.15)
    assert found["levels"][0]["samples"] == 20
    assert "against" not in found
    assert "75% of it on GPUs" in ended.out
    ElementTree.fromstring((root / "models/benchmarks/fast/v1.0.0.svg").read_text())


def test_the_registry_gets_both_latencies_and_keeps_all_else(root: Path, mlws: Mlws) -> None:
    measure(mlws, "--runs", "4")
    text = (root / "models/registry.yaml").read_text()
    performance = yaml.safe_load(text)["models"]["fast"]["performance"]
    assert performance["accuracy"] == 0.89
    for name in ("latency_p50", "latency_p95"):
        assert re.fullmatch(r"\d+(\.\d+)?(ms|s)", performance[name])
    for comment in ("# What we use.", "# the first", "# by hand"):
        assert comment in text
    assert text.endswith(REGISTRY[REGISTRY.index("  slow:") :])


def test_a_p95_of_too_few_answers_is_not_told_and_an_old_one_goes(root: Path, mlws: Mlws) -> None:
    ended = measure(mlws, "--runs", "1")
    assert "no p95: 5 answers are too few, 20 are needed (--runs 4)" in ended.out
    assert "latency_p95" not in report(root)
    performance = yaml.safe_load((root / "models/registry.yaml").read_text())["models"]["fast"]
    assert sorted(performance["performance"]) == ["accuracy", "latency_p50"]


def test_the_warm_up_is_discarded_and_all_is_asked_alike(
    root: Path, mlws: Mlws, paced: FakeOllama
) -> None:
    measure(mlws, "--runs", "2")
    bodies = asked(paced)
    prompts = [body["messages"][0]["content"] for body in bodies]
    assert prompts == ["one", "one"] + ["one", "two", "three", "four", "five"] * 2
    assert all(
        body["options"] == {"seed": 1, "temperature": 0, "num_predict": 64} for body in bodies
    )
    assert report(root)["levels"][0]["samples"] == len(bodies) - 2


def test_every_concurrency_is_measured_by_itself(root: Path, mlws: Mlws, paced: FakeOllama) -> None:
    measure(mlws, "--concurrency", "4,1", "--runs", "2")
    levels = report(root)["levels"]
    assert [(level["concurrency"], level["samples"]) for level in levels] == [(1, 10), (4, 10)]
    assert levels[1]["throughput"] > 1.2 * levels[0]["throughput"]
    assert paced.record.most["chat"] == 4


def test_two_models_are_asked_in_turn_and_their_ratio_told(
    root: Path, mlws: Mlws, paced: FakeOllama
) -> None:
    before = (root / "models/registry.yaml").read_text()
    ended = measure(mlws, "--against", "slow", "--runs", "2")
    names = [body["model"] for body in asked(paced)][4:]
    assert names[:8] == ["fast:1", "slow:latest", "slow:latest", "fast:1"] * 2
    found = report(root)["against"]
    assert (found["name"], found["digest"]) == (
        "slow:latest",
        f"sha256:{paced.models['slow:latest']}",
    )
    (level,) = found["levels"]
    assert level["pairs"] == 10
    # 20 + 8 x 5 ms against 20 + 16 x 5 ms.
    assert level["latency"]["low"] <= level["latency"]["median"] <= level["latency"]["high"]
    assert 0.5 < level["latency"]["median"] < 0.9
    assert level["tokens_per_second"]["median"] == pytest.approx(1)
    assert "against slow:latest, 1 at once, 10 pairs: latency x0." in ended.out
    assert not (root / "models/benchmarks/slow").exists()
    after = yaml.safe_load((root / "models/registry.yaml").read_text())["models"]
    assert after["slow"] == yaml.safe_load(before)["models"]["slow"]
    assert "throughput" not in report(root)


def test_other_models_may_be_kept_versions_or_names_on_the_server(
    root: Path, mlws: Mlws, ollama: FakeOllama
) -> None:
    for other, name in {"v1": "slow:v1", "fast:1": "fast:1", "fast": "fast:1"}.items():
        ended = mlws("model", "benchmark", "slow", "--against", other, "--dry-run", "--json")
        assert json.loads(ended.out)["against"] == name
    assert mlws("model", "benchmark", "slow", "--against", "slow").code == 2
    ended = mlws("model", "benchmark", "slow", "--against", "fats")
    assert ended.code == 2
    assert "did you mean" in ended.err
    given = ("--prompts", "prompts.txt", "--runs", "1", "--version", "v1")
    assert mlws("model", "benchmark", "slow", *given).code == 0
    assert report(root, "slow/v1")["name"] == "slow:v1"
    assert (root / "models/registry.yaml").read_text() == REGISTRY


def test_a_dry_run_loads_and_writes_nothing(root: Path, mlws: Mlws, ollama: FakeOllama) -> None:
    ended = mlws("model", "benchmark", "fast", "--dry-run")
    assert ended.code == 0
    assert "30 times, with 10 prompts (default)" in ended.out
    assert not ollama.engine.loaded
    assert not ollama.changes
    assert {one.route for one in ollama.record.requests} == {"tags", "version"}
    assert not (root / "models/benchmarks").exists()


def test_what_is_not_there_or_asked_wrongly_is_said(
    root: Path, mlws: Mlws, ollama: FakeOllama, tmp_path: Path
) -> None:
    (root / "empty.txt").write_text("\n")
    (root / "bad.yaml").write_text("prompts:\n  - messages:\n      - {role: boss, content: x}\n")
    wrong = {
        ("fats",): (2, "did you mean 'fast'?"),
        ("fast", "--prompts", "none.txt"): (2, "there is no none.txt"),
        ("fast", "--prompts", "empty.txt"): (1, "holds no prompt"),
        ("fast", "--prompts", "bad.yaml"): (1, "bad.yaml:3:"),
        ("fast", "--concurrency", "1,x"): (2, "--concurrency"),
        ("fast", "--concurrency", "0"): (2, "--concurrency"),
        ("fast", "--runs", "0"): (2, "--runs"),
        ("fast", "--version", "v9"): (1, "the server does not hold fast:v9"),
        ("fast", "--version", "../v9"): (2, "the version '../v9'"),
        ("fast", "--host", "http://127.0.0.1:9"): (4, "no Ollama server at"),
    }
    for words, (code, said) in wrong.items():
        ended = mlws("model", "benchmark", *words)
        assert (ended.code, said in ended.err) == (code, True), (words, ended.err)
    assert not asked(ollama)


def test_the_default_prompts_ship_with_the_package(mlws: Mlws, root: Path) -> None:
    ended = mlws("model", "benchmark", "fast", "--runs", "1", "--json")
    assert ended.code == 0, ended.err
    found = json.loads(ended.out)
    assert found == report(root)
    assert found["prompts"]["name"] == "default"
    assert found["prompts"]["count"] == 10


def test_the_hash_of_prompts_is_that_of_what_is_asked(mlws: Mlws, root: Path) -> None:
    def sha256(name: str) -> str:
        ended = mlws("model", "benchmark", "fast", "--prompts", name, "--dry-run", "--json")
        return str(json.loads(ended.out)["prompts"]["sha256"])

    same = {"prompts": ["one", {"messages": [{"content": "two", "role": "user"}]}, "three"]}
    (root / "same.yaml").write_text(yaml.safe_dump(same))
    (root / "a.txt").write_text("one\r\ntwo\r\nthree")
    (root / "b.txt").write_text("one\ntwo\nthree!\n")
    assert sha256("same.yaml") == sha256("a.txt") != sha256("b.txt")


def test_the_last_report_is_read_again_as_it_was_written(mlws: Mlws, root: Path) -> None:
    layout = Layout(root)
    assert benchmark.latest(layout, "fast", "v1.0.0") is None
    measure(mlws, "--against", "slow", "--runs", "1", "--concurrency", "1,2")
    found = benchmark.latest(layout, "fast", "v1.0.0")
    assert found is not None
    assert benchmark.document(found) == report(root)
    assert found.at.tzinfo is not None
    path = layout.benchmark("fast", "v1.0.0")
    for broken in ("{", "[]", "{}", path.read_text().replace('Z"', '"'), "[" * 100_000):
        path.write_text(broken)
        with pytest.raises(InvalidFile, match=r"v1\.0\.0\.json: is no report of a benchmark"):
            benchmark.latest(layout, "fast", "v1.0.0")
