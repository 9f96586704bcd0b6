"""What looks like a secret: names of files that hold one, shapes of known keys and tokens."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

ALLOWED = "mlws: allow-secret"

# Each shape is extended for git (a coarse first sight) and for Python, which then looks closer.
SHAPES = {
    "a private key": r"-----BEGIN ([A-Z0-9]+ )*PRIVATE KEY( BLOCK)?-----",
    "an AWS access key": r"(AKIA|ASIA)[0-9A-Z]{16}",
    "a GitHub token": r"(gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{22})",
    "a GitLab token": r"glpat-[A-Za-z0-9_-]{20}",
    "a Hugging Face token": r"hf_[A-Za-z0-9]{30}",
    "an API key": r"sk-[A-Za-z0-9_-]{20}",
    "a Slack token": r"xox[abeoprs]-[A-Za-z0-9-]{10}",
    "a Google API key": r"AIza[0-9A-Za-z_-]{35}",
}
# A token is no part of a longer word: `task-…` is no `sk-…`.
_CLOSE = {what: re.compile(rf"(?<![A-Za-z0-9_-]){shape}") for what, shape in SHAPES.items()}
_ANY = re.compile("|".join(SHAPES.values()))

# Lower case; `.env.example` is the one that shows names without values.
_FILES = (
    ".env", ".env.*", "*.env", ".envrc", "*.pem", "*.key", "*.p12", "*.pfx", "*.jks", "*.kdbx",
    "*.keystore", "*.ppk", "*.asc", "*.gpg", "id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*",
    ".netrc", "_netrc", ".npmrc", ".pypirc", ".htpasswd", ".git-credentials", "credentials",
    "credentials.*", "secret.*", "secrets.*", "service-account*.json", "kubeconfig",
)  # fmt: skip
_SHARED = (".env.example",)


def found_in(line: str) -> tuple[str, int, str] | None:
    """What a line seems to hold, where (from 0), and the text itself; None when nothing."""
    for what, shape in _CLOSE.items():
        for item in shape.finditer(line):
            if _is_random(what, item[0]):
                return what, item.start(), item[0]
    return None


def holds_secret(text: str) -> bool:
    """Whether a line of the text looks like a secret and is not marked as allowed."""
    return any(ALLOWED not in line and found_in(line) is not None for line in text.splitlines())


def is_secret_file(path: str) -> bool:
    """Whether the file's name (or that of a folder above it) says that it holds secrets."""
    return any(
        part not in _SHARED and any(fnmatchcase(part, pattern) for pattern in _FILES)
        for part in path.lower().split("/")
    )


def _is_random(what: str, text: str) -> bool:
    """Words joined by dashes are no key: a made one has digits."""
    return what == "a private key" or any(sign.isdigit() for sign in text)
