"""One account, one name, however it is spelled. Every counter and every look-up uses the form made here.

Source: OpenBao and Vault lost their lock-outs to spelling (CVE-2025-6004, CVE-2025-54998).
"""

from __future__ import annotations

import re
import unicodedata

from jit_access.domain.errors import CallerError
from jit_access.domain.reasons import Reason

MAX_CHARS = 80
_TYPED_CHARS_MAX = 320  # NFKC can grow text up to 18 times; what is longer than this is no name
_NAME = re.compile(r"[\w][\w.@+-]*")


def fold_name(text: str) -> str:
    """The one spelling of a name: compatibility forms unified, case folded, outer space gone.

    Folding can undo the normal form, so both run until nothing changes (Unicode 15, 3.13, D146).
    """
    if len(text) > _TYPED_CHARS_MAX:
        return ""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).strip()
    return folded if len(folded) <= MAX_CHARS and _NAME.fullmatch(folded) else ""


def check_name(text: str) -> str:
    """The spelling under which a new account is stored. Raises: CallerError when this cannot be a name."""
    name = fold_name(text)
    if not name:
        raise CallerError(Reason.NAME_INVALID, "A name has letters, digits and . @ + - _ only, 80 at most.")
    return name
