"""Ask a running service whether it works: `python smoke.py URL [--key-file F] [--version V]`.

Standard library only, so that it runs in any image and on any host. Exit 0 when every step passed,
1 when one did not. Without a key file the service must be one that asks for none (development).
"""

import argparse
import json
import sys
import time
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

CHAT = "/v1/chat/completions"


def call(
    url: str, body: dict[str, Any] | None = None, key: str = "", seconds: float = 10
) -> tuple[int, Any]:
    """Return status and JSON of one request; status 0 and the reason when nobody answers."""
    headers = {"Content-Type": "application/json"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    data = None if body is None else json.dumps(body).encode()
    try:
        with urlopen(Request(url, data, headers), timeout=seconds) as response:  # nosec B310
            return response.status, json.load(response)
    except HTTPError as error:
        return error.code, error.reason
    except (OSError, HTTPException, ValueError) as error:
        return 0, str(error)


def wait(base: str, seconds: float) -> None:
    """Return as soon as the service is ready, or when its time is over."""
    end = time.monotonic() + seconds
    while call(f"{base}/readyz")[0] != 200 and time.monotonic() < end:
        time.sleep(0.5)


def problem(base: str, key: str, version: str, seconds: float) -> str:
    """Walk through the steps; return what went wrong first, or nothing."""
    status, _ = call(f"{base}/livez")
    if status != 200:
        return f"/livez: {status}"
    status, health = call(f"{base}/health")
    if status != 200:
        return f"/health: {status} {health}"
    if not isinstance(health, dict) or not {"version", "agent"} <= set(health):
        return f"/health: {base} is no agent"
    if version and health["version"] != version:
        return f"/health: version {health['version']}, expected {version}"
    question = [{"role": "user", "content": "Answer with one word: ready?"}]
    chat = {"model": health["agent"], "messages": question, "max_tokens": 16}
    if key:
        status, _ = call(base + CHAT, chat, seconds=seconds)
        if status != 401:
            return f"{CHAT} without a key: {status}, expected 401"
    status, answer = call(base + CHAT, chat, key, seconds)
    if status != 200:
        return f"{CHAT}: {status} {answer}"
    if not answer["choices"][0]["message"]["content"].strip():
        return f"{CHAT}: an empty answer"
    return ""


def main() -> int:
    """Read the arguments, run the steps, print one line."""
    parser = argparse.ArgumentParser(description="Ask a running agent whether it works.")
    parser.add_argument("url", help="such as http://127.0.0.1:8000")
    parser.add_argument("--key-file", type=Path, help="file whose first line is an API key")
    parser.add_argument("--version", default="", help="fail unless this version answers")
    parser.add_argument("--wait", type=float, default=0, help="seconds it may take to be ready")
    parser.add_argument("--seconds", type=float, default=180, help="patience for the chat")
    given = parser.parse_args()
    key = given.key_file.read_text(encoding="utf-8").split()[0] if given.key_file else ""
    base = given.url.rstrip("/")
    wait(base, given.wait)
    found = problem(base, key, given.version, given.seconds)
    passed = "passed: alive, ready, answers" + (", refuses without a key" if key else "")
    print(f"FAILED {found}" if found else passed)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
