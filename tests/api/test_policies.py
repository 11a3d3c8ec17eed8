from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings

from jit_access.domain.actors import GATEWAY
from jit_access.policies.services import load_policy
from tests.api.caller import Caller
from tests.support.cast import Cast

pytestmark = pytest.mark.django_db


def test_everybody_reads_the_rules_they_live_under(cast: Cast) -> None:
    version = load_policy(actor=GATEWAY, directory=Path(settings.POLICY_DIR))
    answer = Caller(cast.cleo).get("/policies/active")
    assert answer.status_code == 200
    assert answer.json()["version"] == version.number
    assert answer.json()["digest"] == version.digest
    assert '@id("research-critical")' in answer.json()["files"]["people.cedar"]
    assert Caller(cast.cleo, factor="none").get("/policies/active").json()["code"] == "second-factor-missing"


def test_without_a_policy_it_is_said(cast: Cast) -> None:
    answer = Caller(cast.ada).get("/policies/active")
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
    assert "nothing is open" in answer.json()["detail"]
