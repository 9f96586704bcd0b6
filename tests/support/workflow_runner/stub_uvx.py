"""uvx: the real zizmor of this project; pip-audit is not asked, since it asks a service."""

import os
import re
import sys
from pathlib import Path

from stub import asked, refuse

words = [word for word in asked("uvx") if word != "--quiet"]
tool, _, version = words[0].partition("==")
assert version, f"{tool} is not pinned"
if tool == "zizmor":
    os.execv(Path(sys.executable).with_name("zizmor"), words)
elif tool == "pip-audit":
    lines = Path(words[words.index("--requirement") + 1]).read_text().splitlines()
    named = [line for line in lines if re.match(r"[a-zA-Z0-9._-]+==", line)]
    assert named, "nothing is audited"
    print(f"the stub would ask about {len(named)} packages")
else:
    refuse("uvx", words)
