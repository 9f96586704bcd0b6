"""gh: GitHub's API, as far as it is asked here."""

import os
import sys

from stub import asked, refuse

words = asked("gh")
if not os.environ.get("GH_TOKEN"):
    sys.exit("gh: set GH_TOKEN")
SILENT = (["auth", "setup-git"], ["workflow", "run"], ["attestation", "verify"], ["pr", "list"])

if words[:2] in SILENT:
    pass
elif words[:2] == ["pr", "create"]:
    print("https://github.com/acme/demo/pull/7")
else:
    refuse("gh", words)
