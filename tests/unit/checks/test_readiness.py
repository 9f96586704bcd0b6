"""AGT008 and AGT009: what a production agent shows its users."""

from __future__ import annotations

import pytest

from tests.unit.checks.building import AGENT, Place


@pytest.mark.parametrize(
    "text",
    [
        "# Helpdesk\n\nUse curl.\n",
        "# Helpdesk\n\n```bash\nuv run pytest\n```\n",
        "# Helpdesk\n\n```bash\ncurl http://127.0.0.1:8000/v1/models\n",
    ],
)
def test_a_readme_without_a_request_to_copy_is_named(place: Place, text: str) -> None:
    place.write(f"{AGENT}/README.md", text)
    assert place.problems("AGT008") == [
        f"{AGENT}/README.md: shows no request in a code block (add one that can be copied)"
    ]


def test_a_client_library_is_a_request_too(place: Place) -> None:
    place.write(f"{AGENT}/README.md", "~~~python\nclient = OpenAI(base_url=address)\n~~~\n")
    assert place.ask("AGT008").answer == "yes"


@pytest.mark.parametrize("text", ["FROM x\n", "FROM x\nHEALTHCHECK NONE\n", "# HEALTHCHECK CMD\n"])
def test_an_image_that_checks_nothing_is_named(place: Place, text: str) -> None:
    place.write(f"{AGENT}/Dockerfile", text)
    (problem,) = place.problems("AGT009")
    assert "has no HEALTHCHECK" in problem


def test_a_missing_file_is_another_checks_to_name(place: Place) -> None:
    for name in ("README.md", "Dockerfile"):
        (place.root / AGENT / name).unlink()
    assert place.ask("AGT008").answer == place.ask("AGT009").answer == "yes"
    assert len(place.problems("AGT005")) == 2
