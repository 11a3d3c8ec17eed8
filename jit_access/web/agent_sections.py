"""The parts of an agent's page that other rooms fill: one function each, in the order of the page.

A section is `(request, agent) -> Section | None`: a template that gets the content as `section`, or nothing to show.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from django.http import HttpRequest

from jit_access.accounts.models import User
from jit_access.web.envelopes_section import envelopes_section
from jit_access.web.viewmodels.agents import Section
from jit_access.web.views import webhooks, workload_identities

SectionMaker: TypeAlias = Callable[[HttpRequest, User], Section | None]

SECTIONS: tuple[SectionMaker, ...] = (
    workload_identities.identities_section,
    envelopes_section,
    webhooks.section,
)


def sections_of(request: HttpRequest, agent: User) -> tuple[Section, ...]:
    """Every part that has something to show to whoever asks."""
    found = (make(request, agent) for make in SECTIONS)
    return tuple(section for section in found if section is not None)
