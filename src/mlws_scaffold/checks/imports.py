"""Rules for what the code of experiments and prototypes imports. Nothing is imported or run."""

from __future__ import annotations

import ast
import sys
import tomllib
import warnings
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from mlws_scaffold.checks import projects, requirements
from mlws_scaffold.checks.check import Check, Result, judged, not_applicable
from mlws_scaffold.checks.target import Target
from mlws_scaffold.errors import Problem

_PROJECT = "pyproject.toml"

# What a package is called in Python, where that is not its own name; for packages that are not
# installed here.
_MODULES = {
    "attrs": ("attr", "attrs"),
    "beautifulsoup4": ("bs4",),
    "faiss-cpu": ("faiss",),
    "faiss-gpu": ("faiss",),
    "gitpython": ("git",),
    "google-genai": ("google",),
    "hydra-core": ("hydra",),
    "llama-cpp-python": ("llama_cpp",),
    "mlflow-skinny": ("mlflow",),
    "nvidia-ml-py": ("pynvml",),
    "opencv-python": ("cv2",),
    "opencv-python-headless": ("cv2",),
    "pillow": ("pil",),
    "protobuf": ("google",),
    "psycopg2-binary": ("psycopg2",),
    "pyjwt": ("jwt",),
    "pymupdf": ("fitz", "pymupdf"),
    "python-dateutil": ("dateutil",),
    "python-dotenv": ("dotenv",),
    "pydantic-ai-slim": ("pydantic_ai",),
    "pyyaml": ("yaml",),
    "ruamel-yaml": ("ruamel",),
    "scikit-image": ("skimage",),
    "scikit-learn": ("sklearn",),
    "tensorflow-cpu": ("tensorflow",),
    "umap-learn": ("umap",),
}
# Packages that are what their module's name says.
_SAME = {"accelerate", "datasets", "httpx", "jax", "matplotlib", "mlflow", "numpy", "pandas"}
_SAME |= {"polars", "pydantic", "pytest", "scipy", "torch", "tqdm", "transformers", "xgboost"}


@dataclass(frozen=True, slots=True)
class _Declared:
    """The packages a pyproject.toml declares. `own`: it belongs to one project alone.

    `modules` are there without being declared.
    """

    path: str
    packages: frozenset[str]
    own: bool
    modules: frozenset[str] = frozenset()

    def provides(self, module: str) -> bool:
        plain = module.lower()
        if (
            module in self.modules
            or requirements.normal(plain) in self.packages
            or any(plain in _MODULES.get(package, ()) for package in self.packages)
        ):
            return True
        return not self.packages.isdisjoint(_providers().get(module, ()))

    def cure(self, module: str) -> str:
        named = [package for package, names in _MODULES.items() if module.lower() in names]
        # Installed but not declared: it came along with something else. A name that nobody here
        # knows is never proposed: a package of that name may be a stranger's.
        package = next(
            iter([*sorted(_providers().get(module, ())), *named, *({module} & _SAME)]), "PACKAGE"
        )
        where = f"--project {self.path.rpartition('/')[0]}" if self.own else "--group NAME"
        return f"uv add {where} {package}"


class ImportsDeclared(Check):
    """What is imported but declared nowhere is missing on the next machine, or comes in another
    version: the result cannot be repeated.

    Declare it with `uv add --group NAME PACKAGE`; an experiment with a pyproject.toml of its own
    declares it there. Imports below `try: … except ImportError` are a choice and are left alone.
    """

    id, area, title = "EXP013", "experiments", "everything that is imported is declared"

    def run(self, target: Target) -> Result:
        folders = [found.folder for found in target.asked_experiments if not found.is_archived]
        folders += [found.folder for found in target.asked_agents if found.track == "prototype"]
        sources = _sources(target, folders)
        if not sources:
            return not_applicable("no Python file of an experiment or prototype here")
        shared = _declared(target, _PROJECT, own=False)
        problems: list[Problem] = []
        warned: list[Problem] = []
        for folder, paths in sources.items():
            own = f"{folder}/{_PROJECT}"
            declared = _declared(target, own, own=True) if (target.root / own).exists() else shared
            if isinstance(declared, Problem):
                warned.append(declared)
            elif declared is not None:
                _judge(target, folder, paths, declared, problems, warned)
        if shared is None and not problems and not warned:
            return not_applicable(f"no {_PROJECT} here declares dependencies")
        return judged(problems, dict.fromkeys(warned))


def _judge(
    target: Target,
    folder: str,
    paths: list[str],
    declared: _Declared,
    problems: list[Problem],
    warned: list[Problem],
) -> None:
    beside = _beside(paths)
    common = beside[folder] | beside[f"{folder}/src"]
    for path in paths:
        tree = _parsed(target, path)
        if isinstance(tree, Problem):
            warned.append(tree)
            continue
        known = common | beside[path.rpartition("/")[0]]
        missing: dict[str, Problem] = {}
        for module, line, column in _imports(tree.body):
            if module in known or module in missing or module in sys.stdlib_module_names:
                continue
            if not declared.provides(module):
                message = f"imports {module}, which {declared.path} does not declare"
                missing[module] = Problem(
                    path, message, declared.cure(module), "", line, column + 1
                )
        problems += missing.values()


def _sources(target: Target, folders: list[str]) -> dict[str, list[str]]:
    """The Python files of each folder that has some."""
    found: dict[str, list[str]] = {}
    wanted = set(folders)
    if target.files is None:
        for folder in folders:
            files = sorted((target.root / folder).rglob("*.py"))
            found[folder] = [target.layout.relative(path) for path in files]
    else:
        for path in sorted(target.files):
            if path.endswith(".py") and (folder := _folder_of(path, wanted)):
                found.setdefault(folder, []).append(path)
    return {folder: paths for folder, paths in found.items() if paths}


def _folder_of(path: str, wanted: set[str]) -> str:
    while path and path not in wanted:
        path = path.rpartition("/")[0]
    return path


def _beside(paths: list[str]) -> defaultdict[str, set[str]]:
    """Modules and packages that lie directly in each folder."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for path in paths:
        inner = path.removesuffix(".py")
        while inner:
            folder, _, name = inner.rpartition("/")
            found[folder].add(name)
            inner = folder
    return found


def _packages_of_root(target: Target) -> frozenset[str]:
    """In a repository that is no workspace, its own packages are there for its experiments."""
    if target.is_workspace or not target.files:
        return frozenset({"shared_tools"})
    beside = _beside([path for path in target.files if path.endswith(".py")])
    return frozenset(beside[""] | beside["src"])


def _declared(target: Target, path: str, *, own: bool) -> _Declared | Problem | None:
    """What the file declares; None where it is not there or leaves that to another tool."""
    if not (target.root / path).exists():
        return None
    text = projects.text_of(target.root, path)
    if isinstance(text, Problem):
        return text
    try:
        project = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, ValueError, RecursionError) as error:
        return Problem(path, f"cannot be read as TOML: {error}", "mend the syntax")
    table = project.get("project")
    if not isinstance(table, dict) or "dependencies" in (table.get("dynamic") or ()):
        return None
    groups = requirements.wanted(project).values()
    names = {item.name for group in groups for item in group} | _older(project)
    modules = frozenset() if own else _packages_of_root(target)
    return _Declared(path, frozenset(names), own, modules)


def _older(project: Mapping[str, Any]) -> set[str]:
    """Packages of `[tool.uv] dev-dependencies`, the form before dependency groups."""
    tool = project.get("tool")
    settings = tool.get("uv") if isinstance(tool, dict) else None
    lines = settings.get("dev-dependencies") if isinstance(settings, dict) else None
    read = [requirements.parse(line, {}) for line in lines or () if isinstance(line, str)]
    return {item.name for item in read if item}


def _parsed(target: Target, path: str) -> ast.Module | Problem:
    text = projects.text_of(target.root, path)
    if isinstance(text, Problem):
        return text
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a bad escape is no concern of this rule
            return ast.parse(text)
    except SyntaxError as error:
        return Problem(
            path, f"is no Python: {error.msg}", "", "", error.lineno or 0, error.offset or 0
        )
    except (ValueError, RecursionError, MemoryError) as error:
        return Problem(path, f"is no Python: {error}")


def _imports(body: list[ast.stmt]) -> Iterator[tuple[str, int, int]]:
    """First name, line and column (from 0) of every import that must work."""
    waiting: list[ast.AST] = list(reversed(body))
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name.partition(".")[0], alias.lineno, alias.col_offset
        elif isinstance(node, ast.ImportFrom):
            if node.module and not node.level:
                yield node.module.partition(".")[0], node.lineno, node.col_offset
        else:
            waiting += reversed(_inner(node))


def _inner(node: ast.AST) -> list[ast.AST]:
    """The statements below one, without those that may fail or never run."""
    parts = ["body", "handlers", "orelse", "finalbody", "cases"]
    if isinstance(node, ast.Try) and any(_is_for_imports(item) for item in node.handlers):
        parts.remove("body")
    if isinstance(node, ast.If) and "TYPE_CHECKING" in (
        getattr(node.test, "id", ""),
        getattr(node.test, "attr", ""),
    ):
        parts.remove("body")
    found: list[ast.AST] = []
    for part in parts:
        inner = getattr(node, part, None)
        found += inner if isinstance(inner, list) else []
    return found


def _is_for_imports(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(
        isinstance(kind, ast.Name) and kind.id in ("ImportError", "ModuleNotFoundError")
        for kind in kinds
    )


@cache
def _providers() -> Mapping[str, frozenset[str]]:
    """Installed packages by the modules they bring; asked only when the names do not tell."""
    from importlib.metadata import packages_distributions

    return {
        module: frozenset(requirements.normal(name) for name in names)
        for module, names in packages_distributions().items()
    }
