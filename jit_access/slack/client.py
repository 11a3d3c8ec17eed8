"""Slack's methods that we use, with its errors mapped once: what to try again, how long to wait, what never works.

Never logs or raises a body that Slack sent, and never the token.
"""

from __future__ import annotations

import http.client
from datetime import datetime
from typing import Any, Final

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.slack_response import SlackResponse

from jit_access.domain.errors import PeerError
from jit_access.domain.reasons import Reason
from jit_access.slack.app import SlackApp

TIMEOUT_S: Final = 10
INLINE_TIMEOUT_S: Final = 2  # while Slack waits for our own answer, which it does for 3 s
MAX_RETRY_AFTER_S: Final = 3600
# The message itself can never be sent. All else may be mended at Slack's or by an operator, so it is tried again.
_PERMANENT: Final = frozenset(
    {
        "channel_not_found",
        "user_not_found",
        "users_not_found",
        "user_disabled",
        "is_archived",
        "cannot_dm_bot",
        "msg_too_long",
        "invalid_blocks",
        "no_text",
        "user_not_in_channel",
        "expired_trigger_id",
        "trigger_expired",
        "invalid_trigger_id",
        "exchanged_trigger_id",
    }
)
GONE: Final = "message_not_found"
CANNOT_UPDATE: Final = frozenset({GONE, "cant_update_message", "edit_window_closed"})


class SlackFailure(PeerError):
    """Slack did not do it. `code` is its own word; `is_answer` False means that nobody knows whether it did."""

    def __init__(self, code: str, *, retryable: bool, is_answer: bool, wait_s: int = 0) -> None:
        self.code = code
        self.is_answer = is_answer
        self.wait_s = wait_s
        super().__init__(Reason.SLACK_AWAY if retryable else Reason.SLACK_REFUSED, retryable=retryable)


class SlackClient:
    """One bot in one workspace. Each call is one request; nothing is retried here."""

    def __init__(self, app: SlackApp, *, timeout_s: int = TIMEOUT_S) -> None:
        self._team_id = app.team_id
        self._web = WebClient(app.bot_token.reveal(), base_url=app.base_url, timeout=timeout_s, retry_handlers=[])

    def open_conversation(self, user_id: str) -> str:
        """The direct conversation with a person."""
        answer = self._call("conversations.open", {"users": user_id})
        return str((answer.get("channel") or {}).get("id", ""))

    def post(self, channel: str, message: dict[str, Any]) -> tuple[str, str]:
        """A new message. Returns its channel and `ts`. Links in it are not fetched by Slack on our account."""
        answer = self._call("chat.postMessage", {"channel": channel, **message, **_QUIET})
        return str(answer.get("channel", channel)), str(answer.get("ts", ""))

    def update(self, channel: str, ts: str, message: dict[str, Any]) -> None:
        """Replace a message."""
        self._call("chat.update", {"channel": channel, "ts": ts, **message})

    def whisper(self, channel: str, user_id: str, message: dict[str, Any]) -> None:
        """A message that only one person sees."""
        self._call("chat.postEphemeral", {"channel": channel, "user": user_id, **message, **_QUIET})

    def open_window(self, trigger_id: str, view: dict[str, Any]) -> None:
        """A modal, for whoever clicked in the last 3 s."""
        self._call("views.open", {"trigger_id": trigger_id, "view": view})

    def describe_user(self, user_id: str) -> dict[str, Any]:
        """What the directory says of somebody."""
        user = self._call("users.info", {"user": user_id}).get("user")
        return user if isinstance(user, dict) else {}

    def find_own(self, channel: str, mark: str, *, since: datetime) -> str:
        """The `ts` of a message of ours that carries this mark, or nothing: after a sending of unknown outcome."""
        wanted = {"channel": channel, "oldest": f"{since.timestamp():.6f}", "limit": 100, "include_all_metadata": True}
        for message in self._call("conversations.history", wanted).get("messages") or []:
            payload = (message.get("metadata") or {}).get("event_payload") or {}
            if payload.get("card") == mark:
                return str(message.get("ts", ""))
        return ""

    def _call(self, method: str, body: dict[str, Any]) -> SlackResponse:
        try:
            return self._web.api_call(method, json=body)
        except SlackApiError as error:
            raise _failure_of(error.response) from error
        except (SlackClientError, OSError, http.client.HTTPException) as error:
            raise SlackFailure("no-answer", retryable=True, is_answer=False) from error


# No previews: Slack would fetch our addresses, which changes nothing, and show what it found, which nobody asked for.
_QUIET: Final = {"unfurl_links": False, "unfurl_media": False, "link_names": False, "parse": "none"}


def _failure_of(response: SlackResponse) -> SlackFailure:
    status = int(response.status_code or 0)
    data = response.data if isinstance(response.data, dict) else {}
    code = str(data.get("error", ""))[:40] if status in {200, 429} else f"http-{status}"
    if status == 429 or code == "ratelimited":
        told = str({key.lower(): value for key, value in response.headers.items()}.get("retry-after", ""))
        wait_s = min(int(told), MAX_RETRY_AFTER_S) if told.isascii() and told.isdigit() else 30
        return SlackFailure("ratelimited", retryable=True, is_answer=True, wait_s=wait_s)
    is_known = code not in {"internal_error", "fatal_error", "request_timeout"} and status < 500
    return SlackFailure(code, retryable=code not in _PERMANENT | CANNOT_UPDATE, is_answer=is_known)
