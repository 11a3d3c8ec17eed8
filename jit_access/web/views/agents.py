"""One's own service accounts: how they are, and their API tokens. Accounts themselves are made by operators."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from jit_access.accounts import access, selectors
from jit_access.core import clock
from jit_access.domain.errors import PolicyRefusal
from jit_access.domain.reasons import Reason
from jit_access.grants.selectors import running_grants_of
from jit_access.web.pages import page, person, render_page
from jit_access.web.presenters import agents as words
from jit_access.web.presenters.security import token_row
from jit_access.web.views.api_tokens import Form, make_token


@require_safe
@page()
def show_agent(request: HttpRequest, public_id: str) -> HttpResponse:
    """One agent with its API tokens, locked or not."""
    account, now = access.get_agent(person(request), public_id), clock.now()
    tokens = list(selectors.live_tokens_of(account, now=now))
    agent = words.Agent(
        account=account,
        groups=selectors.groups_of(account),
        tokens=tokens,
        open_grants=running_grants_of(subject=account, now=now).count(),
        now=now,
    )
    built = words.build_page(agent, [token_row(token, now) for token in tokens])
    return render_page(request, "web/agent.html", built, current="settings")


@require_http_methods(["GET", "HEAD", "POST"])
@page()
def new_token(request: HttpRequest, public_id: str) -> HttpResponse:
    """An API token for an agent, shown once to its owner."""
    account = access.get_agent(person(request), public_id)
    if not account.is_active:
        raise PolicyRefusal(Reason.ACCOUNT_LOCKED)
    form = Form(
        title=f"New API token for {account.display_name}",
        lead=f"Whoever has it acts as {account.display_name}. Put it into the secret store of the job.",
        post_href=reverse("web:settings-agent-token-new", args=[account.public_id]),
        back_href=reverse("web:settings-agent", args=[account.public_id]),
        placeholder="nightly build",
    )
    return make_token(request, account, form)
