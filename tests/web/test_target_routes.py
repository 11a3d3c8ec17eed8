"""Who hears of requests at a target, by page and over the API. For operators, after a fresh second factor."""

from __future__ import annotations

import json

import pytest

from jit_access.notifications.routes import routes_of
from jit_access.targets.models import Target
from tests.support.cast import Cast
from tests.support.sessions import signed_in
from tests.web.pages_of import text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def target(cast: Cast) -> Target:
    return Target.objects.create(slug="demo", display_name="Demo", base_url="http://127.0.0.1:5000")


def test_operator_sets_both_lists(cast: Cast, target: Target) -> None:
    ben = signed_in(cast.ben, "fresh")
    assert "Who hears of requests" in text_of(ben.get(f"/targets/{target.public_id}"))
    typed = {
        "channels": "C024BE91L, C024BE91M",
        "people": "cleo",
        "escalation_channels": "",
        "escalation_people": "dora",
    }
    assert ben.post(f"/targets/{target.public_id}/routes", typed).status_code == 302
    routes = routes_of(target)
    assert routes.first.channels == ("C024BE91L", "C024BE91M")
    assert (routes.first.people, routes.escalation.people) == ((cast.cleo,), (cast.dora,))
    assert "C024BE91L C024BE91M" in ben.get(f"/targets/{target.public_id}/routes").content.decode()


def test_what_is_wrong_is_said_beside_its_field_and_kept(cast: Cast, target: Target) -> None:
    ben = signed_in(cast.ben, "fresh")
    typed = {"channels": "", "people": "", "escalation_channels": "#general", "escalation_people": ""}
    answered = ben.post(f"/targets/{target.public_id}/routes", typed)
    assert answered.status_code == 422
    assert "#general" in answered.content.decode()
    assert "by their id" in text_of(answered)


def test_others_see_nothing_and_stale_proofs_are_asked_anew(cast: Cast, target: Target) -> None:
    path = f"/targets/{target.public_id}/routes"
    assert signed_in(cast.ada, "fresh").get(path).status_code == 404
    assert signed_in(cast.ben, "stale").get(path).status_code == 302


def test_api_sets_the_same_lists(cast: Cast, target: Target) -> None:
    ben = signed_in(cast.ben, "fresh")
    body = {"first": {"channels": ["C024BE91L"], "people": ["cleo"]}, "escalation": {"channels": [], "people": []}}
    path = "/api/v1/targets/demo/routes"
    answered = ben.put(path, json.dumps(body), content_type="application/json")
    assert answered.status_code == 200, answered.content
    assert ben.get(path).json() == body
    bad = {**body, "first": {"channels": ["general"], "people": []}}
    assert ben.put(path, json.dumps(bad), content_type="application/json").status_code == 400
    assert signed_in(cast.ada, "fresh").get(path).status_code == 404


def test_api_links_slack_in_the_same_three_steps(cast: Cast, settings) -> None:
    from jit_access.notifications import slack_links  # noqa: PLC0415  # used by this test alone

    settings.SLACK_TEAM_ID = "T0TEAM"
    ben, path = signed_in(cast.ben, "fresh"), "/api/v1/me/slack"
    assert ben.get(path).json()["state"] == "none"
    code = ben.post(path, "{}", content_type="application/json").json()["link_code"]
    account = slack_links.SlackAccount("T0TEAM", "U0BEN", "ben")
    slack_links.redeem_code(code_hash=slack_links.hash_code(code), account=account)
    assert ben.get(path).json()["state"] == "waiting"
    linked = ben.put(path, json.dumps({"slack_user": "U0BEN"}), content_type="application/json")
    assert linked.json()["state"] == "linked"
    assert ben.delete(path).status_code == 204
    stale = signed_in(cast.dora, "stale").post(path, "{}", content_type="application/json")
    assert stale.status_code in {401, 403}
