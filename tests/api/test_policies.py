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


def test_rules_that_name_things_are_for_those_who_know_all(cast: Cast, tmp_path: Path) -> None:
    for path in Path(settings.POLICY_DIR).iterdir():
        (tmp_path / path.name).write_text(path.read_text())
    rule = '@id("one") @lasts_at_most("1h") permit (principal, action, resource == Repository::"vault/merger");'
    (tmp_path / "one.cedar").write_text(rule)
    load_policy(actor=GATEWAY, directory=tmp_path)
    for person in (cast.ada, cast.cleo, cast.ci_bot):
        answer = Caller(person).get("/policies/active")
        assert (answer.status_code, answer.json()["files"]) == (200, {})
        assert "merger" not in answer.content.decode()
    for person in (cast.ben, cast.dora):
        assert "vault/merger" in Caller(person).get("/policies/active").json()["files"]["one.cedar"]
