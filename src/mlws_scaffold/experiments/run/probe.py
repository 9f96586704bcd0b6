"""Read by the experiment's own interpreter, never by ours: what its configuration resolves to and
what is installed beside it. The rules of `extends` and `--set` are the workspace's `shared_tools`,
so a team that changes them changes what is recorded too.
"""

import json
import os
import platform
import re
import sys


def main(root: str, config: str, variants: list[list[str]]) -> dict[str, object]:
    """Everything as plain data, the configuration once for each variant of --set values; `error`
    says what a person has to mend.
    """
    found: dict[str, object] = {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "platform": platform.platform(),
        "executable": sys.executable,
        "packages": _packages(),
        "configs": [{} for _ in variants],
    }
    if not config:
        return found
    tools = os.path.join(root, "shared", "tools", "src")  # noqa: PTH118 - starts faster
    if os.path.isdir(tools):  # noqa: PTH112
        sys.path.insert(0, tools)
    import importlib
    from pathlib import Path

    try:
        tools_module = importlib.import_module("shared_tools.configuration")
    except ModuleNotFoundError as error:
        found["missing"] = str(error.name)
        return found
    try:
        found["configs"] = [tools_module.load_config(Path(config), sets) for sets in variants]
    except tools_module.ConfigurationError as error:
        found["error"] = str(error)
    return found


def _packages() -> list[str]:
    """`name==version` from the names of the metadata folders: opening each would cost much more."""
    found = set()
    for place in sys.path:
        if os.path.isdir(place):  # noqa: PTH112
            for name in os.listdir(place):  # noqa: PTH208
                match = re.fullmatch(r"(.+?)-([^-]+)(-.+)?\.(dist|egg)-info", name)
                if match:
                    found.add(f"{match[1].replace('_', '-').lower()}=={match[2]}")
    return sorted(found)


if __name__ == "__main__":
    answer = main(sys.argv[1], sys.argv[2], json.load(sys.stdin))
    sys.stdout.write(json.dumps(answer, default=str))
