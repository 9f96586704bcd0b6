"""Each rule finds what it is for, at its place, and leaves sound Modelfiles alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlws_scaffold.errors import InvalidFile
from mlws_scaffold.models import registry
from mlws_scaffold.models.modelfile import (
    Command,
    Finding,
    Modelfile,
    build,
    lint,
    lint_all,
    linting,
    write,
)
from mlws_scaffold.models.registry import Model, Registry
from mlws_scaffold.workspace.layout import Layout
from tests.unit.models.building import HELPER, REGISTRY, workspace

SOUND = [
    "FROM llama3.1:8b\n",
    '# about\nFROM llama3.1:8b\nSYSTEM """Be brief."""\nPARAMETER temperature 0.3\n'
    'PARAMETER stop "<|eot_id|>"\nPARAMETER stop "[/INST]"\nREQUIRES 0.14.0\nLICENSE MIT\n'
    'TEMPLATE """{{ range .Messages }}<|start|>{{ .Content }}<|eot_id|>[/INST]{{ end }}"""\n'
    "MESSAGE user hi\nMESSAGE assistant yes?\n",
    "FROM llama3.1:8b\nADAPTER lora.gguf\n",
    "FROM lora.gguf\nFROM ./lora.gguf\n",
]

# Modelfile, code, severity, line, what is said.
BROKEN = [
    ("SYSTEM a\n", "MF001", 0, "has no FROM"),
    ("FROM llama3.1:8b\nFOO x\n", "MF001", 2, "no command 'FOO'"),
    ("FROM llama3.1:8b\nPARAMETER temprature 1\n", "MF002", 2, "did you mean 'temperature'?"),
    ("FROM llama3.1:8b\nPARAMETER  seed 1\n", "MF002", 2, "write one blank"),
    ("FROM llama3.1:8b\nPARAMETER num_ctx 4096.0\n", "MF003", 2, "num_ctx is a whole number"),
    ("FROM llama3.1:8b\nPARAMETER top_p high\n", "MF003", 2, "invalid float value [high]"),
    ("FROM qwen3:4b\n", "MF004", 1, "says base_model llama3.1:8b"),
    ("FROM llama3.1:8b\nTEMPLATE {{ .System }}\n", "MF005", 2, "neither .Prompt nor .Messages"),
    ('FROM llama3.1:8b\nTEMPLATE """a\n{{ .Prompt }} {{ if """\n', "MF006", 3, "never closed"),
    ("FROM llama3.1:8b\nSYSTEM a\u00a0b\n", "MF007", 2, "U+00A0, a no-break space"),
    ('FROM llama3.1:8b\nSYSTEM """a\n\ufffd"""\n', "MF008", 3, "no UTF-8"),
    ("FROM llama3.1:8b\nADAPTER gone.gguf\n", "MF009", 2, "gone.gguf does not exist"),
    ("FROM llama3.1:8b\nADAPTER ../empty\n", "MF009", 2, "no Modelfile or safetensors"),
    ("FROM ./gone\n", "MF009", 1, "./gone does not exist"),
    ("FROM lora.gguf\nDRAFT lora.gguf\n", "MF009", 2, "DRAFT and FROM are the same"),
    (f'FROM llama3.1:8b\nSYSTEM """a\nb\nghp_{"a1" * 18}"""\n', "MF010", 4, "a GitHub token"),
    ('FROM llama3.1:8b\nTEMPLATE """### {{ .Prompt }}"""\nPARAMETER stop "###"\n', "MF011", 3,
     "'###' is part of the model's own template"),
    ("FROM llama3.1:8b\nFROM gpt-oss:120b-cloud\n", "MF012", 2, "at somebody else's"),
    ("FROM a b # x\n", "MF013", 1, "a comment is a line of its own"),
    ("FROM helper\n", "MF013", 1, "is this model itself"),
    ("FROM llama3.1:8b\nREQUIRES latest\n", "MF014", 2, "'latest' is no version"),
    ("FROM llama3.1:8b\nREQUIRES 0.9.0\n", "MF015", 2, "servers before 0.14.0 do not read"),
    ("FROM llama3.1:8b\nSYSTEM a\nSYSTEM b\n", "MF016", 2, "SYSTEM has no effect: line 3"),
    ("FROM llama3.1:8b\nPARAMETER seed 1\nPARAMETER seed 2\n", "MF016", 2, "PARAMETER seed has"),
    ("FROM llama3.1:8b\nPARAMETER mirostat 2\n", "MF017", 2, "Ollama leaves mirostat out"),
    ('FROM llama3.1:8b\nSYSTEM ""\n', "MF017", 2, "keeps what the base model has"),
    ("FROM llama3.1:8b\nPARAMETER system x\n", "MF018", 2, "takes PARAMETER system for SYSTEM"),
    ("FROM lora.gguf\nFROM llama3.1:8b\n", "MF019", 1, "is not used: line 2 names a model"),
]  # fmt: skip


def found(root: Path, text: str | bytes, key: str = "helper") -> list[Finding]:
    layout = workspace(root, {HELPER: text, "modelfiles/lora.gguf": b"GGUF\x03\x00"})
    (root / "empty").mkdir(exist_ok=True)
    known = registry.load(layout)
    return lint(layout, key, known.models[key], known)


@pytest.mark.parametrize("text", SOUND)
def test_a_sound_modelfile_is_left_alone(text: str, tmp_path: Path) -> None:
    assert found(tmp_path, text) == []


@pytest.mark.parametrize(("text", "code", "line", "said"), BROKEN)
def test_a_rule_finds_what_it_is_for(
    text: str, code: str, line: int, said: str, tmp_path: Path
) -> None:
    findings = [one for one in found(tmp_path, text) if one.code == code]
    assert len(findings) == 1, found(tmp_path, text)
    assert (findings[0].problem.path, findings[0].problem.line) == (HELPER, line)
    assert said in str(findings[0].problem)


def test_every_rule_has_a_case_and_a_code_of_its_own() -> None:
    codes = [rule.code for rule in linting.RULES]
    assert sorted(set(codes)) == codes
    assert {code for _, code, _, _ in BROKEN} == set(codes)
    assert linting.title("MF002") == "every parameter is one that Ollama knows"


WORDS = st.sampled_from(
    [
        "m:1",
        "a b",
        "#",
        "lora.gguf",
        "./gone",
        "../empty",
        "~",
        "",
        "0.3",
        "x",
        "user: hi",
        "0.14.0",
    ]
)
COMMANDS = st.one_of(
    st.builds(Command, st.sampled_from(["from", "adapter", "draft", "requires", "system"]),
              st.just(""), WORDS),
    st.builds(Command, st.just("parameter"),
              st.sampled_from(["seed", "stop", "model", "requires", "adapter", "message", "x", ""]),
              WORDS),
)  # fmt: skip


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(commands=st.lists(COMMANDS, min_size=1, max_size=4))
def test_what_cannot_be_built_has_an_error(commands: list[Command], tmp_path: Path) -> None:
    """The linter never calls a Modelfile fine that `build` refuses."""
    text = write(Modelfile((Command("from", "", "m:1"), *commands)))
    errors = [one for one in found(tmp_path, text) if one.severity == "error"]
    try:
        build(Layout(tmp_path), Path(HELPER))
    except InvalidFile:
        assert errors


def test_a_cut_off_byte_sequence_is_named(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, "FROM llama3.1:8b\nSYSTEM Grüße\n".encode("latin-1"))
    assert (finding.code, finding.problem.line) == ("MF008", 2)


def test_a_line_that_only_looks_like_a_secret_can_be_allowed(tmp_path: Path) -> None:
    text = f"FROM llama3.1:8b\nSYSTEM ghp_{'a1' * 18} mlws: allow-secret\n"
    assert found(tmp_path, text) == []
    shown = str(found(tmp_path, text.replace(" mlws: allow-secret", ""))[0].problem)
    assert "ghp_…" in shown
    assert "a1a1" not in shown


def test_weights_that_are_described_are_there(tmp_path: Path) -> None:
    manifest = f"uri: file:///mnt/w.gguf\nsha256: {'a' * 64}\n"
    workspace(tmp_path, {"models/checkpoints/helper/v1.yaml": manifest})
    text = "FROM ../models/checkpoints/helper/v1/w.gguf\n"
    assert found(tmp_path, text) == []
    other = text.replace("v1", "v2")
    assert [one.code for one in found(tmp_path, other)] == ["MF009"]


def test_the_base_may_be_named_by_its_key_or_in_another_spelling(tmp_path: Path) -> None:
    for declared in ("llama3.1-8b-base", "Llama3.1:8B", "library/llama3.1:8b"):
        text = REGISTRY.replace("base_model: llama3.1:8b", f"base_model: {declared}")
        layout = workspace(tmp_path, {HELPER: SOUND[0], "models/registry.yaml": text})
        known = registry.load(layout)
        assert lint(layout, "helper", known.models["helper"], known) == []


def test_a_cloud_model_of_the_registry_is_placed_there(tmp_path: Path) -> None:
    text = REGISTRY.replace("model_name: llama3.1:8b", "model_name: gpt-oss:120b-cloud")
    layout = workspace(tmp_path, {HELPER: SOUND[0], "models/registry.yaml": text})
    known = registry.load(layout)
    results = dict(lint_all(layout, known.models, known))
    assert str(results["llama3.1-8b-base"][0].problem).startswith(
        "models/registry.yaml:4:5: models.llama3.1-8b-base.model_name: gpt-oss:120b-cloud runs at"
    )


def test_an_entry_without_a_modelfile_or_a_file_of_its_own_can_be_judged(tmp_path: Path) -> None:
    layout = workspace(tmp_path, {})
    model = Model(source="custom")
    assert lint(layout, "x", model, Registry(models={"x": model})) == []
    cloud = Model(source="ollama", model_name="m:cloud")
    (finding,) = lint(layout, "x", cloud, Registry(models={"x": cloud}))
    assert finding.problem.field == "models.x.model_name"
    assert finding.coded.message.startswith("MF012 m:cloud runs at")


def test_findings_come_in_the_order_of_lines(tmp_path: Path) -> None:
    text = "FROM qwen3:4b\nSYSTEM a\u00a0b\nPARAMETER x 1\nPARAMETER seed y\n"
    assert [one.code for one in found(tmp_path, text)] == ["MF004", "MF007", "MF002", "MF003"]
