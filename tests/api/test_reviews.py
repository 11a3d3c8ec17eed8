from __future__ import annotations

from datetime import timedelta

import pytest

from jit_access.accounts.selectors import groups_of
from jit_access.core import clock
from tests.api.caller import Caller
from tests.support.cast import Cast
from tests.support.lifecycles import make_world

pytestmark = pytest.mark.django_db


def body(**changes: object) -> dict[str, object]:
    deadline = (clock.now() + timedelta(days=7)).isoformat()
    return {"title": "Q4", "groups": ["research"], "reviewers": "model-owners", "deadline": deadline} | changes


def test_start_decide_and_take_the_evidence(cast: Cast) -> None:
    make_world(cast)
    dora, ben = Caller(cast.dora), Caller(cast.ben)
    made = dora.post("/reviews", body())
    assert made.status_code == 201
    review = made.json()
    (item,) = (one["item"] for one in review["items"] if one["account"] == cast.ada.public_id)
    assert [one["id"] for one in ben.get("/reviews").json()["results"]] == [review["id"]]
    refused = Caller(cast.ben, factor="stale").post(f"/reviews/items/{item}/decide", {"keeps": False, "note": "x"})
    assert refused.json()["code"] == "second-factor-stale"
    done = ben.post(f"/reviews/items/{item}/decide", {"keeps": False, "note": "Left"})
    assert (done.status_code, done.json()["decision"]) == (200, "revoked")
    assert "research" not in groups_of(cast.ada)
    assert ben.get(f"/reviews/{review['id']}/evidence").status_code == 404
    evidence = dora.get(f"/reviews/{review['id']}/evidence").json()
    assert len(evidence["proofs"]) == 2


def test_others_find_nothing(cast: Cast) -> None:
    make_world(cast)
    review = Caller(cast.dora).post("/reviews", body()).json()
    for one in (cast.cleo, cast.ada, cast.ci_bot):
        caller = Caller(one)
        assert caller.get("/reviews").json()["results"] == []
        assert caller.get(f"/reviews/{review['id']}").status_code == 404
        assert caller.post("/reviews", body()).status_code == 404
        item = review["items"][0]["item"]
        assert caller.post(f"/reviews/items/{item}/decide", {"keeps": True, "note": "x"}).status_code == 404
    assert Caller(cast.dora).post("/reviews", body(groups=["nowhere"])).status_code == 400
