"""The shape of the package: rooms, imports, sizes, dependencies, start-up."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.rendering import render

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src/mlws_scaffold"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
HEAVY = {"copier", "pydantic", "sqlalchemy", "ollama", "mlflow", "rich", "questionary"}
# Distribution -> module, where the names differ.
MODULES = {
    "pyyaml": "yaml",
    "ruamel.yaml": "ruamel.yaml",
    "nvidia-ml-py": "pynvml",
    "mlflow-skinny": "mlflow",
    "psycopg[binary]": "psycopg",
}
# Needed by mlflow-skinny for a SQLite store, and by the agent's server, which is text here.
FOR_ANOTHER = {"sqlalchemy", "alembic", "aiohttp", "pydantic-ai-slim[openai]", "uvicorn[standard]"}
FOR_ANOTHER |= {
    "fastapi",
    "httpx2",
    "openai",
    "opentelemetry-api",
    "prometheus-client",
    "pydantic-settings",
    "structlog",
}


def _modules() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_the_import_contracts_hold() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT / "src"), "PATH": "/usr/bin:/bin"},
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", _modules(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_every_module_keeps_its_budget(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= 300
    for function in _functions(ast.parse(text)):
        lines = (function.end_lineno or 0) - function.lineno + 1
        assert lines <= 50, f"{function.name} has {lines} lines"
        arguments = function.args
        count = len([*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs])
        is_command = any("click" in ast.dump(item) for item in function.decorator_list)
        assert count <= 6 or is_command, f"{function.name} takes {count} parameters"


def test_every_test_file_keeps_its_budget() -> None:
    long = {
        str(path.relative_to(ROOT)): path.read_text().count("\n")
        for path in sorted((ROOT / "tests").rglob("*.py"))
        if path.read_text().count("\n") > 400
    }
    assert long == {}


def test_no_module_has_a_name_that_says_nothing() -> None:
    empty = {"utils", "helpers", "common", "manager", "base"}
    assert [path for path in _modules() if path.stem in empty] == []


def test_every_public_module_and_function_says_what_it_is() -> None:
    silent = []
    for path in _modules():
        tree = ast.parse(path.read_text())
        if not ast.get_docstring(tree):
            silent.append(str(path.relative_to(SOURCE)))
    assert silent == []


def test_only_the_output_module_prints_and_only_the_boundary_catches_everything() -> None:
    printing, catching = [], []
    for path in _modules():
        text = path.read_text()
        name = str(path.relative_to(SOURCE))
        if re.search(r"(?<![\w.])print\(", text):
            printing.append(name)
        if "except Exception" in text:
            catching.append(name)
    assert printing == ["cli/output.py"]
    assert catching == ["cli/boundary.py"]


def test_copier_and_jinja_are_known_to_the_scaffold_room_only() -> None:
    knowing = {
        str(path.relative_to(SOURCE).parts[0])
        for path in _modules()
        if re.search(r"^\s*(from|import) (copier|jinja2)\b", path.read_text(), re.MULTILINE)
    }
    assert knowing == {"scaffold"}


def test_the_client_of_ollama_is_known_to_one_adapter_only() -> None:
    knowing = {
        str(path.relative_to(SOURCE))
        for path in _modules()
        if re.search(r"^\s*(from|import) (ollama|httpx)\b", path.read_text(), re.MULTILINE)
    }
    assert knowing == {"adapters/ollama/talking.py"}


def test_nothing_unfinished_is_left() -> None:
    words = re.compile(r"TODO|FIXME|NotImplementedError|XXX")
    folders = (SOURCE, ROOT / "templates", ROOT / "hooks")
    found = [
        path
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file()
        and path.suffix in {".py", ".jinja", ".yml", ".yaml", ".sh", ".toml", ".md"}
        and words.search(path.read_text())
    ]
    assert found == []


def test_every_declared_dependency_is_imported_somewhere() -> None:
    declared = list(PROJECT["project"]["dependencies"])
    for extra, names in PROJECT["project"]["optional-dependencies"].items():
        declared += [] if extra == "all" else names
    text = "\n".join(path.read_text() for path in _modules())
    unused = []
    for requirement in declared:
        name = re.split(r"[<>=!~;\s]", requirement)[0]
        module = MODULES.get(name, name)
        used = re.search(
            rf"(from|import) {re.escape(module)}\b|import_module\(.{module}|find_spec\(.{module}",
            text,
        )
        if not used and name not in FOR_ANOTHER:
            unused.append(name)
    assert unused == []


@pytest.mark.parametrize("program", ["app", "new"])
def test_help_imports_nothing_heavy(program: str) -> None:
    code = (
        f"import sys; from mlws_scaffold.cli.{program} import main\n"
        "sys.argv[1:] = ['--help']\n"
        "try: main()\n"
        "except SystemExit as ended:\n"
        f"    print('HEAVY', ended.code, sorted({HEAVY!r} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT / "src"
    )
    assert "HEAVY 0 []" in done.stdout


def test_serving_here_brings_what_a_production_agent_depends_on(tmp_path: Path) -> None:
    extra = {_name(item) for item in PROJECT["project"]["optional-dependencies"]["serve"]}
    wanted: set[str] = set()
    for framework in ("pydantic-ai", "plain", "rag"):
        folder = render("agent", {"agent_framework": framework}, tmp_path / framework)
        project = tomllib.loads((folder / "pyproject.toml").read_text())
        wanted |= {_name(item) for item in project["project"]["dependencies"]}
    assert extra == wanted - {"pyyaml"}  # which the package has anyway


def _name(requirement: str) -> str:
    return re.split(r"[<>=!~;]", requirement)[0]
