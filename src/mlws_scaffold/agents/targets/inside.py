"""Short Python programs that the target `compose` runs within its containers."""

from __future__ import annotations

# At the port of AGENT_METRICS_PORT, which is reachable inside the network alone.
METRICS = """\
import os, sys, urllib.request
port = os.environ["AGENT_METRICS_PORT"]
with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=2) as answer:
    sys.stdout.buffer.write(answer.read())
"""
READ = """\
import pathlib, sys
path = pathlib.Path(sys.argv[1])
sys.stdout.buffer.write(b"+" + path.read_bytes() if path.is_file() else b"-")
"""
WRITE = """\
import os, pathlib, sys
path = pathlib.Path(sys.argv[1])
path.parent.mkdir(parents=True, exist_ok=True)
new = path.with_name(path.name + ".new")
with new.open("wb") as file:
    file.write(sys.stdin.buffer.read())
    file.flush()
    os.fsync(file.fileno())
new.replace(path)
folder = os.open(path.parent, os.O_RDONLY)
os.fsync(folder)
"""
# Held until our end of its input is closed, which a killed deployer's is.
LOCK = """\
import fcntl, sys
file = open(sys.argv[1], "a")
try:
    fcntl.flock(file, fcntl.LOCK_EX | (0 if sys.argv[2] == "wait" else fcntl.LOCK_NB))
except BlockingIOError:
    sys.stdout.write("busy\\n")
else:
    sys.stdout.write("held\\n")
    sys.stdout.flush()
    sys.stdin.read()
"""
