"""Service accounts: the list, one of them with all it holds, and a new API token for it."""

from __future__ import annotations

from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from jit_access.access_requests.access import viewer_of
from jit_access.accounts import access, selectors
from jit_access.accounts.models import User
from jit_access.accounts.services import may_offer, may_own_agents
from jit_access.accounts.standing import why_stopped
from jit_access.audit.exchanges import build_rows
from jit_access.audit.filters import ActivityFilters
from jit_access.audit.selectors import find_activity
from jit_access.core import clock
from jit_access.domain.errors import NotFound, PolicyRefusal
from jit_access.domain.lifecycle import LIVE_GRANT_STATES
from jit_access.domain.roles import SEES_EVERYTHING
from jit_access.grants.models import Grant
from jit_access.grants.selectors import with_related
from jit_access.web import reads
from jit_access.web.agent_sections import sections_of
from jit_access.web.frames import groups_of
from jit_access.web.pages import page, person, render_page
from jit_access.web.presenters import agents as words
from jit_access.web.presenters.api_tokens import token_cards
from jit_access.web.presenters.records import Named, row_of
from jit_access.web.token_forms import Form
from jit_access.web.viewmodels.activity import RecordRow
from jit_access.web.views.api_tokens import make_token

_OTHERS = 200  # of a list that nobody reads to its end; the API has all of them
_RECORDS = 8


@require_safe
@page()
def show_agents(request: HttpRequest) -> HttpResponse:
    """One's own, those one is asked to answer for, and for security and auditors all others."""
    viewer, now = person(request), clock.now()
    if not viewer.is_person:
        raise NotFound
    sees_others = bool(groups_of(request) & SEES_EVERYTHING)
    mine = list(selectors.accounts_of(viewer).select_related("owner"))
    others = list(selectors.agents_of_others(viewer)[:_OTHERS]) if sees_others else []
    live = Grant.objects.filter(subject__in=[*mine, *others], state__in=LIVE_GRANT_STATES)
    open_grants = {row["subject"]: row["count"] for row in live.values("subject").annotate(count=Count("pk"))}
    lists = words.Lists(
        viewer=viewer,
        mine=mine,
        offers=list(selectors.offers_to(viewer, now=now)),
        others=others,
        sees_others=sees_others,
        may_make=may_own_agents(viewer),
        counts=words.Counts(reads.api_token_counts([*mine, *others], now), open_grants),
        now=now,
    )
    return render_page(request, "web/agents.html", words.build_list(lists), current="agents")


@require_safe
@page()
def show_agent(request: HttpRequest, public_id: str) -> HttpResponse:
    """One agent with its tokens, grants and what it did last, stopped or not."""
    viewer, now = person(request), clock.now()
    account = access.see_agent(viewer, public_id)
    open_grants = Grant.objects.filter(subject=account, state__in=LIVE_GRANT_STATES).order_by("-pk")
    agent = words.Agent(
        account=account,
        viewer=viewer,
        groups=selectors.groups_of(account),
        tokens=token_cards(
            list(selectors.live_tokens_of(account, now=now)), now, may_revoke=account.owner_id == viewer.pk
        ),
        grants=list(with_related(open_grants)),
        records=_recent(viewer, account),
        offer=selectors.open_offer_of(account, now=now),
        may_offer=may_offer(viewer, account),
        sections=sections_of(request, account),
        now=now,
    )
    return render_page(request, "web/agent.html", words.build_page(agent), current="agents")


@require_http_methods(["GET", "HEAD", "POST"])
@page()
def new_token(request: HttpRequest, public_id: str) -> HttpResponse:
    """An API token for an agent, shown once to its owner."""
    account = access.get_agent(person(request), public_id)
    if (stopped := why_stopped(account)) is not None:
        raise PolicyRefusal(stopped)
    form = Form(
        title=f"New API token for {account.display_name}",
        lead=f"Whoever has it acts as {account.display_name}. Put it into the secret store of the job.",
        post_href=reverse("web:agent-token-new", args=[account.public_id]),
        back_href=reverse("web:agent", args=[account.public_id]),
        placeholder="nightly build",
        is_agents=True,
    )
    return make_token(request, account, form)


def _recent(viewer: User, agent: User) -> list[RecordRow]:
    """What the agent itself did, as far as the reader may see it."""
    found = find_activity(viewer_of(viewer), ActivityFilters()).filter(actor_id=agent.public_id)
    heads = list(found[:_RECORDS])
    rows = build_rows(heads)
    named = Named(reads.resources_of(heads), reads.account_names(row.last for row in rows))
    return [row_of(row, clock.now(), named) for row in rows]
