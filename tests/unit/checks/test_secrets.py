"""GIT006: secrets are found by their shape and never shown. No line here holds a whole one."""

from __future__ import annotations

import pytest

from mlws_scaffold.checks.target import Scope
from tests.unit.checks.building import Place

LONG = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
TOKENS = {
    "a private key": "-----BEGIN RSA " + "PRIVATE KEY-----",
    "an AWS access key": "AKIA" + "ABCDEFGHIJ234567",
    "a GitHub token": "ghp_" + LONG,
    "a GitLab token": "glpat-" + LONG[:20],
    "a Hugging Face token": "hf_" + LONG[:34],
    "an API key": "sk-" + "proj-" + LONG,
    "a Slack token": "xoxb-" + "12345-67890-" + LONG,
    "a Google API key": "AIza" + LONG[:35],
}


@pytest.mark.parametrize(("what", "token"), TOKENS.items())
def test_each_shape_is_found_and_hidden(place: Place, what: str, token: str) -> None:
    place.write("notes.md", f"first line\nKEY = '{token}'\n")
    (problem,) = place.problems("GIT006")
    assert problem.startswith(f"notes.md:2:8: looks like {what} (")
    assert token[5:] not in problem


def test_a_fine_grained_github_token_is_found(place: Place) -> None:
    place.write("notes.md", "github_" + "pat_" + LONG)
    assert "a GitHub token" in place.problems("GIT006")[0]


def test_ordinary_words_are_no_secrets(place: Place) -> None:
    place.write(
        "notes.md",
        "task-" + "sk-learn-and-many-other-words\n"
        "sk-" + "this-is-how-a-key-would-look\n"
        "disk-0123456789-0123456789-0123456789\n"
        "xakia " + "AKIA" + "short\n",
    )
    assert place.ask("GIT006").answer == "yes"


def test_an_allowed_line_is_left_alone(place: Place) -> None:
    place.write("notes.md", f"key = '{TOKENS['an API key']}'  # mlws: allow-secret\n")
    assert place.ask("GIT006").answer == "yes"


def test_a_tracked_file_is_read_even_when_it_is_ignored(place: Place) -> None:
    place.write("train.log", TOKENS["a GitHub token"])
    assert place.ask("GIT006").answer == "yes"
    place.git("add", "-f", "train.log")
    assert place.ask("GIT006").answer == "no"


def test_only_staged_files_are_judged_when_asked(place: Place) -> None:
    place.write("old.md", TOKENS["a GitLab token"])
    place.commit()
    place.write("new.md", "nothing")
    place.git("add", "-A")
    assert place.ask("GIT006", Scope(staged=True)).answer == "yes"
    place.write("new.md", TOKENS["a GitLab token"])
    place.git("add", "-A")
    assert [problem[:6] for problem in place.problems("GIT006", Scope(staged=True))] == ["new.md"]
