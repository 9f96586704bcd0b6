"""cosign: keeps an attestation by its subject, and finds those that were made."""

import json
import sys
from pathlib import Path

from stub import STATE, asked, refuse

KEPT = STATE / "attestations"

words = asked("cosign")
subject = words[-1].replace("/", "_")
if words[0] == "attest":
    predicate = json.loads(Path(words[words.index("--predicate") + 1]).read_text())
    assert predicate["bomFormat"] == "CycloneDX", "no bill of materials"
    assert predicate["components"], "a bill without materials"
    KEPT.mkdir(exist_ok=True)
    (KEPT / subject).touch()
elif words[0] == "verify-attestation":
    identity = words[words.index("--certificate-identity") + 1]
    if "/.github/workflows/deploy-production.yml@refs/tags/agents/" not in identity:
        sys.exit(f"no matching signatures: {identity}")
    if not (KEPT / subject).exists():
        sys.exit("no matching attestations")
else:
    refuse("cosign", words)
