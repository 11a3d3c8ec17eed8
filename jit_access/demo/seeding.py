"""Puts the cast, the target and its repositories into the database, through the services that people use too.

Safe to run again: what is there stays. What people must know to try it lies in `var/demo.json` (mode 0600), the only
place where these passwords and secrets exist in clear.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyotp
from django.conf import settings

from jit_access.accounts.models import ApiToken, User
from jit_access.accounts.services import (
    add_to_group,
    change_password,
    create_person,
    create_service_account,
    issue_api_token,
)
from jit_access.core import clock
from jit_access.core.secret import Secret
from jit_access.demo.people import AGENT, AGENT_OWNER, AGENT_PURPOSE, CAST, Person, new_password
from jit_access.demo.stack.keys import write_private
from jit_access.domain.actors import GATEWAY
from jit_access.mfa.services import install_totp

_AGENT_TOKEN_LASTS = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Known:
    """What an earlier run wrote down."""

    people: dict[str, dict[str, Any]]
    agents: dict[str, dict[str, Any]]

    @classmethod
    def read(cls, path: Path) -> Known:
        try:
            facts = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return cls({}, {})
        people = {person["username"]: person for person in facts.get("people", [])}
        return cls(people, {agent["name"]: agent for agent in facts.get("agents", [])})


def seed_person(person: Person, known: Known) -> dict[str, Any]:
    """One of the cast with password, second factor and groups; returns the entry of `demo.json`."""
    written = known.people.get(person.username)
    user = User.objects.filter(username=person.username).first()
    if user is None or written is None:
        written = _make_person(person, user)
    return {**written, "name": person.display_name, "groups": list(person.groups)}


def _make_person(person: Person, user: User | None) -> dict[str, Any]:
    """New, or with new secrets when the file that held the old ones is gone."""
    password, secret = new_password(), pyotp.random_base32(32)
    if user is None:
        user = create_person(
            actor=GATEWAY,
            username=person.username,
            password=password,
            display_name=person.display_name,
            email=f"{person.username}@example.test",
            title=person.job,
        )
    else:
        change_password(actor=GATEWAY, user=user, password=password)
    for group in person.groups:
        add_to_group(actor=GATEWAY, user=user, group=group)
    install_totp(actor=GATEWAY, user=user, secret=Secret(secret))
    return {"username": person.username, "password": password, "totp_secret": secret}


def seed_agent(known: Known) -> dict[str, Any]:
    """The service account with a token for the API that still has days to live."""
    user = User.objects.filter(username=AGENT).first()
    if user is None:
        owner = User.objects.get(username=AGENT_OWNER)
        user = create_service_account(actor=GATEWAY, username=AGENT, owner=owner, purpose=AGENT_PURPOSE)
        add_to_group(actor=GATEWAY, user=user, group="research")
    soon = clock.now() + timedelta(days=1)
    is_live = ApiToken.objects.filter(user=user, revoked_at__isnull=True, expires_at__gt=soon).exists()
    if is_live and AGENT in known.agents:
        return known.agents[AGENT]
    issued = issue_api_token(actor=GATEWAY, user=user, name="demo", lasts=_AGENT_TOKEN_LASTS)
    return {"name": AGENT, "api_token": issued.text.reveal()}


def write_story(people: list[dict[str, Any]], agents: list[dict[str, Any]], target: dict[str, Any]) -> None:
    """`var/demo.json`: everything that somebody needs to try the gateway by hand or by script."""
    tls = {"tls": settings.GATEWAY_TLS_URL, "ca_file": str(settings.VAR_DIR / "tls" / "ca.pem")}
    story = {
        "web": settings.PUBLIC_URL,
        "gateway": {"plain": settings.GATEWAY_URL, **tls},
        "people": people,
        "agents": agents,
        **target,
    }
    write_private(settings.VAR_DIR / "demo.json", json.dumps(story, indent=2) + "\n", replace=True)


def seed_cast(path: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Everybody, people before the agent that belongs to one of them."""
    known = Known.read(path)
    return [seed_person(person, known) for person in CAST], [seed_agent(known)]
