"""How strongly a holder proved themselves when they started a grant counts for as long as it runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings

from jit_access.core import clock
from jit_access.domain.actors import GATEWAY
from jit_access.domain.errors import PolicyRefusal
from jit_access.domain.lifecycle import GrantState
from jit_access.domain.reasons import Reason
from jit_access.grants import services
from jit_access.grants.models import Grant
from jit_access.grants.policy import ask_about, judge
from jit_access.mfa.assurance import Assurance, Level
from jit_access.policies.questions import Phase
from jit_access.policies.services import load_policy
from tests.support.cast import Cast
from tests.support.lifecycles import BASE, World, fresh, make_world, scheduled

pytestmark = pytest.mark.django_db
_PASSKEYS = """
@id("passkeys-only")
@because("No codes.")
forbid (principal, action, resource) when { !context.is_agent && context.assurance < 3 };
"""


@pytest.fixture
def world(cast: Cast) -> World:
    return make_world(cast)


def passkey() -> Assurance:
    return Assurance(Level.PHISHING_RESISTANT, clock.now(), 0)


def demand_passkeys(directory: Path) -> None:
    for file in Path(settings.POLICY_DIR).iterdir():
        (directory / file.name).write_text(file.read_text())
    (directory / "passkeys.cedar").write_text(_PASSKEYS)
    load_policy(actor=GATEWAY, directory=directory)


@pytest.mark.parametrize(
    ("proof", "level", "goes_on"), [(fresh, 2, False), (passkey, 3, True)], ids=["code", "passkey"]
)
def test_a_rule_that_asks_for_passkeys_ends_what_a_code_started(
    world: World, tmp_path: Path, proof: object, level: int, goes_on: bool
) -> None:
    grant = scheduled(world, BASE)
    started = services.activate_grant(actor=grant.subject, grant=grant, assurance=proof())  # type: ignore[operator]
    assert started.proved_level == level
    demand_passkeys(tmp_path)
    found = Grant.objects.get(pk=grant.pk)
    assert judge(found, ask_about(found, Phase.LIVE)).is_allowed is goes_on
    assert (found.state == GrantState.ACTIVE) is goes_on


def test_nothing_starts_with_a_code_where_passkeys_are_asked_for(world: World, tmp_path: Path) -> None:
    grant = scheduled(world, BASE)
    demand_passkeys(tmp_path)
    with pytest.raises(PolicyRefusal) as refused:
        services.activate_grant(actor=grant.subject, grant=grant, assurance=fresh())
    assert refused.value.reason is Reason.FORBIDDEN_BY_RULE
    started = services.activate_grant(actor=grant.subject, grant=grant, assurance=passkey())
    assert started.state == GrantState.ACTIVE
