"""How a grant is used, by the kind of its target: which clients there are, and their commands."""

from __future__ import annotations

from collections.abc import Mapping

from jit_access.credentials.services import IssuedToken
from jit_access.grants.models import Grant
from jit_access.targets.models import TargetKind
from jit_access.web.commands import client_tabs, places_of, steps_for
from jit_access.web.hub_commands import hub_steps, hub_tabs
from jit_access.web.mlflow_commands import mlflow_steps, mlflow_tabs
from jit_access.web.store_commands import store_secret, store_steps, store_tabs
from jit_access.web.viewmodels.my_access import ClientTab, UseStep


def tabs_of(grant: Grant, client: str, anchor: str = "") -> tuple[ClientTab, ...]:
    """The clients that speak to this kind of target."""
    match grant.target.kind:
        case TargetKind.HF:
            return hub_tabs(anchor)
        case TargetKind.S3:
            return store_tabs(anchor)
        case TargetKind.MLFLOW:
            return mlflow_tabs(anchor)
        case _:
            return client_tabs(client, anchor)


def steps_of(grant: Grant, client: str, latest_tags: Mapping[tuple[str, str], str]) -> tuple[UseStep, ...]:
    """What to paste, in order."""
    match grant.target.kind:
        case TargetKind.HF:
            return hub_steps(grant)
        case TargetKind.S3:
            return store_steps(grant)
        case TargetKind.MLFLOW:
            return mlflow_steps(grant, latest_tags)
        case _:
            return steps_for(client, places_of(grant, latest_tags))


def secret_of(grant: Grant, issued: IssuedToken) -> str:
    """What is shown once: the token, with what goes beside it where clients sign."""
    return store_secret(issued) if grant.target.kind == TargetKind.S3 else issued.token.reveal()
