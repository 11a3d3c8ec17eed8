from __future__ import annotations

import json

import pytest

from jit_access.domain.operations import Tier
from jit_access.proxy_sessions.models import ViewOutbox
from jit_access.targets import services
from jit_access.targets.models import Repository, Target
from tests.support.cast import Cast

pytestmark = pytest.mark.django_db


def test_the_proxies_are_told_in_the_transaction_of_the_change(cast: Cast) -> None:
    target = Target.objects.create(slug="prod-registry", display_name="Prod", base_url="https://registry.example")
    repository = Repository.objects.create(target=target, name="llm/x")
    assert not ViewOutbox.objects.exists()
    services.set_tier(actor=cast.ben, repository=repository, tier=Tier.SENSITIVE)
    assert [json.loads(message) for message in ViewOutbox.objects.values_list("message", flat=True)] == [
        {"type": "targets"}
    ]
