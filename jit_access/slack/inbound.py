"""From the bytes that Slack sent to values that can be trusted in form. Who it was and what it may do comes later."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs

from jit_access.domain.audit_record import clean_text
from jit_access.domain.errors import CallerError, PolicyRefusal
from jit_access.domain.reasons import Reason
from jit_access.slack.app import SlackApp

MAX_BODY_BYTES: Final = 128 * 1024
DENY_WINDOW: Final = "deny"
_ABOUT: Final = re.compile(r"(req_[a-z2-7]{20}):([0-9a-f]{64})(?::([A-Z0-9]{1,20}))?", re.ASCII)
_ID: Final = re.compile(r"[A-Z0-9]{2,20}", re.ASCII)


@dataclass(frozen=True, slots=True)
class About:
    """Which request, exactly as it stood on the card, and where that card is."""

    request_id: str
    payload_hash: str
    channel: str = ""


@dataclass(frozen=True, slots=True)
class Pressed:
    """A button of a card or note. `about` is None where the button is a link."""

    user_id: str
    channel: str
    trigger_id: str
    action: str
    about: About | None


@dataclass(frozen=True, slots=True)
class Submitted:
    """The window that asks for the reason of a denial, sent."""

    user_id: str
    trigger_id: str
    about: About
    reason: str


@dataclass(frozen=True, slots=True)
class Commanded:
    """A slash command."""

    user_id: str
    trigger_id: str
    words: tuple[str, ...]


Act = Pressed | Submitted | Commanded


def parse_act(app: SlackApp, body: bytes) -> Act:
    """Raises: CallerError (malformed-request); PolicyRefusal (slack-other-workspace)."""
    try:
        form = parse_qs(body.decode("ascii"), strict_parsing=True, max_num_fields=50)
        if any(len(values) != 1 for values in form.values()):
            raise ValueError("a field came twice")
        if "payload" not in form:
            return _parse_command(app, {name: values[0] for name, values in form.items()})
        payload = json.loads(form["payload"][0])
        _check_origin(app, payload["team"]["id"], payload["api_app_id"], payload["user"].get("team_id", app.team_id))
        return _parse_pressed(payload) if payload["type"] == "block_actions" else _parse_submitted(payload)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
        raise CallerError(Reason.MALFORMED_REQUEST) from exc


def key_of(act: Act) -> str:
    """Slack's own name of this act: the same in every repetition, never the same for two acts."""
    return hashlib.sha256(f"{type(act).__name__}:{act.user_id}:{act.trigger_id}".encode()).hexdigest()


def about_text(about: About, channel: str) -> str:
    """What a window carries from the card to its submission."""
    return f"{about.request_id}:{about.payload_hash}:{channel}"


def _check_origin(app: SlackApp, team: str, app_id: str, team_of_user: str) -> None:
    if (team, app_id, team_of_user) != (app.team_id, app.app_id, app.team_id):
        raise PolicyRefusal(Reason.SLACK_OTHER_WORKSPACE)


def _parse_command(app: SlackApp, form: dict[str, str]) -> Commanded:
    _check_origin(app, form["team_id"], form["api_app_id"], app.team_id)
    words = tuple(clean_text(word) for word in form.get("text", "").split()[:5])
    return Commanded(_id(form["user_id"]), _trigger(form["trigger_id"]), words)


def _parse_pressed(payload: dict[str, Any]) -> Pressed:
    (action,) = payload["actions"]
    channel = str((payload.get("channel") or {}).get("id", ""))
    about = _about(str(action["value"])) if "value" in action else None
    return Pressed(
        user_id=_id(payload["user"]["id"]),
        channel=_id(channel) if channel else "",
        trigger_id=_trigger(payload["trigger_id"]),
        action=str(action["action_id"])[:40],
        about=about,
    )


def _parse_submitted(payload: dict[str, Any]) -> Submitted:
    view = payload["view"]
    if payload["type"] != "view_submission" or view["callback_id"] != DENY_WINDOW:
        raise ValueError("unknown kind")
    reason = view["state"]["values"]["reason"]["text"]["value"]
    return Submitted(
        user_id=_id(payload["user"]["id"]),
        trigger_id=_trigger(payload["trigger_id"]),
        about=_about(str(view["private_metadata"])),
        reason=str(reason or ""),
    )


def _about(text: str) -> About:
    match = _ABOUT.fullmatch(text)
    if match is None:
        raise ValueError("not a value of ours")
    return About(match[1], match[2], match[3] or "")


def _id(text: str) -> str:
    if not _ID.fullmatch(text):
        raise ValueError("not an id of Slack's")
    return text


def _trigger(text: str) -> str:
    if not 1 <= len(text) <= 200:
        raise ValueError("not a trigger")
    return text
