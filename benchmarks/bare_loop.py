"""The least that rendering a kind with Jinja costs: one environment, one loop, no questions.

python benchmarks/bare_loop.py TEMPLATES KIND CONTEXT.json DESTINATION
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import time
from pathlib import Path

import jinja2

SUFFIX = ".jinja"


def main() -> None:
    top, kind, known, destination = sys.argv[1:]
    context = json.loads(Path(known).read_text(encoding="utf-8"))
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(top),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    environment.filters.update(
        realpath=os.path.realpath,
        regex_replace=lambda value, pattern, to: re.sub(pattern, to, str(value)),
        regex_search=re.search,
        strftime=time.strftime,
        to_json=json.dumps,
        to_nice_yaml=lambda value: "".join(f"{key}: {one!r}\n" for key, one in value.items()),
    )
    compiled: dict[str, jinja2.Template] = {}

    def named(text: str) -> str:
        if "{{" not in text and "{%" not in text:
            return text
        if text not in compiled:
            compiled[text] = environment.from_string(text)
        return compiled[text].render(context)

    def folder(inside: str, target: str) -> None:
        Path(target).mkdir(parents=True, exist_ok=True)
        for entry in os.scandir(f"{top}/{inside}"):
            name = named(entry.name.removesuffix(SUFFIX))
            path, goal = f"{inside}/{entry.name}", f"{target}/{name}"
            if not name:
                continue
            if entry.is_dir():
                folder(path, goal)
            elif entry.name.endswith(SUFFIX):
                Path(goal).write_text(environment.get_template(path).render(context))
                shutil.copymode(entry.path, goal)
            else:
                shutil.copy(entry.path, goal)

    folder(f"templates/{kind}", destination)


main()
