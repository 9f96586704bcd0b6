"""MOD005 and MOD006: what the linter says, and Modelfiles that changed behind their version."""

from __future__ import annotations

import pytest

from mlws_scaffold.checks.target import Scope
from tests.unit.checks.building import Place

FILE = "models/registry.yaml"
MODELFILE = "modelfiles/helper.Modelfile"
SINCE = Scope(since="main")


def test_what_the_linter_calls_an_error_is_a_problem_and_the_rest_is_advice(place: Place) -> None:
    place.write(MODELFILE, "FROM llama3.1:8b\nPARAMETER temprature 1\nPARAMETER mirostat 1\n")
    result = place.ask("MOD005")
    assert [str(problem) for problem in result.problems] == [
        f"{MODELFILE}:2:1: MF002 unknown parameter 'temprature' (did you mean 'temperature'?)"
    ]
    assert "MF017 Ollama leaves mirostat out" in str(result.warnings[0])


def test_a_sound_modelfile_passes_and_what_other_checks_ask_is_not_said_twice(place: Place) -> None:
    assert place.ask("MOD005").answer == "yes"
    for text in ("FROM qwen3:4b\n", "nothing\n"):
        place.write(MODELFILE, text)
        assert place.ask("MOD005").answer == "yes"
        assert place.ask("MOD003").answer == "no"


def released(place: Place, *lines: str) -> None:
    """The helper in version v1, committed on both branches, with further lines in its entry."""
    entry = "".join(f"    {line}\n" for line in ("version: v1", *lines))
    place.edit(FILE, f"    modelfile: {MODELFILE}\n", f"    modelfile: {MODELFILE}\n{entry}")
    place.commit()
    place.git("branch", "-f", "main")


LIVE = "live: {version: v1}"


@pytest.mark.parametrize("line", ["status: testing", "status: production", LIVE])
def test_a_changed_modelfile_needs_a_new_version(place: Place, line: str) -> None:
    released(place, line)
    place.edit(MODELFILE, "short answers", "long answers")
    said = "testing" if "testing" in line else "production"
    for scope in (Scope(), SINCE):
        (problem,) = place.problems("MOD006", scope)
        assert problem.startswith(f"{FILE}:10:5: models.helper.version: {MODELFILE} was changed")
        assert said in problem
    place.commit()
    assert len(place.problems("MOD006", SINCE)) == 1


@pytest.mark.parametrize(
    ("line", "edits"),
    [
        ("status: testing", [(MODELFILE, "# about\n", "# about it\n\n")]),
        ("status: testing", [(MODELFILE, "SYSTEM short answers", 'SYSTEM """short answers"""')]),
        ("status: development", [(MODELFILE, "short", "long")]),
        ("status: testing", [(MODELFILE, "short", "long"), (FILE, "v1", "v2")]),
        (LIVE, [(MODELFILE, "short", "long"), (FILE, "    version: v1", "    version: v2")]),
        ("status: testing", [(MODELFILE, "short", "long"), (FILE, "testing", "development")]),
        ("status: testing", [(FILE, "owners: [team]", "owners: [ann]")]),
    ],
)
def test_what_does_not_touch_a_release_may_change(
    place: Place, line: str, edits: list[tuple[str, str, str]]
) -> None:
    released(place, line)
    for path, old, new in edits:
        place.edit(path, old, new)
    for scope in (Scope(), SINCE):
        assert place.ask("MOD006", scope).answer == "yes"


def test_a_modelfile_that_moved_is_compared_where_it_was(place: Place) -> None:
    released(place, "status: testing")
    place.git("mv", MODELFILE, "modelfiles/other.Modelfile")
    place.edit(FILE, MODELFILE, "modelfiles/other.Modelfile")
    assert place.ask("MOD006").answer == "yes"
    place.edit("modelfiles/other.Modelfile", "short", "long")
    assert len(place.problems("MOD006")) == 1


def test_a_move_of_the_state_together_with_the_change_is_fine(place: Place) -> None:
    """What was tested and promoted in one branch was in development before it."""
    released(place, "status: development")
    place.edit(MODELFILE, "short", "long")
    place.edit(FILE, "development", "testing")
    assert place.ask("MOD006", SINCE).answer == "yes"


def test_signs_that_git_would_translate_count(place: Place) -> None:
    released(place, "status: testing")
    place.write(MODELFILE, 'FROM llama3.1:8b\r\nSYSTEM """a\r\nb"""\r\n')
    place.commit()
    place.git("branch", "-f", "main")
    place.write(MODELFILE, '# x\r\nFROM llama3.1:8b\r\nSYSTEM """a\r\nb"""\r\n')
    assert place.ask("MOD006", SINCE).answer == "yes"


def test_without_git_or_a_commit_nothing_can_be_compared(place: Place) -> None:
    place.git("update-ref", "-d", "HEAD")
    assert place.ask("MOD006").reason == "no commit to compare with"


def test_a_registry_that_was_broken_before_says_nothing(place: Place) -> None:
    good = (place.root / FILE).read_text()
    place.write(FILE, "models: [\n")
    place.commit()
    place.write(FILE, good)
    assert place.ask("MOD006").answer == "yes"
