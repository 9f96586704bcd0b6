"""`mlws-new model`: a system prompt is in the Modelfile as it was given, or nothing is made."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlws_scaffold.models import modelfile, registry
from mlws_scaffold.models.modelfile import Modelfile
from mlws_scaffold.workspace.layout import Layout
from tests.support import tiny_workspace
from tests.support.commandline import Ended, Mlws

pytestmark = pytest.mark.slow

BEFORE = "# ours\nmodels: {}  # none yet\n"


@pytest.fixture
def new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Mlws:
    root = tiny_workspace.make(tmp_path / "ws", config="[team.ann]\n", registry=BEFORE)
    return Mlws(root, monkeypatch, capsys, "mlws-new")


def made(new: Mlws, name: str, *options: str) -> tuple[Ended, Modelfile]:
    ended = new("model", name, "--base", "m:1", "--defaults", *options)
    assert ended.code == 0, ended.err
    layout = Layout(new.folder)
    return ended, modelfile.read(layout, layout.modelfile(name))


@pytest.mark.parametrize(
    "text",
    [
        "Be brief.",
        'Say "yes" or "no"',
        '"Quoted"',
        'First line.\n\n# a heading\n  indented "so"\nFROM here on: {{ .Prompt }} {% x %}\n',
        'Answer like this:\n"""python\nprint("x")\n',
        "Grüße 你好 👋\ttab",
    ],
)
def test_a_prompt_arrives_as_it_was_given(text: str, new: Mlws) -> None:
    file = new.folder / "prompt.md"
    file.write_text(text, encoding="utf-8")
    _, read = made(new, "first", "--system-file", str(file))
    assert [(one.effect, one.value) for one in read.commands] == [
        ("model", "m:1"),
        ("temperature", "0.3"),
        ("num_ctx", "8192"),
        ("system", text.rstrip("\n")),
    ]
    known = registry.load(Layout(new.folder))
    assert known.models["first"].base_model == "m:1"
    assert modelfile.lint(Layout(new.folder), "first", known.models["first"], known) == []


def test_the_option_and_the_file_say_the_same(new: Mlws) -> None:
    (new.folder / "prompt.md").write_text('Ends with "quotes"\r\n', newline="")
    _, by_file = made(new, "first", "--system-file", "prompt.md")
    _, by_option = made(new, "second", "--system", 'Ends with "quotes"')
    assert by_file == by_option


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('a"\nb"""\nc', "nothing can be escaped"),
        ("one\ntwo \U0001f469\u200d\U0001f52c", "line 2 holds U+200D"),
        (" \n", "the system prompt is empty"),
    ],
)
def test_a_prompt_that_no_modelfile_can_hold_is_refused_and_nothing_is_made(
    text: str, said: str, new: Mlws
) -> None:
    (new.folder / "prompt.md").write_text(text, encoding="utf-8")
    ended = new("model", "first", "--base", "m:1", "--defaults", "--system-file", "prompt.md")
    assert (ended.code, said in ended.err, "cure:" in ended.err) == (2, True, True)
    assert Layout(new.folder).registry.read_text() == BEFORE
    assert not (new.folder / "modelfiles").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--system", "a", "--system-file", "prompt.md"), "exclude each other"),
        (("--system-file", "latin.md"), "is not UTF-8 at byte 2"),
        (("--system", ""), "the system prompt is empty"),
    ],
)
def test_a_prompt_that_is_given_wrongly_is_a_wrong_question(
    options: tuple[str, ...], said: str, new: Mlws
) -> None:
    (new.folder / "prompt.md").write_text("a")
    (new.folder / "latin.md").write_bytes("Grüße".encode("latin-1"))
    ended = new("model", "first", "--defaults", *options)
    assert (ended.code, said in ended.err) == (2, True)


def test_an_empty_registry_in_braces_becomes_one_that_merges_well(new: Mlws) -> None:
    made(new, "first")
    lines = Layout(new.folder).registry.read_text().splitlines()
    assert lines[:4] == ["# ours", "models:  # none yet", "  first:", "    source: custom"]
    assert "    base_model: m:1" in lines
