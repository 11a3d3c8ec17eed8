"""Fixtures for the helpers of `jit`: the API itself on a port, a small world, and ci-bot's machine."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from jit_access.accounts.services import issue_api_token
from jit_access.domain.actors import GATEWAY
from jit_access.targets.models import Repository, Target, TargetKind
from tests.support.cast import make_cast
from tests.support.lifecycles import World, make_world
from tests.support.machine import Machine, make_machine

GATEWAY_HOST = "gateway.test:8443"


@pytest.fixture
def world(transactional_db: None, settings: Any) -> World:
    settings.GATEWAY_URL, settings.GATEWAY_TLS_URL = f"https://{GATEWAY_HOST}", ""
    return make_world(make_cast())


@pytest.fixture
def machine(world: World, live_server: Any, tmp_path: Path) -> Machine:
    """Of ci-bot, who needs nobody's approval for what is standard."""
    issued = issue_api_token(actor=GATEWAY, user=world.cast.ci_bot, name="ci", lasts=timedelta(days=1))
    return make_machine(tmp_path, live_server.url, token=issued.text.reveal())


def add_target(slug: str, kind: TargetKind, *names: str) -> Target:
    """Another place that is guarded, with something standard in it."""
    target = Target.objects.create(slug=slug, kind=kind, display_name=slug, base_url="http://127.0.0.1:5001")
    for name in names:
        Repository.objects.create(target=target, name=name, tier="standard", latest_tag="v1")
    return target
