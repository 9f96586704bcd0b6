"""WS005 and WS006: the lock and environment.yaml follow pyproject.toml, judged without an index."""

from __future__ import annotations

import pytest

from mlws_scaffold.adapters import process
from mlws_scaffold.checks import requirements
from mlws_scaffold.checks.target import Scope
from tests.unit.checks.building import AGENT, EXPERIMENT, PYPROJECT, Place


def test_a_missing_lock_is_advice_only(place: Place) -> None:
    (place.root / "uv.lock").unlink()
    assert place.warnings("WS005") == [
        "uv.lock: there is none yet (`mlws setup` makes it; commit it)"
    ]


def test_a_missing_lock_of_an_isolated_experiment_is_advice_too(place: Place) -> None:
    (place.root / EXPERIMENT / "pyproject.toml").write_text(PYPROJECT)
    assert place.warnings("WS005") == [
        f"{EXPERIMENT}/uv.lock: there is none yet (`mlws setup` makes it; commit it)"
    ]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            '"numpy>=1.26"',
            '"numpy>=2"',
            "dependencies changed since it was made: + numpy>=2, - numpy>=1.26",
        ),
        ('"PyYAML"', '"PyYAML", "six"', "+ six"),
        (', "PyYAML"', "", "- pyyaml"),
        ('"numpy>=1.26"', '"numpy[extra]>=1.26"', "+ numpy[extra]>=1.26"),
        ('lint = ["ruff"]', 'lint = ["ruff>=1"]', "group dev changed"),
        ('"pytest>=8"', '"pytest >= 9"', "+ pytest>=9"),
        ('lint = ["ruff"]', 'lint = ["ruff"]\nextra = ["six"]', "group extra changed"),
        ('">=3.11"', '">=3.12"', "was made for Python >=3.11, wanted is >=3.12"),
        (
            "[dependency-groups]",
            '[tool.uv.sources]\nnumpy = {git = "https://example.org/numpy", tag = "v2"}\n\n'
            "[dependency-groups]",
            "+ numpy>=1.26 from git example.org/numpy at v2",
        ),
    ],
)
def test_a_lock_made_from_other_requirements_is_stale(
    place: Place, old: str, new: str, said: str
) -> None:
    place.edit("pyproject.toml", old, new)
    found = place.problems("WS005")
    assert found
    assert said in " ".join(found)


def test_the_same_requirements_in_other_words_are_no_difference(place: Place) -> None:
    place.edit("pyproject.toml", '"numpy>=1.26", "PyYAML"', '"pyyaml", "NumPy >= 1.26"')
    assert place.ask("WS005").answer == "yes"


def test_extras_sources_and_included_groups_are_read_as_uv_records_them() -> None:
    project = {
        "project": {
            "dependencies": [
                "mlws-scaffold[models,mlflow]",
                "torch>=2",
                "tool>=1 ; os_name == 'nt'",
            ],
            "optional-dependencies": {"gpu": ["idna==3.*"]},
        },
        "tool": {
            "uv": {
                "sources": {
                    "mlws-scaffold": {"git": "ssh://git@example.org/m.git", "tag": "v1"},
                    "torch": [{"index": "cpu"}, {"index": "cuda"}],
                }
            }
        },
    }
    entry = {
        "metadata": {
            "requires-dist": [
                {"name": "idna", "marker": "extra == 'gpu'", "specifier": "==3.*"},
                {
                    "name": "mlws-scaffold",
                    "extras": ["mlflow", "models"],
                    "git": "https://example.org/m?tag=v1",
                },
                {"name": "tool", "marker": "os_name == 'nt'", "specifier": ">=1"},
                {"name": "torch", "specifier": ">=2", "index": "https://example.org/cpu"},
            ]
        }
    }
    assert (
        requirements.differences(requirements.wanted(project)[""], requirements.locked(entry)[""])
        == []
    )
    entry["metadata"]["requires-dist"][1]["git"] = "https://example.org/m?tag=v2"
    assert (
        len(
            requirements.differences(
                requirements.wanted(project)[""], requirements.locked(entry)[""]
            )
        )
        == 2
    )


def test_a_lock_of_another_project_is_no_lock(place: Place) -> None:
    place.edit("uv.lock", 'virtual = "."', 'registry = "https://example.org"')
    (problem,) = place.problems("WS005")
    assert "made for another" in problem


def test_a_lock_that_is_no_toml_is_named(place: Place) -> None:
    place.write("uv.lock", b"\xff\xfe binary")
    assert place.ask("WS005").answer == "no"


def test_an_agent_with_a_lock_of_its_own_is_judged_too(place: Place) -> None:
    place.write(f"{AGENT}/pyproject.toml", PYPROJECT)
    place.write(
        f"{AGENT}/uv.lock", 'version = 1\n[[package]]\nname = "demo"\nsource = { virtual = "." }\n'
    )
    assert all(problem.startswith(f"{AGENT}/uv.lock") for problem in place.problems("WS005"))
    assert place.ask("WS005").answer == "no"


def test_the_requirements_of_a_package_inside_count(place: Place) -> None:
    place.write(
        "shared/tools/pyproject.toml", '[project]\nname = "tools"\ndependencies = ["six"]\n'
    )
    place.write(
        "uv.lock",
        (place.root / "uv.lock").read_text()
        + '\n[[package]]\nname = "tools"\nsource = { editable = "shared/tools" }\n',
    )
    assert place.problems("WS005") == [
        "uv.lock: dependencies of shared/tools changed since it was made: + six"
        " (run `uv lock` there and commit both)"
    ]


@pytest.mark.skipif(process.find("uv") is None, reason="uv is not installed")
def test_uv_itself_agrees_with_the_comparison(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    place.write(
        "pyproject.toml",
        '[project]\nname = "demo"\nversion = "1"\nrequires-python = ">=3.11"\n'
        'dependencies = ["one"]\n[tool.uv.sources]\none = { path = "one" }\n',
    )
    place.write("one/pyproject.toml", '[project]\nname = "one"\nversion = "1"\n')
    (place.root / "uv.lock").unlink()
    process.run(["uv", "lock"], place.root, timeout=60)
    online = Scope(online=True)
    assert (place.ask("WS005").answer, place.ask("WS005", online).answer) == ("yes", "yes")
    place.edit("pyproject.toml", '["one"]', '["one", "not-in-any-cache"]')
    assert place.ask("WS005", online).answer == "not applicable"  # no index, no verdict
    place.edit("pyproject.toml", '["one", "not-in-any-cache"]', "[]")
    assert (place.ask("WS005").answer, place.ask("WS005", online).answer) == ("no", "no")


def test_no_environment_file_means_no_conda(place: Place) -> None:
    (place.root / "environment.yaml").unlink()
    assert place.ask("WS006").answer == "not applicable"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("channels: [defaults]\ndependencies: [python>=3.11]\n", "conda-forge is missing"),
        ("channels: [conda-forge, pytorch]\ndependencies: [python>=3.11]\n", "pytorch is another"),
        ("channels: [conda-forge]\ndependencies: ['python=3.10']\n", "older Python"),
        ("channels: [conda-forge]\ndependencies: [pip]\n", "python is missing"),
        (
            "channels: [conda-forge]\ndependencies: [python=3.11, numpy=1.26]\n",
            "environment.yaml:2:29: dependencies.1: pins numpy 1.26, but uv.lock has 2.1.3",
        ),
        (
            "channels: [conda-forge]\ndependencies: [python=3.11, {pip: [numpy==2.1.2]}]\n",
            "pins numpy 2.1.2",
        ),
        ("- a\n", "is no mapping"),
        ("a: [\n", "is no YAML"),
    ],
)
def test_an_environment_that_drifted_is_named(place: Place, text: str, said: str) -> None:
    place.write("environment.yaml", text)
    assert said in " ".join(place.problems("WS006"))


def test_a_pin_that_fits_the_lock_is_fine(place: Place) -> None:
    text = (
        "channels: [conda-forge]\ndependencies: [python=3.12, numpy=2.1, {pip: [numpy==2.1.3]}]\n"
    )
    place.write("environment.yaml", text)
    assert place.ask("WS006").answer == "yes"


def test_a_check_of_staged_files_leaves_the_lock_alone_unless_touched(place: Place) -> None:
    place.edit("pyproject.toml", '"PyYAML"', '"six"')
    place.commit()
    place.write("notes.md", "x")
    place.git("add", "notes.md")
    assert place.ask("WS005", Scope(staged=True)).answer == "yes"
    place.edit("pyproject.toml", '"six"', '"six>=1"')
    place.git("add", "pyproject.toml")
    assert place.ask("WS005", Scope(staged=True)).answer == "no"
