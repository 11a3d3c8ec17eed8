from __future__ import annotations

import pytest

from tests.api.caller import Caller
from tests.support.cast import Cast
from tests.support.lifecycles import TINY, make_world

pytestmark = pytest.mark.django_db
ASKED = {"target": "demo-registry", "repository": TINY, "operation": "pull"}


def test_the_answer_names_what_is_missing_and_who_could_approve(cast: Cast) -> None:
    make_world(cast)
    answer = Caller(cast.ada).get("/policies/why", **ASKED, lasts_s=5 * 3600).json()
    assert (answer["is_allowed"], answer["code"]) == (False, "lasts-too-long")
    assert answer["would_be_allowed_if"] == [["lasts at most 4 h"]]
    assert answer["approvals"] == [{"group": "model-owners", "needed": 1, "people": ["Ben Okafor"]}]
    assert Caller(cast.ci_bot).get("/policies/why", **ASKED).json()["is_allowed"]


def test_for_others_only_security_and_auditors_ask(cast: Cast) -> None:
    make_world(cast)
    assert Caller(cast.dora).get("/policies/why", **ASKED, person="cleo").json()["person"] == "cleo"
    assert Caller(cast.ada).get("/policies/why", **ASKED, person="cleo").status_code == 404
    assert Caller(cast.cleo).get("/policies/why", **ASKED).status_code == 404
    assert Caller(cast.ada).get("/policies/why", target="demo-registry").status_code == 400
    assert Caller(cast.ada).get("/policies/why", **ASKED, extra="1").status_code == 400
