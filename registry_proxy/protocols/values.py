"""Values that live for one request: nobody changes them, and nobody pays for that being enforced.

A frozen dataclass sets each field by a call of `object.__setattr__`; making the two dozen values of one exchange was an
eighth of the processor time, and freezing half of that. mypy refuses to change a field all the same. What is shared
between requests, kept, or used as a key stays a frozen dataclass.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True)
def value(cls: type[T]) -> type[T]:
    """A dataclass with slots that is frozen for the type checker only."""
    return dataclass(slots=True)(cls)
