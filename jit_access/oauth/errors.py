"""What the authorization server answers when it says no: a code of RFC 6749, and our reason beside it."""

from __future__ import annotations

from typing import Final

from authlib.oauth2.base import OAuth2Error, invalid_error_characters  # type: ignore[import-untyped]  # ships no types

from jit_access.domain.errors import GatewayError
from jit_access.domain.reasons import Reason, explain

_REASON_OF: Final = {
    "invalid_client": Reason.CLIENT_UNKNOWN,
    "invalid_grant": Reason.CODE_REFUSED,
    "unauthorized_client": Reason.CLIENT_NOT_ALLOWED,
    "unsupported_grant_type": Reason.CLIENT_NOT_ALLOWED,
    "unsupported_response_type": Reason.CLIENT_NOT_ALLOWED,
    "access_denied": Reason.CONSENT_DENIED,
}
# An answer of every day: a client that polls as it should.
NOT_A_REFUSAL: Final = frozenset({"authorization_pending", "slow_down", "use_dpop_nonce"})


class Refused(OAuth2Error):  # type: ignore[misc]  # ships no types
    """Raise this in a grant. `error` is the word of the standard, `reason` ours; the log gets both.

    `sentence` replaces the reason's own; `check` names for the log alone which check it was.
    """

    def __init__(
        self, error: str, reason: Reason, sentence: str = "", *, check: str = "", status_code: int = 400
    ) -> None:
        self.reason = reason
        self.check = check
        super().__init__(error=error, description=_plain(sentence or explain(reason)), status_code=status_code)


def from_gateway(error: GatewayError) -> Refused:
    """A failure of ours in the words of the standard."""
    code = "invalid_request" if error.status == 400 else "invalid_grant"
    return Refused(code, error.reason, error.sentence)


def reason_of(error: OAuth2Error) -> Reason:
    """Our reason for a refusal, also for one that authlib made."""
    return error.reason if isinstance(error, Refused) else _REASON_OF.get(error.error, Reason.INVALID_INPUT)


def _plain(text: str) -> str:
    """RFC 6749, 5.2 allows few characters in a description, and authlib raises for others."""
    for char in invalid_error_characters(text):
        text = text.replace(char, "'")
    return text
