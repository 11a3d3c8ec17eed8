"""A client's question in words."""

from __future__ import annotations

from urllib.parse import urlencode

from django.conf import settings
from django.urls import reverse

from jit_access.accounts.models import User
from jit_access.oauth.authorizing import Ask
from jit_access.oauth.scopes import WORDS, Scope
from jit_access.web import figures
from jit_access.web.viewmodels.oauth import BackPage, ConsentPage, StrongerPage
from jit_access.web.viewmodels.parts import Action, Fact, Hidden, ReasonItem

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
