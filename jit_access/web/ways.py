"""How a grant is used, by the kind of its target: which clients there are, and their commands."""

from __future__ import annotations

from collections.abc import Mapping

from jit_access.grants.models import Grant
from jit_access.targets.models import TargetKind
from jit_access.web.commands import client_tabs, places_of, steps_for
from jit_access.web.hub_commands import hub_steps, hub_tabs
from jit_access.web.viewmodels.my_access import ClientTab, UseStep


def tabs_of(grant: Grant, client: str, anchor: str = "") -> tuple[ClientTab, ...]:
    """The clients that speak to this kind of target."""
    return hub_tabs(anchor) if grant.target.kind == TargetKind.HF else client_tabs(client, anchor)


def steps_of(grant: Grant, client: str, latest_tags: Mapping[tuple[str, str], str]) -> tuple[UseStep, ...]:
    """What to paste, in order."""
    if grant.target.kind == TargetKind.HF:
        return hub_steps(grant)
    return steps_for(client, places_of(grant, latest_tags))
