from __future__ import annotations

import pytest

from jit_access.policies.selectors import active_version
from tests.api.caller import Caller
from tests.policies.samples import EXAMPLE
from tests.support.cast import Cast, make_person
from tests.support.lifecycles import make_world

pytestmark = pytest.mark.django_db
BODY = {
    "schema_text": EXAMPLE.schema,
    "files": {
        name: text.replace('@lasts_at_most("4h")', '@lasts_at_most("3h")') for name, text in EXAMPLE.files.items()
    },
    "because": "Shorter, after the audit",
}


def test_propose_read_and_sign(cast: Cast) -> None:
    make_world(cast)
    eve = make_person("eve", "security")
    dora, other = Caller(cast.dora), Caller(eve)
    made = dora.post("/policies/proposals", BODY)
    assert made.status_code == 201
    row = made.json()
    assert (row["state"], row["why_not_sign"]) == ("proposed", "own-proposal")
    assert {line["tone"] for one in row["diff"] for line in one["lines"]} == {"place", "", "added", "removed"}
    path = f"/policies/proposals/{row['id']}"
    assert dora.post(f"{path}/sign", {"digest": row["digest"]}).json()["code"] == "own-proposal"
    assert (
        Caller(eve, factor="stale").post(f"{path}/sign", {"digest": row["digest"]}).json()["code"]
        == "second-factor-stale"
    )
    assert other.post(f"{path}/sign", {"digest": "0" * 64}).json()["code"] == "proposal-changed"
    signed = other.post(f"{path}/sign", {"digest": row["digest"]})
    assert (signed.status_code, signed.json()["state"]) == (200, "activated")
    version = active_version()
    assert version is not None
    assert version.digest == row["digest"]
    assert [one["id"] for one in other.get("/policies/proposals").json()["results"]] == [row["id"]]


def test_others_find_nothing(cast: Cast) -> None:
    make_world(cast)
    row = Caller(cast.dora).post("/policies/proposals", BODY).json()
    path = f"/policies/proposals/{row['id']}"
    for one in (cast.ada, cast.ben, cast.ci_bot):
        caller = Caller(one)
        assert caller.get("/policies/proposals").json()["results"] == []
        assert caller.get(path).status_code == 404
        assert caller.post("/policies/proposals", BODY).status_code == 404
        assert caller.post(f"{path}/sign", {"digest": row["digest"]}).status_code == 404
        assert caller.post(f"{path}/withdraw").status_code == 404
    assert Caller(cast.dora).post(f"{path}/withdraw").json()["state"] == "withdrawn"


def test_what_is_broken_is_named(cast: Cast) -> None:
    make_world(cast)
    answer = Caller(cast.dora).post("/policies/proposals", BODY | {"files": {"a.cedar": "permit"}})
    assert (answer.status_code, answer.json()["code"]) == (422, "policy-broken")
    assert Caller(cast.dora).post("/policies/proposals", BODY | {"commit": "main"}).status_code == 400
