"""Several YAML documents in one text, as `kubectl` prints and takes them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import yaml

from mlws_scaffold.errors import MlwsError

Objects = list[dict[str, Any]]


def parse(text: str) -> Objects:
    """The objects of a text. Raises MlwsError when it is no YAML or holds something else."""
    try:
        found = [one for one in yaml.safe_load_all(text) if one is not None]
    except yaml.YAMLError as error:
        raise MlwsError(f"the manifests are no YAML: {error}") from None
    if not all(isinstance(one, dict) and "kind" in one for one in found):
        raise MlwsError("the manifests hold something that is no Kubernetes object")
    return found


def text(objects: Iterable[dict[str, Any]]) -> str:
    """The text for objects, in their order."""
    return yaml.safe_dump_all(objects, sort_keys=False, allow_unicode=True)
