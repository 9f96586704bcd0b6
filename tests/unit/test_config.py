"""mlws.toml becomes frozen dataclasses; layout and people are found from it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlws_scaffold.errors import InvalidFile, Problem, UsageError
from mlws_scaffold.workspace import layout, people
from mlws_scaffold.workspace.config import Config, Person, Workspace, WorkspaceTable, load

LEAST = '[workspace]\nname = "demo"\n'
FULL = """\
[workspace]
name = "demo"
integration_branch = "trunk"

[team.sarah]
email = "Sarah@example.org"
role = "lead"

[models.hosts]
staging = "http://gpu1:11434"

[[gpus.static]]
index = 0
name = "NVIDIA H200"

[[prices]]
gpu = "NVIDIA H200"
per_hour = 3
currency = "USD"
valid_from = 2026-01-01

[budgets]
month = 2000
"sarah" = 300.5

[deploy]
steps = [5, 100]
"""


def read(root: Path, text: str, **environment: str) -> Workspace:
    (root / "mlws.toml").write_text(text, encoding="utf-8")
    return load(root, environment)


def problems(root: Path, text: str, **environment: str) -> list[str]:
    with pytest.raises(InvalidFile) as caught:
        read(root, text, **environment)
    return [str(problem) for problem in caught.value.problems]


def test_everything_but_the_name_has_a_default(tmp_path: Path) -> None:
    config = read(tmp_path, LEAST).config
    assert config.workspace.integration_branch == "develop"
    assert config.checks.max_file_mb == 10
    assert config.deploy.steps == (10, 50, 100)
    assert dict(config.team) == {}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    config = read(tmp_path, FULL).config
    assert config.workspace.integration_branch == "trunk"
    assert config.team["sarah"].role == "lead"
    assert config.models.hosts.staging == "http://gpu1:11434"
    assert config.gpus.static[0].name == "NVIDIA H200"
    assert (config.prices[0].per_hour, config.prices[0].valid_from.year) == (3, 2026)
    assert dict(config.budgets) == {"month": 2000, "sarah": 300.5}
    assert config.deploy.steps == (5, 100)


def test_nothing_can_be_changed_afterwards(tmp_path: Path) -> None:
    config = read(tmp_path, FULL).config
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.checks.max_file_mb = 99  # type: ignore[misc]
    with pytest.raises(TypeError):
        config.team["eve"] = config.team["sarah"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "mlws.toml: workspace: missing (write a table)"),
        ("[workspace]\n", "mlws.toml:1:1: workspace.name: missing (write text in quotes)"),
        (f"{LEAST}[modles]\n", "mlws.toml:3:1: modles: unknown key (did you mean 'models'?)"),
        (f"{LEAST}[models]\npull = 2\n", "mlws.toml:4:1: models.pull: unknown key (did you mean"),
        (f"{LEAST}[models]\npulls = 'two'\n", "models.pulls: 'two' does not fit (write a whole"),
        (f"{LEAST}[models]\npulls = true\n", "models.pulls: True does not fit"),
        (f"{LEAST}[deploy]\nsteps = [1, 'x']\n", "mlws.toml:4:1: deploy.steps.1: 'x' does not fit"),
        (f"{LEAST}[team]\nann = 3\n", "mlws.toml:4:1: team.ann: is 3, not a table"),
        (f"{LEAST}[team.ann]\nrole = 'boss'\n", "unknown value 'boss' (write one of: researcher"),
        (f"{LEAST}models = 3\n", "workspace.models: unknown key"),
        ("models = 3\n", "models: is 3, not a table"),
        ("[workspace\n", "mlws.toml:1:11: is no TOML"),
        ("a = 1\na = 2\n", "is no TOML: Cannot overwrite a value"),
        (f"a = {'[' * 20000}", "cannot be read as TOML"),
        (f"a = {'9' * 6000}", "cannot be read as TOML"),
        (f"# {'x' * 1_100_000}", "is larger than 1000 kB"),
    ],
)
def test_a_mistake_is_placed_and_comes_with_its_cure(tmp_path: Path, text: str, said: str) -> None:
    assert said in " ".join(problems(tmp_path, text))


def test_all_mistakes_come_at_once(tmp_path: Path) -> None:
    assert len(problems(tmp_path, "[workspace]\nnam = 1\n[x]\n")) == 3


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "mlws.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidFile, match="is not UTF-8"):
        load(tmp_path, {})


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidFile, match="cannot be read"):
        load(tmp_path, {})


def test_the_environment_wins_and_says_so(tmp_path: Path) -> None:
    workspace = read(
        tmp_path,
        LEAST,
        MLWS_MODELS_PULLS="5",
        MLWS_MODELS_TOLERANCE="0.5",
        MLWS_GPUS_REQUIRED="true",
        MLWS_TRACKING_URI="http://tracking",
        MLWS_NOTHING_KNOWN="x",
    )
    assert workspace.config.models.pulls == 5
    assert workspace.config.models.tolerance == 0.5
    assert workspace.config.gpus.required is True
    assert workspace.config.tracking.uri == "http://tracking"
    assert workspace.sources["models.pulls"] == "MLWS_MODELS_PULLS"
    assert len(workspace.sources) == 4


def test_a_variable_that_does_not_fit_is_a_mistake_like_any_other(tmp_path: Path) -> None:
    said = problems(tmp_path, LEAST, MLWS_MODELS_PULLS="many")[0]
    assert said.startswith("MLWS_MODELS_PULLS: models.pulls: 'many' does not fit")
    assert "not a table" in problems(tmp_path, f"models = 1\n{LEAST}", MLWS_MODELS_PULLS="2")[0]


@given(st.text("[]{}=\"'#.,\n ab1_\\", max_size=60))
def test_any_text_gives_a_configuration_or_a_message(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    found: Config | tuple[Problem, ...]
    try:
        found = read(tmp_path_factory.mktemp("any"), text).config
    except InvalidFile as error:
        found = error.problems
    assert found


def test_the_root_is_found_from_far_below(tmp_path: Path) -> None:
    read(tmp_path, LEAST)
    below = tmp_path / "experiments/active/ann/x"
    below.mkdir(parents=True)
    assert layout.find_root(below) == tmp_path
    assert layout.require_root(below) == tmp_path


def test_outside_of_a_workspace_the_way_to_one_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        layout.require_root(tmp_path)
    assert "mlws-new workspace" in caught.value.cure


def test_projects_are_found_at_their_depth_and_caches_are_none(tmp_path: Path) -> None:
    for path in (
        "experiments/active/ann/one",
        "experiments/active/ann/.ipynb_checkpoints",
        "experiments/archive/bob/old",
        "agents/prototypes/sketch",
        "agents/production/helpdesk",
        "agents/production/__pycache__",
    ):
        (tmp_path / path).mkdir(parents=True)
    (tmp_path / "experiments/active/ann/README.md").write_text("x")
    found = layout.Layout(tmp_path)
    assert [found.relative(path) for path in found.experiments()] == [
        "experiments/active/ann/one",
        "experiments/archive/bob/old",
    ]
    assert [path.name for path in (*found.prototypes(), *found.agents())] == ["sketch", "helpdesk"]


def test_a_person_is_found_by_address_in_any_case(tmp_path: Path) -> None:
    config = read(tmp_path, FULL).config
    assert people.by_email(config, "sarah@EXAMPLE.org") == "sarah"
    assert people.by_email(config, "eve@example.org") is None
    assert people.by_email(config, "") is None


def test_who_acts_is_named_found_or_the_only_one(tmp_path: Path) -> None:
    alone = read(tmp_path, FULL).config
    assert people.acting(alone, "sarah@example.org") == ("sarah", "")
    assert people.acting(alone, "other@example.org")[0] == "sarah"
    assert "only member" in people.acting(alone, "")[1]
    two = read(tmp_path, FULL + "\n[team.ann]\n").config
    assert people.acting(two, "", "ann") == ("ann", "")
    with pytest.raises(UsageError, match="so nobody is not in"):
        people.acting(two, "")
    with pytest.raises(UsageError) as caught:
        people.acting(two, "", "anne")
    assert "did you mean 'ann'" in caught.value.cure


def test_a_table_is_frozen_and_takes_only_its_fields() -> None:
    person = Person("Ann", role="lead")
    assert person == Person(name="Ann", role="lead") != Person("Ann")
    assert len({person, Person("Ann", role="lead")}) == 1
    assert "role='lead'" in repr(person)
    with pytest.raises(dataclasses.FrozenInstanceError):
        person.name = "Ben"  # type: ignore[misc]
    for wrong in ({"shoe": 43}, {"name": "a", "shoe": 43}):
        with pytest.raises(TypeError, match="shoe"):
            Person(**wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="needs name"):
        WorkspaceTable()  # type: ignore[call-arg]
