"""ollama: the project's fake server at OLLAMA_HOST, from which the model can be pulled."""

import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.request import Request, urlopen

from stub import STATE, asked, refuse

ROOT = Path(__file__).parents[3]
ADDRESS = f"http://{os.environ['OLLAMA_HOST']}"

words = asked("ollama")
if words == ["serve"]:
    port = os.environ["OLLAMA_HOST"].rpartition(":")[2]
    command = [sys.executable, "-m", "tests.support.fake_ollama", "--port", port]
    command += ["--offer", os.environ["AGENT_TEST_MODEL"]]
    process = subprocess.Popen(command, cwd=ROOT, start_new_session=True)
    with (STATE / "servers").open("a") as stream:
        stream.write(f"{process.pid}\n")
    sys.exit(process.wait())
elif words == ["list"]:
    with urlopen(f"{ADDRESS}/api/tags", timeout=10) as answer:
        print(answer.read().decode())
elif words[0] == "pull":
    asking = json.dumps({"model": words[1], "stream": False}).encode()
    with urlopen(Request(f"{ADDRESS}/api/pull", asking), timeout=60) as answer:
        print(answer.read().decode())
else:
    refuse("ollama", words)
