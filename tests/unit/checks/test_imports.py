"""EXP013: what experiments and prototypes import is declared."""

from __future__ import annotations

import shutil

import pytest

from mlws_scaffold.checks.target import Scope
from tests.unit.checks.building import EXPERIMENT, PROTOTYPE, Place

TRAIN = f"{EXPERIMENT}/train.py"


def test_an_undeclared_import_is_named_with_its_place_and_a_cure(place: Place) -> None:
    place.write(TRAIN, "import json\n\n\ndef f():\n    import os, notthere.deep\n")
    assert place.problems("EXP013") == [
        f"{TRAIN}:5:16: imports notthere, which pyproject.toml does not declare "
        "(uv add --group NAME PACKAGE)"
    ]


@pytest.mark.parametrize(
    ("module", "package"), [("sklearn.svm", "scikit-learn"), ("xgboost", "xgboost")]
)
def test_the_package_behind_a_module_is_proposed(place: Place, module: str, package: str) -> None:
    place.write(TRAIN, f"import {module}\n")
    (found,) = place.problems("EXP013")
    assert f"(uv add --group NAME {package})" in found


@pytest.mark.parametrize(
    "text",
    [
        "import os.path, sys\nfrom __future__ import annotations\n",
        "import numpy as np\nimport yaml\nfrom pytest import raises\n",  # base, other name, group
        "import shared_tools.configuration\n",
        "from . import x\nfrom .notthere import y\n",
        "import chunks\nimport steps\nfrom steps.one import z\n",
        "try:\n    import torch\nexcept ImportError:\n    torch = None\n",
        "try:\n    import torch\nexcept (OSError, ModuleNotFoundError):\n    torch = None\n",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch\n",
        "text = 'import torch'\n# import torch\n'''\nimport torch\n'''\n",
    ],
)
def test_what_is_there_or_optional_may_be_imported(place: Place, text: str) -> None:
    place.write(f"{EXPERIMENT}/src/chunks/__init__.py", "")
    place.write(f"{EXPERIMENT}/steps/one.py", "z = 1\n")
    place.write(TRAIN, text)
    assert place.problems("EXP013") == []


@pytest.mark.parametrize(
    "text",
    [
        "try:\n    import torch\nexcept ValueError:\n    pass\n",
        "try:\n    pass\nexcept ImportError:\n    import torch\n",
        "if True:\n    pass\nelse:\n    import torch\n",
        "with open('x'):\n    for i in ():\n        import torch\n",
        "class A:\n    async def f(self):\n        from torch.nn import Module\n",
        "match 1:\n    case 1:\n        import torch\n",
        "import os; import torch\n",
    ],
)
def test_an_import_is_found_wherever_it_stands(place: Place, text: str) -> None:
    place.write(TRAIN, text)
    (found,) = place.problems("EXP013")
    assert "imports torch" in found


def test_a_module_of_another_experiment_is_not_its_own(place: Place) -> None:
    other = "experiments/active/sarah/other"
    shutil.copytree(place.root / EXPERIMENT, place.root / other)
    place.write(f"{other}/only_here.py", "")
    place.write(TRAIN, "import only_here\n")
    (found,) = place.problems("EXP013")
    assert "imports only_here" in found


def test_tests_see_the_files_beside_them(place: Place) -> None:
    place.write(f"{EXPERIMENT}/tests/cases.py", "")
    place.write(f"{EXPERIMENT}/tests/test_x.py", "import cases, train\n")
    assert place.problems("EXP013") == []
    place.write(TRAIN, "import cases\n")
    (found,) = place.problems("EXP013")
    assert found.startswith(f"{TRAIN}:1:8")


def test_an_experiment_with_its_own_project_declares_there(place: Place) -> None:
    place.write(
        f"{EXPERIMENT}/pyproject.toml",
        '[project]\nname = "own"\nversion = "1"\ndependencies = ["torch>=2"]\n'
        '[dependency-groups]\ndev = ["scikit-learn"]\n',
    )
    place.write(TRAIN, "import torch\nimport sklearn\nimport yaml\n")
    assert place.problems("EXP013") == [
        f"{TRAIN}:3:8: imports yaml, which {EXPERIMENT}/pyproject.toml does not declare "
        f"(uv add --project {EXPERIMENT} pyyaml)"
    ]


def test_prototypes_are_held_to_the_same(place: Place) -> None:
    place.write(f"{PROTOTYPE}/agent.py", "import notthere\n")
    (found,) = place.problems("EXP013")
    assert found.startswith(f"{PROTOTYPE}/agent.py:1:8")


def test_the_archive_and_production_agents_are_left_alone(place: Place) -> None:
    place.write("agents/production/helpdesk/src/agent/agent.py", "import notthere\n")
    archived = place.root / "experiments/archive/sarah/chunking"
    archived.parent.mkdir(parents=True)
    shutil.move(place.root / EXPERIMENT, archived)
    place.write("experiments/archive/sarah/chunking/train.py", "import notthere\n")
    assert place.problems("EXP013") == []


def test_only_what_was_changed_is_judged(place: Place) -> None:
    place.write(TRAIN, "import notthere\n")
    place.commit()
    place.write(f"{PROTOTYPE}/agent.py", "import alsonot\n")
    place.git("add", "-A")
    (found,) = place.problems("EXP013", Scope(staged=True))
    assert "alsonot" in found


@pytest.mark.parametrize(
    "content",
    [
        b"def f(:\n",
        b"\xff\xfe",
        b"a\0b",
        b"(" * 5000,
        b"-" * 20_000 + b"1\n",
        b"x = '\\d'\n" + b"#" * 1_000_001,
    ],
)
def test_a_file_that_is_no_python_is_a_warning_and_hides_nothing(
    place: Place, content: bytes
) -> None:
    place.write(f"{EXPERIMENT}/odd.py", content)
    place.write(TRAIN, "import notthere\n")
    result = place.ask("EXP013")
    assert [problem.path for problem in result.problems] == [TRAIN]
    assert [problem.path for problem in result.warnings] == [f"{EXPERIMENT}/odd.py"]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("[project\n", "yes"),
        ('[project]\nname = "x"\ndynamic = ["dependencies"]\n', "not applicable"),
        ("[tool.poetry.dependencies]\ntorch = '*'\n", "not applicable"),
        (None, "not applicable"),
    ],
)
def test_without_readable_declarations_nothing_is_blamed(
    place: Place, text: str | None, answer: str
) -> None:
    place.write(TRAIN, "import torch\n")
    if text is None:
        (place.root / "pyproject.toml").unlink()
    else:
        place.write("pyproject.toml", text)
    assert place.ask("EXP013").answer == answer
