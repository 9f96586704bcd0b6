#!/usr/bin/env bash
# Make this machine ready: uv, the environment, hooks, models and tracking store, then a look at what really works.
# Safe to repeat; what is there already is kept.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

status=0
say() { printf '\n[setup] %s\n' "$*"; }
fail() {
  printf '\n[setup] %s\n' "$*" >&2
  exit 1
}

need_uv() {
  local home=${XDG_DATA_HOME:-$HOME/.local/share}/mlws
  # The links stand in a folder of their own: the virtual environment's bin would also hide the machine's python.
  PATH=$PATH:$home/bin
  export PATH
  if command -v uv >/dev/null; then
    return
  fi
  command -v python3 >/dev/null || fail "python3 is missing: install Python 3.11 or newer, then run this again"
  say "uv is missing: installing it into $home/uv"
  python3 -m venv "$home/uv" || fail "python3 cannot make virtual environments: install its venv package (python3-venv)"
  "$home/uv/bin/pip" install --quiet --disable-pip-version-check uv
  mkdir -p "$home/bin"
  ln -sf "$home/uv/bin/uv" "$home/uv/bin/uvx" "$home/bin/"
  echo "Commits need uv too. Keep it on your PATH by adding this line to your shell profile:"
  echo "  export PATH=\"\$PATH:$home/bin\""
}

sync_environment() {
  local made=no
  [ -f uv.lock ] || made=yes
  uv sync
  if [ "$made" = yes ]; then
    say "uv.lock was made: commit it, so that everybody gets the same versions"
  fi
}

# The lock is the one truth: conda brings Python and native packages, uv puts the locked packages on top of them.
sync_conda() {
  [ -f environment.yaml ] || return 0
  local tool name prefix
  for tool in mamba micromamba conda ''; do
    if [ -n "$tool" ] && command -v "$tool" >/dev/null; then break; fi
  done
  if [ -z "$tool" ]; then
    say "environment.yaml: skipped, no conda, mamba or micromamba here; .venv holds the same packages"
    return
  fi
  export CONDA_ALWAYS_YES=true MAMBA_ALWAYS_YES=true
  name=$(sed -n 's/^name: *"\{0,1\}\([A-Za-z0-9._-]*\).*/\1/p' environment.yaml)
  if "$tool" run -n "$name" python --version >/dev/null 2>&1; then
    say "updating the $tool environment $name"
    "$tool" env update -n "$name" -f environment.yaml
  else
    say "creating the $tool environment $name"
    "$tool" env create -n "$name" -f environment.yaml
  fi
  prefix=$("$tool" run -n "$name" python -c 'import sys; print(sys.prefix)')
  # --inexact keeps what conda installed.
  UV_PROJECT_ENVIRONMENT=$prefix uv sync --frozen --inexact
}

set_up_workspace() {
  if uv run --no-sync mlws --version >/dev/null 2>&1; then
    uv run --no-sync mlws setup || status=$?
    return
  fi
  say "mlws: skipped, it is neither in this environment nor on PATH; pyproject.toml says how to add it"
  if git rev-parse --git-dir >/dev/null 2>&1; then
    uv run --no-sync pre-commit install || status=$?
  fi
}

verify() {
  say "what is installed and can be imported"
  uv run --no-sync python - <<'EOF' || status=$?
import importlib
import importlib.metadata
import re
import sys
import tomllib
from pathlib import Path


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


project = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))
groups = project.get("dependency-groups", {})
chosen = project["tool"]["uv"].get("default-groups", [])
wanted = {"base": project["project"]["dependencies"]}
wanted |= {name: groups[name] for name in (groups if chosen == "all" else chosen) if name != "dev"}

modules = {}
for module, names in importlib.metadata.packages_distributions().items():
    for name in names:
        modules.setdefault(normal(name), []).append(module)

failed = False
print(f"python {sys.version.split()[0]}, {sys.prefix}")
for group, requirements in wanted.items():
    found = []
    # A requirement with a marker may be meant for another system, and an included group has no name of its own.
    for requirement in (r for r in requirements if isinstance(r, str) and ";" not in r):
        name = normal(re.match(r"[\w.-]+", requirement).group())
        same = name.replace("-", "_")
        public = [m for m in modules.get(name, [same]) if not m.startswith("_")]
        try:
            importlib.import_module(same if same in public else public[0])
            found.append(f"{name} {importlib.metadata.version(name)}")
        except (ImportError, OSError) as error:
            failed = True
            found.append(f"{name} FAILED: {error}")
    print(f"{group}: {', '.join(found)}")

if torch := sys.modules.get("torch"):
    cards = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    print(f"torch was built for CUDA {torch.version.cuda or 'none'} and sees: {', '.join(cards) or 'no GPU'}")
if failed:
    sys.exit("cure: run `uv sync`; when it stays, read the message beside FAILED")
EOF
}

command -v git >/dev/null || fail "git is missing: install it, then run this again"
need_uv
sync_environment
sync_conda
set_up_workspace
verify
exit "$status"
