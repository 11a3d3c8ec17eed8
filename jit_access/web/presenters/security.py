"""Security settings in words: factors, tokens, sessions, looks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from jit_access.accounts.models import ApiToken, User
from jit_access.mfa.assurance import Assurance
from jit_access.mfa.models import Device, FactorReset, Passkey
from jit_access.mfa.selectors import FactorState
from jit_access.mfa.services import OpenSession
from jit_access.oauth.models import AccessToken
from jit_access.single_sign_on.models import Identity, Provider
from jit_access.web import figures
from jit_access.web.presenters import sign_ins, words
from jit_access.web.presenters.agents import agent_row
from jit_access.web.presenters.api_tokens import token_confirm, used_text
from jit_access.web.presenters.identities import identity_rows
from jit_access.web.viewmodels.parts import Action, Badge, Confirm, Notice, Option
from jit_access.web.viewmodels.security import SecurityPage, SettingRow

THEME_LABELS = {"auto": "Like the system", "light": "Light", "dark": "Dark"}
FEW_CODES = 3


@dataclass(frozen=True, slots=True)
class Mine:
    """What one has, read once."""

    person: User
    groups: frozenset[str]
    factor: FactorState
    assurance: Assurance
    tokens: Sequence[ApiToken]
    agents: Sequence[User]
    agent_tokens: Mapping[int, int]  # agent pk -> API tokens that work
    sessions: Sequence[OpenSession]
    open_reset: FactorReset | None  # somebody asks to take one's factors away
    identities: Sequence[Identity]
    providers: Sequence[Provider]
    devices: Sequence[tuple[Device, bool]]  # and whether it is this one
    session_ends_at: datetime | None
    theme: str
    has_shortcuts: bool
    now: datetime
    chat: tuple[SettingRow, ...] = ()
    access_tokens: Sequence[AccessToken] = ()


def build_page(mine: Mine) -> SecurityPage:
    """The whole page."""
    return SecurityPage(
        person=words.person_of(mine.person),
        username=mine.person.username,
        roles=_groups(mine.groups),
        notice=_reset_notice(mine),
        factors=(_app_row(mine), *(_passkey_row(key, mine.now) for key in mine.factor.passkeys), _codes_row(mine)),
        passkey_form_href=reverse("web:passkey-new"),
        password=SettingRow(
            "Password",
            "Changing it ends every other session of yours.",
            action=Action("Change", reverse("web:settings-password")),
        ),
        identities=identity_rows(mine.identities, mine.providers, mine.now),
        tokens=tuple(token_row(token, mine.now) for token in mine.tokens),
        token_form_href=reverse("web:settings-token-new"),
        agents=tuple(agent_row(agent, mine.agent_tokens.get(agent.pk, 0)) for agent in mine.agents),
        sessions=_session_rows(mine),
        devices=sign_ins.device_rows(mine.devices, mine.now),
        themes=tuple(Option(value, label, value == mine.theme) for value, label in THEME_LABELS.items()),
        has_shortcuts=mine.has_shortcuts,
        chat=mine.chat,
        command_lines=sign_ins.command_line_rows(mine.access_tokens, mine.now),
    )


def _reset_notice(mine: Mine) -> Notice | None:
    reset = mine.open_reset
    if reset is None:
        return None
    action = Action("Look at it", reverse("web:reset", args=[reset.public_id]))
    title = f"{reset.asked_by.display_name} asks to reset your second factor."
    return Notice(title, "If you still have it, stop the reset.", "stop", "alert", action, is_assertive=True)


def _groups(names: Iterable[str]) -> str:
    return ", ".join(words.group_title(name) for name in sorted(names)) or "None"


def _app_row(mine: Mine) -> SettingRow:
    confirmed = mine.factor.confirmed_at
    since = f"Set up {figures.day(confirmed)}." if confirmed else "Not set up."
    proved = (
        f" Last proof {figures.round_duration(mine.assurance.age_s)} ago." if mine.assurance.age_s is not None else ""
    )
    return SettingRow(
        "Authenticator app",
        f"{since}{proved}",
        Badge("On", "check", "live") if confirmed else Badge("Off", "alert", "stop"),
        action=Action("Replace" if confirmed else "Set up", f"{reverse('web:set-up')}?next={reverse('web:settings')}"),
    )


def _passkey_row(key: Passkey, now: datetime) -> SettingRow:
    used = f"Used {figures.ago(key.last_used_at, now)}" if key.last_used_at else "Never used"
    synced = ", also on your other devices" if key.is_synced else ""
    return SettingRow(
        key.name,
        f"{used}. Added {figures.day(key.created_at)}{synced}.",
        Badge("Passkey", "key", "live"),
        action=Action("Manage", reverse("web:passkey", args=[key.public_id])),
    )


def passkey_confirm(key: Passkey) -> Confirm:
    """What stops working when a passkey is removed here. The device keeps its half, which opens nothing then."""
    return Confirm(
        id="remove-passkey",
        title=f"Remove the passkey {key.name}?",
        effect="It is refused from now on. Delete it on the device too, so that it is not offered any more.",
        verb=f"Remove {key.name}",
        keep="Keep it",
        post_href=reverse("web:passkey-remove", args=[key.public_id]),
        back_href=reverse("web:passkey", args=[key.public_id]),
    )


def _codes_row(mine: Mine) -> SettingRow:
    left = mine.factor.recovery_codes_left
    return SettingRow(
        "Recovery codes",
        f"{figures.plural(left, 'code') if left else 'No code'} left. Each works once, when the phone is lost.",
        Badge("Few left" if left else "None left", "alert", "wait" if left else "stop") if left <= FEW_CODES else None,
        confirm=codes_confirm(),
        confirm_href=reverse("web:settings-codes"),
        confirm_label="Make new ones",
    )


def codes_confirm() -> Confirm:
    """New codes make the old ones useless."""
    return Confirm(
        id="codes",
        title="Make ten new recovery codes?",
        effect="The old ones stop working at once. The new ones are shown one time.",
        verb="Make new codes",
        keep="Keep the old ones",
        post_href=reverse("web:settings-codes"),
        back_href=reverse("web:settings"),
        is_danger=False,
    )


def token_row(token: ApiToken, now: datetime) -> SettingRow:
    """One API token, told by its name and by how it begins."""
    used = f"Used {used_text(token, now)}" if token.last_used_at else "Never used"
    note = f"{used}, ends {figures.end_time(token.expires_at, now)}. Begins jita_api_{token.token_id}."
    confirm = token_confirm(token)
    return SettingRow(token.name, note, None, confirm=confirm, confirm_href=confirm.post_href, confirm_label="Revoke")


def sessions_confirm() -> Confirm:
    """Everywhere else, not here."""
    return Confirm(
        id="sessions",
        title="Sign out everywhere else?",
        effect="Every other session of yours, and every command line, ends at once. "
        "Running downloads go on; they end with their grant.",
        verb="Sign out everywhere else",
        keep="Leave them",
        post_href=reverse("web:settings-sessions-end"),
        back_href=reverse("web:settings"),
        is_danger=False,
    )


def _session_rows(mine: Mine) -> tuple[SettingRow, ...]:
    elsewhere = SettingRow(
        "Everywhere else",
        "Ends every other session of yours at once.",
        confirm=sessions_confirm(),
        confirm_href=reverse("web:settings-sessions-end"),
        confirm_label="Sign out",
    )
    names = {provider.slug: provider.name for provider in mine.providers}
    return (*sign_ins.session_rows(mine.sessions, names, mine.session_ends_at, mine.now), elsewhere)
