"""The fixed cast: Ada asks, Ben approves, Cleo is an outsider, Dora audits, ci-bot acts for Ada."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth.models import Group
from django.test import Client

from jit_access.accounts import services
from jit_access.accounts.models import User
from jit_access.audit.recorder import audited
from jit_access.domain.actors import GATEWAY
from jit_access.mfa.device_binding import hash_of
from jit_access.mfa.session_keys import DEVICE

PASSWORD = "correct horse battery staple"
DEVICE_COOKIE = "the-one-device-that-all-of-the-tests-share_"
GROUPS = {
    "ada": ("research",),
    "ben": ("model-owners", "operators"),
    "cleo": (),
    "dora": ("auditors", "security"),
    "ci-bot": ("research",),
}
ALL_GROUPS = ("research", "model-owners", "security", "auditors", "operators")


@dataclass(frozen=True, slots=True)
class Cast:
    ada: User
    ben: User
    cleo: User
    dora: User
    ci_bot: User


def make_groups() -> None:
    Group.objects.bulk_create([Group(name=name) for name in ALL_GROUPS], ignore_conflicts=True)


def make_person(username: str, *groups: str) -> User:
    """One person with a password and groups; a surname makes clear that names are shown, not usernames."""
    user = services.create_person(
        actor=GATEWAY,
        username=username,
        password=PASSWORD,
        display_name=f"{username.capitalize()} Okafor",
        email=f"{username}@example.test",
    )
    join(user, *groups)
    return user


def make_service_account(username: str, owner: User, *groups: str) -> User:
    user = services.create_service_account(actor=GATEWAY, username=username, owner=owner)
    join(user, *groups)
    return user


def join(user: User, *groups: str) -> None:
    for name in groups:
        services.add_to_group(actor=GATEWAY, user=user, group=name)


def make_cast() -> Cast:
    make_groups()
    with audited(actor=GATEWAY):  # one transaction, so the log is locked and signed once and not twelve times
        ada = make_person("ada", *GROUPS["ada"])
        return Cast(
            ada=ada,
            ben=make_person("ben", *GROUPS["ben"]),
            cleo=make_person("cleo", *GROUPS["cleo"]),
            dora=make_person("dora", *GROUPS["dora"]),
            ci_bot=make_service_account("ci-bot", ada, *GROUPS["ci-bot"]),
        )


def sign_in(user: User) -> Client:
    """A client whose session stands on a password alone."""
    client = Client()
    client.force_login(user, backend=settings.AUTHENTICATION_BACKENDS[-1])
    session = client.session  # it began in no browser; from here on it is in this one
    session[DEVICE] = hash_of(DEVICE_COOKIE)
    session.save()
    client.cookies[settings.DEVICE_COOKIE_NAME] = DEVICE_COOKIE
    return client
