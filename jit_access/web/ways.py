"""How a grant is used, by the kind of its target: which clients there are, and their commands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from jit_access.credentials.services import IssuedToken
from jit_access.grants.models import Grant
from jit_access.targets.models import TargetKind
from jit_access.web.commands import client_tabs, places_of, steps_for
from jit_access.web.hub_commands import hub_steps, hub_tabs
from jit_access.web.mlflow_commands import mlflow_steps, mlflow_tabs
from jit_access.web.store_commands import store_secret, store_steps, store_tabs
from jit_access.web.viewmodels.my_access import ClientTab, UseStep

Tabs = tuple[ClientTab, ...]
Steps = tuple[UseStep, ...]
LatestTags = Mapping[tuple[str, str], str]


def _token(issued: IssuedToken) -> str:
    return issued.token.reveal()


@dataclass(frozen=True, slots=True)
class Way:
    """One kind of target. `tabs` takes the chosen client and an anchor, `secret` what was issued just now.

    `paste` says where that goes.
    """

    tabs: Callable[[str, str], Tabs]
    steps: Callable[[Grant, str, LatestTags], Steps]
    secret: Callable[[IssuedToken], str] = _token
    paste: str = "Run the first command below, paste it, and press Enter; nothing is shown while you paste."


WAYS: Mapping[str, Way] = {
    TargetKind.OCI: Way(
        client_tabs,
        lambda grant, client, latest: steps_for(client, places_of(grant, latest)),
        paste="Paste it when the client asks for a password.",
    ),
    TargetKind.HF: Way(lambda _, anchor: hub_tabs(anchor), lambda grant, *_: hub_steps(grant)),
    TargetKind.S3: Way(lambda _, anchor: store_tabs(anchor), lambda grant, *_: store_steps(grant), store_secret),
    TargetKind.MLFLOW: Way(lambda _, anchor: mlflow_tabs(anchor), lambda grant, _, latest: mlflow_steps(grant, latest)),
}


def tabs_of(grant: Grant, client: str, anchor: str = "") -> Tabs:
    """The clients that speak to this kind of target."""
    return WAYS[grant.target.kind].tabs(client, anchor)


def steps_of(grant: Grant, client: str, latest_tags: LatestTags) -> Steps:
    """What to paste, in order."""
    return WAYS[grant.target.kind].steps(grant, client, latest_tags)


def paste_hint(grant: Grant) -> str:
    """Where to paste what is shown."""
    return WAYS[grant.target.kind].paste


def secret_of(grant: Grant, issued: IssuedToken) -> str:
    """What is shown once: the token, with what goes beside it where clients sign."""
    return WAYS[grant.target.kind].secret(issued)
