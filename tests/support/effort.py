"""How much is enough. The gate takes the whole each time; by hand a part of it keeps the suite one that one runs."""

from __future__ import annotations

import os
from typing import TypeVar

Amount = TypeVar("Amount", int, bool)


def at_length(whole: Amount, part: Amount) -> Amount:
    """`whole` where CI is set, as in the gate; else `part`."""
    return whole if os.environ.get("CI") else part
