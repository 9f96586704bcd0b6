"""A conflict that is only one of line endings: the team's file has CRLF and the template's has LF.

`git merge-tree` of the oldest git we support takes no `ignore-cr-at-eol`, so such a file is merged
once more with everything in the endings that the team chose.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from mlws_scaffold.scaffold.merging.private import Entry, Private, Stream

_CRLF, _LF = b"\r\n", b"\n"
_ALL = {1, 2, 3}


def retry(
    private: Private, projects: Sequence[tuple[dict[str, Entry], dict[str, Mapping[int, Entry]]]]
) -> None:
    """Merge such files again; one that comes out clean leaves the conflicts for the result."""
    asked = [
        (index, path) for index, (_, conflicts) in enumerate(projects)
        for path, stages in conflicts.items() if set(stages) == _ALL
    ]  # fmt: skip
    if not asked:
        return
    oids = [projects[index][1][path][side][1] for index, path in asked for side in (1, 2, 3)]
    contents = private.contents(oids)
    stream, fresh = Stream(), False
    for number, (index, path) in enumerate(asked):
        base, ours, theirs = contents[3 * number : 3 * number + 3]
        result, conflicts = projects[index]
        merged = _merged(private, base, ours, theirs)
        if merged is None:
            continue
        stream.blob(merged)
        fresh = True
        result[path] = (result[path][0], private.oid(merged))
        del conflicts[path]
    if fresh:
        private.write(stream)


def _merged(private: Private, base: bytes, ours: bytes, theirs: bytes) -> bytes | None:
    ending, before = _ending(ours), _ending(base)
    if ending is None or before is None or ending == before or b"\0" in ours:
        return None
    with tempfile.TemporaryDirectory(prefix="mlws-endings-") as name:
        files = [Path(name) / side for side in ("ours", "base", "theirs")]
        for file, content in zip(files, (ours, base, theirs), strict=True):
            file.write_bytes(content.replace(_CRLF, _LF).replace(_LF, ending))
        done = private.git.raw("merge-file", "-p", *map(str, files))
    return done.stdout if done.returncode == 0 else None


def _ending(content: bytes) -> bytes | None:
    """The one ending of every line, or None."""
    lines, with_return = content.count(_LF), content.count(_CRLF)
    if not lines or content.count(b"\r") != with_return:
        return None
    return _CRLF if with_return == lines else _LF if not with_return else None
