"""MOD010: the descriptions of trained weights."""

from __future__ import annotations

from mlws_scaffold.checks.target import Scope
from tests.unit.checks.building import Place

FILE = "models/checkpoints/ranker/v1.0.0.yaml"
SOUND = f"uri: /mnt/models/x.gguf\nsha256: '{'0' * 64}'\nx_note: ours\n"


def test_a_mistake_in_a_description_is_placed(place: Place) -> None:
    place.write(FILE, SOUND)
    assert place.ask("MOD010").answer == "yes"
    place.write(FILE, SOUND.replace("sha256", "sha265"))
    found = place.problems("MOD010")
    assert found[0].startswith(f"{FILE}:1:1: sha256: missing")
    assert "did you mean 'sha256'?" in found[1]
    place.write(FILE, SOUND.replace("/mnt", "../mnt"))
    assert "uri: ../mnt/models/x.gguf leads out of the workspace" in place.problems("MOD010")[0]


def test_descriptions_that_were_not_touched_are_left_alone(place: Place) -> None:
    place.write(FILE, "uri: 3\n")
    place.commit()
    place.write("notes.md", "x")
    place.git("add", "-A")
    assert place.ask("MOD010", Scope(staged=True)).answer == "not applicable"
