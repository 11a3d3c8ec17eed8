"""*Envelopes* on an agent's page: what it may have without asking, and how much of the day is taken."""

from __future__ import annotations

from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse

from jit_access.accounts.models import User
from jit_access.accounts.standing import why_stopped
from jit_access.core import clock
from jit_access.envelopes.access import envelopes_of
from jit_access.envelopes.budgets import day_use
from jit_access.web.pages import person
from jit_access.web.presenters.envelopes import Seen, section_of
from jit_access.web.viewmodels.agents import Section


def envelopes_section(request: HttpRequest, agent: User) -> Section | None:
    """For everybody who may see one of them, and for the owner also where there is none."""
    viewer, now = person(request), clock.now()
    rows = envelopes_of(viewer, agent)
    is_owner = agent.owner_id == viewer.pk and why_stopped(agent) is None
    if not rows and not is_owner:
        return None
    form = f"{reverse('web:envelope-new')}?{urlencode({'agent': agent.public_id})}" if is_owner else ""
    content = section_of([Seen(row, day_use(row, now), now) for row in rows], propose_href=form)
    return Section("components/envelopes_section.html", content)
