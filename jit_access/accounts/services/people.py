"""Accounts begin here, and people change what is theirs."""

from __future__ import annotations

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import F

from jit_access.accounts.models import AccountKind, User
from jit_access.accounts.names import check_name
from jit_access.audit.recorder import audited
from jit_access.domain.actors import ActorRef
from jit_access.domain.audit_record import clean_text
from jit_access.domain.errors import CallerError, Conflict
from jit_access.domain.reasons import Reason

THEMES = frozenset({"auto", "light", "dark"})
_DISPLAY_CHARS_MAX = 120


def create_person(
    *, actor: ActorRef, username: str, password: str, display_name: str, email: str = "", title: str = ""
) -> User:
    """A person who can sign in. Has no group and no second factor yet, so nothing is open to them.

    Raises: CallerError for a name, an address or a password that cannot be used; Conflict when the name is taken.
    """
    user = User(
        username=check_name(username),
        email=check_email(email),
        display_name=check_display_name(display_name),
        title=clean_text(title.strip())[:160],
    )
    check_password_strength(user, password)
    user.set_password(password)
    return _store(actor, user)


def create_person_without_password(
    *, actor: ActorRef, username: str, display_name: str, email: str = "", title: str = ""
) -> User:
    """A person whom somebody else vouches for: an identity provider or a directory. No password opens this account.

    Raises: CallerError for a name or address that cannot be used; Conflict when the name is taken.
    """
    user = User(
        username=check_name(username),
        email=check_email(email),
        display_name=check_display_name(display_name),
        title=clean_text(title.strip())[:160],
    )
    user.set_unusable_password()
    return _store(actor, user)


def create_service_account(
    *, actor: ActorRef, username: str, owner: User, display_name: str = "", purpose: str = ""
) -> User:
    """An account for a machine. Its owner answers for it; it has no password and never signs in."""
    if not owner.is_person or not owner.is_active:
        raise CallerError(Reason.INVALID_INPUT, "A service account belongs to a person who can act.")
    name = check_name(username)
    user = User(
        username=name,
        display_name=check_display_name(display_name or name),
        kind=AccountKind.SERVICE,
        owner=owner,
        purpose=clean_text(" ".join(purpose.split()))[:300],
    )
    user.set_unusable_password()
    return _store(actor, user)


def change_password(*, actor: ActorRef, user: User, password: str) -> None:
    """Set a new password and end every open session. Callers ask for a fresh second factor first.

    Raises: CallerError with one sentence per broken rule.
    """
    check_password_strength(user, password)
    with audited(actor=actor) as audit:
        locked = User.objects.select_for_update().get(pk=user.pk)
        locked.set_password(password)
        locked.session_epoch += 1
        locked.save(update_fields=["password", "session_epoch"])
        audit.record("account.password-changed", detail={"account": locked.public_id})
    user.password, user.session_epoch = locked.password, locked.session_epoch


def end_sessions(*, actor: ActorRef, user: User) -> None:
    """Sign this account out everywhere. The caller may carry its own session on (`mfa.services.carry_session`)."""
    with audited(actor=actor) as audit:
        User.objects.filter(pk=user.pk).update(session_epoch=F("session_epoch") + 1)
        audit.record("account.sessions-ended", detail={"account": user.public_id})
    user.refresh_from_db(fields=["session_epoch"])


def set_theme(*, actor: ActorRef, user: User, theme: str) -> None:
    """Light, dark, or as the system says. A taste, not a power, but still written down like every change."""
    if theme not in THEMES:
        raise CallerError(Reason.INVALID_INPUT, "A theme is auto, light or dark.")
    if user.theme == theme:
        return
    with audited(actor=actor) as audit:
        User.objects.filter(pk=user.pk).update(theme=theme)
        audit.record("account.theme-set", detail={"account": user.public_id, "theme": theme})
    user.theme = theme


def check_password_strength(user: User, password: str) -> None:
    """Raises CallerError when the password is too short, common or close to the account's own facts."""
    try:
        validate_password(password, user)
    except ValidationError as exc:
        raise CallerError(Reason.INVALID_INPUT, " ".join(exc.messages), field="password") from exc


def _store(actor: ActorRef, user: User) -> User:
    with audited(actor=actor) as audit:
        if User.objects.filter(username=user.username).exists():
            raise Conflict(Reason.DUPLICATE_REQUEST, "That name is taken.", field="username")
        user.save()
        owner = {"owner": user.owner.public_id} if user.owner is not None else {}
        audit.record(
            "account.created",
            detail={"account": user.public_id, "name": user.username, "kind": str(user.kind), **owner},
        )
    return user


def check_display_name(text: str) -> str:
    """What is shown of a name. Raises: CallerError."""
    name = text.strip()
    if not name or len(name) > _DISPLAY_CHARS_MAX or name != clean_text(name):
        raise CallerError(Reason.INVALID_INPUT, "A shown name has 1 to 120 plain characters.", field="display_name")
    return name


def check_email(text: str) -> str:
    """An address, or nothing. Raises: CallerError."""
    address = text.strip()
    if address:
        try:
            validate_email(address)
        except ValidationError as exc:
            raise CallerError(Reason.INVALID_INPUT, "That is not a mail address.", field="email") from exc
    return address
