"""docker: builds and pushes in name only; `run` starts the agent's own server from its lock."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from stub import STATE, asked, refuse


def digest(tag: str) -> str:
    return f"sha256:{hashlib.sha256(tag.encode()).hexdigest()}"


def known(kind: str) -> Path:
    path = STATE / f"docker-{kind}.json"
    if not path.exists():
        path.write_text("{}")
    return path


def remember(kind: str, name: str, value: object) -> None:
    path = known(kind)
    path.write_text(json.dumps({**json.loads(path.read_text()), name: value}))


def recall(kind: str, name: str) -> object:
    return json.loads(known(kind).read_text()).get(name)


def run(words: list[str]) -> None:
    """`docker run --detach … --env A=B --volume KEYS:… TAG`"""
    tag = words[-1]
    if recall("images", tag) is None:
        sys.exit(f"Unable to find image {tag!r}")
    given = dict(words[i + 1].split("=", 1) for i, word in enumerate(words) if word == "--env")
    keys = next(words[i + 1] for i, word in enumerate(words) if word == "--volume").split(":")[0]
    folder = Path("agents/production", tag.rpartition("/")[2].partition(":")[0]).absolute()
    env = {key: value for key, value in os.environ.items() if key != "UV_NO_SYNC"}
    env |= {**given, "AGENT_HOME": str(folder), "AGENT_API_KEYS_FILE": keys}
    log = STATE / f"container-{given['AGENT_PORT']}.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            ["uv", "run", "--locked", "python", "-m", "agent.server"],
            cwd=folder, env=env, stdout=stream, stderr=stream, start_new_session=True,
        )  # fmt: skip
    remember("containers", str(process.pid), str(log))
    print(process.pid)


def main() -> None:
    words = asked("docker")
    if words[0] == "version":
        print("28.0.0")
    elif words[0] == "build":
        context = Path(words[-1])
        assert (context / "uv.lock").is_file(), "an image installs from the lock"
        remember(
            "images",
            words[words.index("--tag") + 1],
            sorted(path.name for path in context.iterdir()),
        )
    elif words[0] == "push":
        assert recall("images", words[1]) is not None, f"{words[1]} was never built"
        remember("registry", words[1], digest(words[1]))
    elif words[:3] == ["buildx", "imagetools", "inspect"]:
        held = recall("registry", words[3])
        if held is None:
            sys.exit(f"{words[3]}: not found")
        print(held)
    elif words[:2] == ["run", "--detach"]:
        run(words)
    elif words[0] == "logs":
        print(Path(str(recall("containers", words[1]))).read_text())
    elif words[:2] == ["rm", "--force"]:
        os.killpg(int(words[2]), signal.SIGKILL)
    else:
        refuse("docker", words)


main()
