"""Frozen dataclasses for the tables of `mlws.toml`, made without composing code at every start.

`dataclass` writes and compiles three methods for each frozen class: for twenty tables that costs
as much as importing half of click. Here all of them share those of one class.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, FrozenInstanceError, dataclass, field, fields
from typing import Any, ClassVar, dataclass_transform


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
class Table:
    """A subclass is a frozen dataclass of the fields that it names."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    def __init_subclass__(cls) -> None:
        dataclass(init=False, repr=False, eq=False)(cls)

    def __init__(self, *ordered: Any, **given: Any) -> None:
        known = fields(self)
        given |= {item.name: value for item, value in zip(known, ordered, strict=False)}
        for item in known:
            if item.name in given:
                value = given.pop(item.name)
            elif item.default_factory is not MISSING:
                value = item.default_factory()
            elif item.default is not MISSING:
                continue  # the class has it
            else:
                raise TypeError(f"{type(self).__name__} needs {item.name}")
            object.__setattr__(self, item.name, value)
        if given or len(ordered) > len(known):
            raise TypeError(f"{type(self).__name__} takes no {', '.join(given) or 'more'}")

    def __setattr__(self, name: str, value: object) -> None:
        raise FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> None:
        raise FrozenInstanceError(f"cannot delete field {name!r}")

    def _values(self) -> Mapping[str, object]:
        return {item.name: getattr(self, item.name) for item in fields(self)}

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self._values() == other._values()

    def __hash__(self) -> int:
        return hash(tuple(self._values().values()))

    def __repr__(self) -> str:
        listed = ", ".join(f"{name}={value!r}" for name, value in self._values().items())
        return f"{type(self).__name__}({listed})"
