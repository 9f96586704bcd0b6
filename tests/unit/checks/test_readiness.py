"""AGT008 to AGT010: what a production agent shows its users, and its cluster."""

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


NAME = f"{AGENT}/deploy/kubernetes/components/name/kustomization.yaml"
OVERLAY = f"{AGENT}/deploy/kubernetes/overlays/production/kustomization.yaml"
NAMED = """\
namePrefix: {prefix}
labels:
  - includeSelectors: true
    pairs:
      app.kubernetes.io/instance: "{label}"
"""


def test_manifests_of_another_name_are_named(place: Place) -> None:
    assert place.ask("AGT010").answer == "yes", "it runs elsewhere"
    name = AGENT.rpartition("/")[2]
    place.write(OVERLAY, "components:\n  # - ../../components/gpu\n  - ../../components/name\n")
    place.write(NAME, NAMED.format(prefix=f"{name}-", label=name))
    assert place.ask("AGT010").answer == "yes"

    place.write(NAME, NAMED.format(prefix="other-", label=name))
    (problem,) = place.problems("AGT010")
    assert f"gives the name other-, {name} (namePrefix: {name}- and the label {name})" in problem

    place.write(NAME, NAMED.format(prefix=f"{name}-", label=name))
    place.write(OVERLAY, "components:\n  # - ../../components/name\n")
    (problem,) = place.problems("AGT010")
    assert problem.startswith(f"{OVERLAY}: leaves out the agent's name")


def test_overlays_without_the_file_that_names_them_are_named(place: Place) -> None:
    place.write(OVERLAY, "components:\n  - ../../components/name\n")
    (problem,) = place.problems("AGT010")
    assert NAME in problem
