"""Did this come from Slack, just now? Asked of the raw bytes, before anything reads them.

Source: docs.slack.dev, "Verifying requests from Slack": HMAC-SHA256 over `v0:timestamp:body`, five minutes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from slack_sdk.signature import Clock, SignatureVerifier

from jit_access.domain.errors import PolicyRefusal
from jit_access.domain.reasons import Reason
from jit_access.slack.app import SlackApp

WINDOW_S: Final = 300  # either way: a clock of ours that is behind must not stretch it
_TIMESTAMP: Final = re.compile(r"[0-9]{1,12}", re.ASCII)
_SIGNATURE: Final = re.compile(r"v0=[0-9a-f]{64}", re.ASCII)


def check_signature(app: SlackApp, *, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
    """Raises: PolicyRefusal (slack-signature-wrong, slack-request-stale).

    A header that came twice reaches us joined by a comma and matches neither form, so no reader can pick the other one.
    """
    timestamp = headers.get("X-Slack-Request-Timestamp", "")
    signature = headers.get("X-Slack-Signature", "")
    if not _TIMESTAMP.fullmatch(timestamp) or not _SIGNATURE.fullmatch(signature):
        raise PolicyRefusal(Reason.SLACK_SIGNATURE_WRONG)
    if abs(now.timestamp() - int(timestamp)) > WINDOW_S:
        raise PolicyRefusal(Reason.SLACK_REQUEST_STALE)
    try:
        expected = SignatureVerifier(app.signing_secret.reveal(), _Stopped(now))
        is_valid = expected.is_valid(body, timestamp, signature)
    except UnicodeDecodeError:
        is_valid = False  # Slack sends forms, which are ASCII
    if not is_valid:
        raise PolicyRefusal(Reason.SLACK_SIGNATURE_WRONG)


class _Stopped(Clock):
    """The library's clock, at the instant of ours: the window is judged by the database's time, once."""

    def __init__(self, now: datetime) -> None:
        self._now = now.timestamp()

    def now(self) -> float:
        return self._now
