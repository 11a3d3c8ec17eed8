"""A secret in memory: it can be used, but it cannot be printed, compared slowly, pickled or copied into a log."""

from __future__ import annotations

import hmac
from typing import Final, NoReturn, final

HIDDEN: Final = "[secret]"


@final
class Secret:
    """Holds one secret text. `reveal()` is the only way out, so every use can be found by searching for it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The secret itself. Call it in the argument list of what needs it, never keep the result."""
        return self._value

    def __repr__(self) -> str:
        return HIDDEN

    __str__ = __repr__

    def __format__(self, format_spec: str) -> str:
        return HIDDEN

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    __hash__ = None  # type: ignore[assignment]  # a hash of a short secret would leak it to whoever sees the hash

    def __bool__(self) -> bool:
        return bool(self._value)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is never pickled")
