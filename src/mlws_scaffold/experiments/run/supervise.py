"""The background process of a detached run: `python -m … JOB_FILE`."""

from __future__ import annotations

import sys
from pathlib import Path

from mlws_scaffold.adapters import recording
from mlws_scaffold.experiments.run.executing import finish, launch, watch
from mlws_scaffold.experiments.run.stages import Created, Job


def main(path: Path) -> int:
    """Execute the job of the file, which goes when all is done."""
    job = Job.parse(path.read_text(encoding="utf-8"))
    recorder = recording.connect(job.uri, Path(job.root))
    return finish(watch(launch(Created(job, recorder, _say)))).status


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
