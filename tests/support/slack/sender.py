"""The half of Slack that calls us: it signs the raw body, waits for 3 s, and sends again when nobody answered well."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.test import Client

from jit_access.core import clock
from tests.support.slack.server import APP, TEAM, Message

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
INTERACTIONS, COMMANDS = "/slack/interactions", "/slack/commands"
_numbers = itertools.count(1)


def sign(body: bytes, timestamp: int, secret: str = SECRET) -> str:
    return "v0=" + hmac.new(secret.encode(), f"v0:{timestamp}:".encode() + body, hashlib.sha256).hexdigest()


@dataclass
class SlackSender:
    """Builds what Slack builds. `last` is the latest body and its headers, to be sent once more or bent."""

    client: Client = field(default_factory=Client)
    last: tuple[str, bytes, dict[str, str]] = ("", b"", {})

    def send(self, path: str, body: bytes, headers: Mapping[str, str] | None = None, **changes: Any) -> HttpResponse:
        timestamp = changes.pop("timestamp", int(clock.now().timestamp()))
        signed = {
            "X-Slack-Request-Timestamp": str(timestamp),
            "X-Slack-Signature": sign(body, timestamp, changes.pop("secret", SECRET)),
        }
        all_headers = {**signed, **(headers or {})}
        self.last = (path, body, all_headers)
        return self._post(path, body, all_headers)

    def repeat(self, number: int = 1) -> HttpResponse:
        """The same bytes again, as after a time-out."""
        path, body, headers = self.last
        again = {**headers, "X-Slack-Retry-Num": str(number), "X-Slack-Retry-Reason": "http_timeout"}
        return self._post(path, body, again)

    def click(self, message: Message, action: str, user: str, **changes: Any) -> HttpResponse:
        pressed = message.button(action)
        element = {"type": "button", "action_id": action, "action_ts": "1790000001.1"}
        if "value" in pressed:
            element["value"] = changes.pop("value", pressed["value"])
        payload = {
            "type": "block_actions",
            "channel": {"id": message.channel},
            "actions": [element],
            **_who(user, changes),
        }
        return self.interact(payload, **changes)

    def submit(self, window: dict[str, Any], reason: str, user: str, **changes: Any) -> HttpResponse:
        view = {
            "id": "V1",
            "callback_id": window["callback_id"],
            "private_metadata": window["private_metadata"],
            "state": {"values": {"reason": {"text": {"type": "plain_text_input", "value": reason}}}},
        }
        return self.interact({"type": "view_submission", "view": view, **_who(user, changes)}, **changes)

    def interact(self, payload: dict[str, Any], **changes: Any) -> HttpResponse:
        return self.send(INTERACTIONS, urlencode({"payload": json.dumps(payload)}).encode(), **changes)

    def command(self, text: str, user: str, **changes: Any) -> HttpResponse:
        form = {
            "command": "/access",
            "text": text,
            "user_id": user,
            "team_id": changes.pop("team", TEAM),
            "api_app_id": changes.pop("app", APP),
            "channel_id": "C0ANYWHERE",
            "trigger_id": f"13345224609.{next(_numbers)}.abcdef",
        }
        return self.send(COMMANDS, urlencode(form).encode(), **changes)

    def _post(self, path: str, body: bytes, headers: Mapping[str, str]) -> HttpResponse:
        return self.client.post(path, body, content_type="application/x-www-form-urlencoded", headers=dict(headers))


def _who(user: str, changes: dict[str, Any]) -> dict[str, Any]:
    team = changes.pop("team", TEAM)
    return {
        "team": {"id": team, "domain": "loopback"},
        "api_app_id": changes.pop("app", APP),
        "user": {"id": user, "username": user.lower(), "team_id": changes.pop("user_team", team)},
        "trigger_id": f"13345224609.{next(_numbers)}.abcdef",
    }
