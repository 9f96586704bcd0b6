"""HTML pages from templates of our own packages; every value is escaped unless marked safe."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import ChainableUndefined, Environment, PackageLoader
from markupsafe import Markup


def page(
    package: str, name: str, values: Mapping[str, Any], filters: Mapping[str, Callable[..., Any]]
) -> str:
    """The template `name` in the folder `views` of the package. What the values lack is empty."""
    environment = Environment(
        loader=PackageLoader(package, "views"),
        autoescape=True,
        undefined=ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(filters)
    return environment.get_template(name).render(values)


def safe(text: str) -> str:
    """A text that the template takes as it is: ours, or escaped already."""
    return Markup(text)  # noqa: S704 - that is what it is for
