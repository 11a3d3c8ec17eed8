"""A client's question in words."""

from __future__ import annotations

from urllib.parse import urlencode

from django.conf import settings
from django.urls import reverse

from jit_access.accounts.models import User
from jit_access.domain.networks import network_of
from jit_access.domain.reasons import Reason
from jit_access.oauth.authorizing import Ask
from jit_access.oauth.clients import client_name
from jit_access.oauth.models import DeviceCode
from jit_access.oauth.scopes import WORDS, Scope, parse_scope
from jit_access.web import figures
from jit_access.web.viewmodels.gate import GatePage
from jit_access.web.viewmodels.oauth import BackPage, ConsentPage, StrongerPage
from jit_access.web.viewmodels.parts import Action, Fact, Field, Hidden, Notice, ReasonItem

CODE_PROBLEM = Reason.CODE_REFUSED
_ICONS = {Scope.READ: "search", Scope.ACT: "key"}
_NOT_YOURS = "Refuse it unless you have just started this sign-in yourself. Nobody may ask you to do it for them."


def consent_page(ask: Ask, user: User, address: str) -> ConsentPage:
    """The whole question on one page."""
    lasts = figures.round_duration(settings.ACCESS_TOKEN_LONGEST_S)
    return ConsentPage(
        title=f"{ask.client.name} wants to sign in as you",
        lead=f"It would act as {user.display_name}, with what your second factor proved just now.",
        facts=(
            Fact("Client", ask.client.name, ask.client.client_id),
            Fact("Runs on", "This computer", f"answer goes to {ask.place}"),
            Fact("Your address", address or "Unknown", is_mono=bool(address)),
            Fact("Lasts", f"At most {lasts}", "and ends when you sign out here"),
        ),
        may=may_do(ask.scopes),
        warning=_NOT_YOURS,
        verb="Let it in",
        refuse_verb="Refuse",
        post_href=reverse("web:oauth-authorize"),
        hidden=tuple(Hidden(name, value) for name, value in ask.fields.items()),
    )


def may_do(scopes: frozenset[Scope]) -> tuple[ReasonItem, ...]:
    """Every scope in a sentence; to act includes to read."""
    held = scopes | {Scope.READ} if Scope.ACT in scopes else scopes
    return tuple(ReasonItem(WORDS[scope], icon=_ICONS[scope]) for scope in Scope if scope in held)


def back_page(address: str, *, is_allowed: bool) -> BackPage:
    """Where the browser goes next."""
    if is_allowed:
        return BackPage("You are signed in at the command line", "Go back there. You can close this page.", address)
    return BackPage("Nothing was given", "The command line is told so. You can close this page.", address)


def stronger_page(ask: Ask, back: str) -> StrongerPage:
    """Only a passkey would do."""
    return StrongerPage(
        title="This needs a passkey",
        lead=f"{ask.client.name} asks for a proof that a code cannot give. Use your passkey, then this goes on.",
        actions=(
            Action("Use a passkey", f"{reverse('web:prove')}?{urlencode({'next': back})}", style="primary"),
            Action("Add a passkey", reverse("web:passkey-new")),
        ),
    )


def address_of(ask: Ask) -> str:
    """The page again, after a proof."""
    return f"{reverse('web:oauth-authorize')}?{urlencode(dict(ask.fields))}"


def code_form(problem: str = "") -> GatePage:
    """Type the code."""
    code = Field(
        "user_code",
        "Code that the device shows",
        hint="8 letters; the dash does not matter. It lasts 10 min.",
        error=problem,
        autocomplete="off",
        max_chars=64,
        is_focused=True,
    )
    return GatePage(
        title="Sign in on another device",
        lead="Type the code only if you began this sign-in yourself. Nobody may ask you to type theirs.",
        fields=(code,),
        verb="Look it up",
        post_href=reverse("web:oauth-device"),
    )


def device_page(code: DeviceCode, typed: str, user: User, address: str) -> ConsentPage:
    """Who asks from where; the person decides for themselves and for nobody else."""
    name = client_name(code.client)
    is_near = bool(code.address) and code.address == network_of(address)
    elsewhere = Notice(
        "The device is in another network than you.",
        "That is so for a server or a cluster. If the device should be beside you, refuse.",
        "wait",
        "alert",
    )
    return ConsentPage(
        title=f"{name} on another device wants to sign in as you",
        lead=f"It would act as {user.display_name}, with what your second factor proved just now.",
        facts=(
            Fact("Client", name, code.client),
            Fact("Asks from", code.address or "Unknown", is_mono=bool(code.address)),
            Fact("You are at", network_of(address) or "Unknown", is_mono=True),
            Fact("Lasts", f"At most {figures.round_duration(settings.ACCESS_TOKEN_LONGEST_S)}", "from now"),
        ),
        may=may_do(parse_scope(code.scope)),
        warning=_NOT_YOURS,
        verb="Let it in",
        refuse_verb="Refuse",
        post_href=reverse("web:oauth-device"),
        hidden=(Hidden("user_code", typed),),
        notice=None if is_near else elsewhere,
    )


def done_page(*, is_allowed: bool) -> BackPage:
    """Nothing more to do in this browser."""
    if is_allowed:
        lead = "The device goes on by itself within seconds. End it in Security settings when you are done."
        return BackPage("The device is signed in as you", lead, reverse("web:settings"))
    return BackPage("Nothing was given", "The device is told so.", reverse("web:settings"))
