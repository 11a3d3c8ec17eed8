"""How strong a proof was, in the words that clients use (`acr`)."""

from __future__ import annotations

from typing import Final

from jit_access.mfa.assurance import Level

ACR: Final = {Level.SECOND_FACTOR: "second-factor", Level.PHISHING_RESISTANT: "phishing-resistant"}
