"""What is rendered parses, is formatted, passes its linters, and keeps what was typed."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlws_scaffold.models.weights import manifest
from mlws_scaffold.models.weights.manifest import Manifest, Weights
from mlws_scaffold.workspace.layout import Layout
from tests.support import model_house, run_steps
from tests.support.answer_sets import ANSWER_SETS, GOAL, NASTY
from tests.support.rendering import ROOT, render

pytestmark = pytest.mark.slow

BIN = Path(sys.executable).parent
CONSTRAINTS = (ROOT / "constraints.txt").read_text()
PINS = json.loads((ROOT / "tests/support/pins.json").read_text())


# Where a project lies decides which configuration its tools find.
PLACES = {"experiment": "experiments/active/ann/one", "prototype": "agents/prototypes/one"}


def _sets(*kinds: str) -> list[str]:
    return sorted(name for name, (kind, _) in ANSWER_SETS.items() if not kinds or kind in kinds)


def of_kinds(*kinds: str) -> pytest.MarkDecorator:
    """Only the answer sets of these kinds."""
    return pytest.mark.parametrize("output", _sets(*kinds), indirect=True)


@pytest.fixture(scope="module", params=_sets())
def output(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One rendered folder for each answer set; what belongs into a workspace lies in one."""
    kind, answers = ANSWER_SETS[request.param]
    folder = tmp_path_factory.mktemp(request.param) / "out"
    if kind in PLACES:
        render("workspace", {}, folder)
        folder = folder / PLACES[kind]
    return render(kind, answers, folder)


def _files(folder: Path, *suffixes: str) -> list[Path]:
    return [
        path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix in suffixes
    ]


def _run(*command: object, folder: Path) -> None:
    done = subprocess.run(
        [str(part) for part in command], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_file_parses(output: Path) -> None:
    for path in _files(output, ".yaml", ".yml"):
        list(yaml.safe_load_all(path.read_text()))
    for path in _files(output, ".toml"):
        tomllib.loads(path.read_text())
    for path in _files(output, ".json"):
        json.loads(path.read_text())
    for path in _files(output, ".py"):
        compile(path.read_text(), str(path), "exec")
    for path in _files(output, ".sh"):
        _run("bash", "-n", path, folder=output)


@of_kinds("workspace", "experiment", "prototype", "agent")
def test_python_is_formatted_and_lint_free(output: Path) -> None:
    _run(BIN / "ruff", "format", "--no-cache", "--diff", ".", folder=output)
    _run(BIN / "ruff", "check", "--no-cache", ".", folder=output)


def test_text_ends_with_one_newline_and_has_no_trailing_blanks(output: Path) -> None:
    wrong = []
    for path in [item for item in output.rglob("*") if item.is_file()]:
        text = path.read_bytes().decode()
        if text and (not text.endswith("\n") or text.endswith("\n\n")):
            wrong.append(f"{path.relative_to(output)}: end")
        if re.search(r"[ \t]+$", text, re.MULTILINE) and path.suffix != ".yml":
            wrong.append(f"{path.relative_to(output)}: blanks")
    assert wrong == []


def test_no_jinja_is_left(output: Path) -> None:
    """Workflows hold braces of their own; they are static, so they equal the template's file."""
    static = {
        path.name: path.read_bytes() for path in (ROOT / "templates").rglob("*") if path.is_file()
    }
    typed = " ".join(NASTY)
    for path in [item for item in output.rglob("*") if item.is_file()]:
        if static.get(path.name) == path.read_bytes():
            continue
        for mark in re.findall(r"\{\{.*?\}\}|\{%.*?%\}", path.read_text()):
            assert mark in typed, f"{path.relative_to(output)}: {mark}"


def test_file_names_are_fit_for_windows() -> None:
    wrong = [
        path
        for path in (ROOT / "templates").rglob("*")
        if set(path.name) & set('"|:<>?*\\') or path.name.endswith((" ", "."))
    ]
    assert wrong == []


@of_kinds("workspace")
def test_shell_scripts_are_clean(output: Path) -> None:
    scripts = _files(output, ".sh")
    assert scripts
    _run(BIN / "shellcheck", *scripts, folder=output)
    assert all(path.stat().st_mode & 0o100 for path in scripts)


@of_kinds("workspace")
def test_workflows_are_valid_and_safe(output: Path, tmp_path: Path) -> None:
    folder = output / ".github/workflows"
    workflows = sorted(folder.glob("*.yml"))
    assert [path.stem for path in workflows] == [
        "agent-tests",
        "approvals",
        "deploy-production",
        "experiment-validation",
        "nightly",
        "security",
        "template-update",
    ]
    _run(
        BIN / "check-jsonschema",
        "--builtin-schema",
        "vendor.github-workflows",
        *workflows,
        folder=output,
    )
    _run(BIN / "zizmor", "--offline", "--no-progress", "--quiet", folder, folder=output)
    for workflow in workflows:
        text = workflow.read_text()
        steps = run_steps.scripts(workflow, tmp_path)
        _run(BIN / "shellcheck", *steps, folder=tmp_path)
        for action, commit in re.findall(r"uses: ([\w./-]+)@(\w+)", text):
            assert PINS.get(action) == commit, f"{workflow.name}: {action}"
        assert not any("${{" in step.read_text() for step in steps)
        _is_careful(yaml.safe_load(text), workflow.name)


def _is_careful(workflow: dict[str, Any], name: str) -> None:
    """No permission but what a job names, an end to each job, no token left in a checkout, and no
    required check that waits for ever because its workflow did not start."""
    assert workflow["permissions"] == {}, name
    assert "concurrency" in workflow, name
    events = workflow[True]  # YAML 1.1 reads the key `on` as true
    assert "pull_request_target" not in events
    for event in ("pull_request", "merge_group"):
        filters = events.get(event)
        assert not filters, f"{name}: a filter leaves a check pending"
    assert ("pull_request" in events) == ("merge_group" in events), name
    for job_name, job in workflow["jobs"].items():
        assert job["timeout-minutes"] <= 360, f"{name}: {job_name}"
        assert "ubuntu-latest" in job["runs-on"] or "${{" in job["runs-on"]
        for step in job["steps"]:
            if "actions/checkout@" in step.get("uses", ""):
                assert step["with"]["persist-credentials"] is False, f"{name}: {job_name}"


@of_kinds("workspace")
def test_every_required_check_always_reports(output: Path) -> None:
    """The last job runs whatever happened to the others, and looks at each of them."""
    for name in ("agent-tests", "experiment-validation", "security", "nightly"):
        jobs = yaml.safe_load((output / f".github/workflows/{name}.yml").read_text())["jobs"]
        *others, last = jobs
        assert (last, jobs[last]["name"], jobs[last]["if"]) == ("gate", name, "always()")
        assert jobs[last]["needs"] == others


@of_kinds("workspace")
def test_the_configurations_of_updater_bots_are_valid(output: Path) -> None:
    for name, kind in (("renovate.json", "renovate"), ("dependabot.yml", "dependabot")):
        path = output / ".github" / name
        _run(BIN / "check-jsonschema", "--builtin-schema", f"vendor.{kind}", path, folder=output)


@of_kinds("agent")
def test_compose_and_image_files_are_valid(output: Path) -> None:
    compose = [*output.glob("compose*.yaml"), *output.glob("deploy/compose*.yaml")]
    assert {path.parent for path in compose} == {output, output / "deploy"}
    _run(
        BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", *compose, folder=output
    )
    _run(BIN / "hadolint", output / "Dockerfile", folder=output)


@of_kinds("workspace")
def test_the_tracking_server_is_valid_and_of_the_versions_that_are_tested(output: Path) -> None:
    path = output / "compose.tracking.yaml"
    _run(BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", path, folder=output)
    services = yaml.safe_load(path.read_text())["services"]
    image = services["mlflow"]["build"]["dockerfile_inline"]
    (output / "Dockerfile.tracking").write_text(image)
    try:
        _run(BIN / "hadolint", "Dockerfile.tracking", folder=output)
    finally:
        (output / "Dockerfile.tracking").unlink()
    pinned = dict(re.findall(r"(mlflow|psycopg)(?:\[binary\])?==([\d.]+)", image))
    assert set(pinned) == {"mlflow", "psycopg"}
    assert all(f"\n{name}=={version}\n" in CONSTRAINTS for name, version in pinned.items())
    assert services["mlflow"]["image"].endswith(f"-mlflow:{pinned['mlflow']}")
    published = [port for service in services.values() for port in service.get("ports", ())]
    assert [port.startswith("127.0.0.1:") for port in published] == [True]
    assert "${MLFLOW_DATABASE_PASSWORD:?" in path.read_text()


@pytest.mark.parametrize("text", NASTY)
def test_what_a_person_types_comes_back(text: str, tmp_path: Path) -> None:
    made = render(
        "workspace", {"organisation": text, "workspace_description": text}, tmp_path / "w"
    )
    assert tomllib.loads((made / "mlws.toml").read_text())["workspace"]["organisation"] == text
    assert tomllib.loads((made / "pyproject.toml").read_text())["project"]["description"] == text
    assert yaml.safe_load((made / ".copier-answers.yml").read_text())["organisation"] == text


def _typed() -> st.SearchStrategy[str]:
    line = st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp"))
    return st.text(line, min_size=10, max_size=60).filter(lambda text: len(text.strip()) >= 10)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("typed")
    yield folder
    shutil.rmtree(folder)


SLOWLY = settings(max_examples=12, deadline=None, suppress_health_check=[*HealthCheck])


@SLOWLY
@given(goal=_typed(), hypothesis=_typed())
def test_any_goal_and_hypothesis_survive(goal: str, hypothesis: str, scratch: Path) -> None:
    made = render(
        "experiment",
        {"experiment_goal": goal, "experiment_hypothesis": hypothesis},
        scratch / str(len([*scratch.iterdir()])),
    )
    metadata = yaml.safe_load((made / "metadata.yaml").read_text())
    assert (metadata["goal"], metadata["hypothesis"]) == (goal, hypothesis)


@SLOWLY
@given(organisation=_typed())
def test_any_organisation_survives(organisation: str, scratch: Path) -> None:
    target = scratch / str(len([*scratch.iterdir()]))
    made = render("workspace", {"organisation": organisation, "licence": "MIT"}, target)
    config = tomllib.loads((made / "mlws.toml").read_text())
    assert config["workspace"]["organisation"] == organisation


@SLOWLY
@given(purpose=_typed(), kind=st.sampled_from(["prototype", "agent"]))
def test_any_purpose_survives(purpose: str, kind: str, scratch: Path) -> None:
    made = render(kind, {f"{kind}_purpose": purpose}, scratch / str(len([*scratch.iterdir()])))
    for path in _files(made, ".yaml", ".yml"):
        yaml.safe_load(path.read_text())
    for path in _files(made, ".toml"):
        tomllib.loads(path.read_text())
    recorded = yaml.safe_load((made / ".copier-answers.yml").read_text())
    assert recorded[f"{kind}_purpose"] == purpose


@SLOWLY
@given(system=_typed())
def test_any_system_prompt_survives(system: str, scratch: Path) -> None:
    if '"""' in system or system.endswith('"'):
        return
    made = render("model", {"model_system": system}, scratch / str(len([*scratch.iterdir()])))
    assert system in next(made.rglob("*.Modelfile")).read_text()


@pytest.mark.parametrize(
    ("kind", "answers"),
    [
        ("workspace", {"organisation": "a\nb"}),
        ("workspace", {"organisation": ""}),
        ("workspace", {"organisation": "x" * 301}),
        ("workspace", {"organisation": "\x07"}),
        ("workspace", {"workspace_name": "Ml"}),
        ("workspace", {"workspace_name": "../up"}),
        ("workspace", {"researcher": "con"}),
        ("workspace", {"researcher_email": "nobody"}),
        ("workspace", {"ollama_models": ["a b"]}),
        ("workspace", {"ollama_models": "llama"}),
        ("workspace", {"container_registry": "https://x"}),
        ("experiment", {**GOAL, "experiment_goal": "short"}),
        ("experiment", {**GOAL, "experiment_created": "today"}),
        ("experiment", {**GOAL, "experiment_tags": ["A B"]}),
        ("model", {"model_system": 'ends with a quote"'}),
    ],
)
def test_a_bad_answer_is_refused_and_nothing_is_left(
    kind: str, answers: dict[str, object], tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="Validation error for question"):
        render(kind, answers, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("framework", ["pydantic-ai", "plain", "rag"])
def test_a_prototype_has_the_same_agent_and_configuration_as_production(
    framework: str, tmp_path: Path
) -> None:
    production = render("agent", {"agent_framework": framework}, tmp_path / "production")
    prototype = render("prototype", {"prototype_framework": framework}, tmp_path / "prototype")
    for ours, theirs in {
        "agent.py": "src/agent/agent.py",
        "config.yaml": "config.yaml",
        "test_agent.py": "tests/wire/test_agent.py",
    }.items():
        assert (prototype / ours).read_bytes() == (production / theirs).read_bytes()
    found = sorted(path.name for path in (prototype / "prompts").rglob("*.md"))
    assert found == (["experiments.md", "system.md"] if framework == "rag" else ["system.md"])


def _functions(path: Path) -> dict[str, str]:
    """Text of each function and class of a module."""
    text = path.read_text()
    return {
        node.name: ast.get_source_segment(text, node) or ""
        for node in ast.parse(text).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    }


def test_what_the_variants_of_an_agent_share_is_the_same_text() -> None:
    folder = ROOT / "templates/shared/agent"
    plain, rag = _functions(folder / "plain.py"), _functions(folder / "rag.py")
    assert [name for name, text in plain.items() if rag.get(name) != text] == ["Deps", "run"]
    framework = _functions(folder / "pydantic_ai.py")
    events = ("Message", "Token", "Done", "Failure", "Deps", "model_server", "read_instructions")
    assert [name for name in events if framework[name] != plain[name]] == []
    assert framework["main"] == plain["main"]


def test_rendered_files_fit_the_schemas_that_editors_use(tmp_path: Path) -> None:
    place = render("workspace", {}, tmp_path / "ws")
    render("experiment", dict(GOAL), place / "experiment")
    render("agent", {}, place / "agent")
    layout = Layout(place)
    (place / "models/tests/ours.yaml").write_text(model_house.CASES)
    layout.checkpoint("ranker", "v1").parent.mkdir()
    described = Manifest(uri="/mnt/x.gguf", sha256="0" * 64, at=datetime(2026, 1, 5, tzinfo=UTC))
    manifest.write(layout, Weights("ranker", "v1", described, place / "x.gguf"))
    for schema, files in {
        "experiment-metadata.json": ["experiment/metadata.yaml"],
        "models-registry.json": ["models/registry.yaml"],
        "model-cases.json": ["models/tests/ours.yaml"],
        "model-checkpoint.json": ["models/checkpoints/ranker/v1.yaml"],
        "agent.json": ["agent/agent.yaml"],
        "mlws-toml.json": ["mlws.toml"],
    }.items():
        schemafile = place / ".mlws/schemas" / schema
        _run(BIN / "check-jsonschema", "--schemafile", schemafile, *files, folder=place)
