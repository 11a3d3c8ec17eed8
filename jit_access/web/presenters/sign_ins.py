"""Open sessions and devices in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from django.urls import reverse

from jit_access.mfa.assurance import Level
from jit_access.mfa.browsers import UNKNOWN
from jit_access.mfa.models import Device
from jit_access.mfa.services import OpenSession
from jit_access.oauth.clients import client_name
from jit_access.oauth.models import AccessToken
from jit_access.oauth.scopes import covers_method
from jit_access.web import figures
from jit_access.web.viewmodels.parts import Action, Badge, Confirm
from jit_access.web.viewmodels.security import SettingRow

_STRENGTH = {
    Level.PASSWORD: "password only",
    Level.SECOND_FACTOR: "second factor shown",
    Level.PHISHING_RESISTANT: "passkey shown",
}


def session_rows(
    sessions: Iterable[OpenSession], providers: Mapping[str, str], ends_at: datetime | None, now: datetime
) -> tuple[SettingRow, ...]:
    """Every open session, this one first and marked. `providers`: what identity providers are called."""
    return tuple(_session_row(one, providers.get(one.came_by, one.came_by), ends_at, now) for one in sessions)


def command_line_rows(tokens: Iterable[AccessToken], now: datetime) -> tuple[SettingRow, ...]:
    """Every client that is signed in by an access token of this person."""
    return tuple(_command_line_row(token, now) for token in tokens)


def command_line_confirm(token: AccessToken) -> Confirm:
    """What ends, named by its client."""
    name = client_name(token.client)
    return Confirm(
        id=f"end-{token.public_id}",
        title=f"End the sign-in of {name}?",
        effect="Its token is refused at once. Grants that were started with it go on until their own end.",
        verb="End the sign-in",
        keep="Leave it",
        post_href=reverse("web:settings-command-line-end", args=[token.public_id]),
        back_href=reverse("web:settings"),
    )


def _command_line_row(token: AccessToken, now: datetime) -> SettingRow:
    may = "may act for you" if covers_method(token.scope, "POST") else "may read only"
    used = f"used {figures.ago(token.last_used_at, now)}" if token.last_used_at else "never used"
    where = f"From {token.network or 'an unknown network'}, {_STRENGTH.get(Level(token.level), 'nothing shown')}, {may}"
    times = f"Since {figures.end_time(token.created_at, now)}, {used}, ends {figures.end_time(token.expires_at, now)}"
    confirm = command_line_confirm(token)
    return SettingRow(
        client_name(token.client),
        f"{where}. {times}.",
        Badge("Bound to a key", "lock") if token.jkt else None,
        confirm=confirm,
        confirm_href=confirm.post_href,
        confirm_label="End",
    )


def device_rows(devices: Iterable[tuple[Device, bool]], now: datetime) -> tuple[SettingRow, ...]:
    """Every device in which a second factor was shown; the flag marks this one."""
    return tuple(
        SettingRow(
            device.name,
            f"Used {figures.ago(device.seen_at, now)}. First seen {figures.day(device.first_seen_at)}.",
            Badge("This device", "check") if is_here else None,
            action=Action("Manage", reverse("web:device", args=[device.public_id])),
        )
        for device, is_here in devices
    )


def session_confirm(one: OpenSession) -> Confirm:
    """What ends, named as its owner knows it."""
    return Confirm(
        id=f"end-{one.public_id}",
        title=f"End the session in {one.browser}?",
        effect="It is signed out at once, and so is every command line that was signed in from it. Running "
        "downloads go on; they end with their grant.",
        verb=f"End {one.browser}",
        keep="Leave it",
        post_href=reverse("web:settings-session-end", args=[one.public_id]),
        back_href=reverse("web:settings"),
    )


def device_confirm(device: Device) -> Confirm:
    """What a removal means: out now, and a stranger next time."""
    return Confirm(
        id="remove-device",
        title=f"Remove the device {device.name}?",
        effect="Every session in it ends at once. The next sign-in there counts as one from a new device.",
        verb=f"Remove {device.name}",
        keep="Keep it",
        post_href=reverse("web:device-remove", args=[device.public_id]),
        back_href=reverse("web:device", args=[device.public_id]),
    )


def _session_row(one: OpenSession, came_by: str, ends_at: datetime | None, now: datetime) -> SettingRow:
    where = one.network or "an unknown network"
    parts = [f"From {where}, {_STRENGTH.get(one.level, 'password only')}"]
    if came_by:
        parts.append(f"by {came_by}")
    is_named = one.device and one.browser not in {one.device, UNKNOWN}
    name = f"{one.device} ({one.browser})" if is_named else one.device or one.browser
    if one.is_here:
        latest = f", at {figures.end_time(ends_at, now)} at the latest" if ends_at else ""
        note = f"{', '.join(parts)}. Signed out after 30 min of silence{latest}."
        return SettingRow(name, note, Badge("Here", "check"))
    times = f"Since {figures.end_time(one.started_at, now)}, last seen {figures.ago(one.seen_at, now)}"
    confirm = session_confirm(one)
    return SettingRow(
        name, f"{', '.join(parts)}. {times}.", confirm=confirm, confirm_href=confirm.post_href, confirm_label="End"
    )
