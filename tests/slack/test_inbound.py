"""What comes from Slack, and what only looks like it. Case 41, each refusal beside the click that counts."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from jit_access.access_requests.models import AccessRequest, Verdict
from jit_access.audit.models import AuditEntry
from jit_access.core import clock as core_clock
from jit_access.domain.lifecycle import RequestState
from jit_access.domain.reasons import Reason
from jit_access.mfa.models import WebSession
from jit_access.slack.models import Click
from tests.slack.conftest import CHANNEL, Workspace
from tests.support.lifecycles import TINY, ask, reload
from tests.support.slack.sender import COMMANDS, INTERACTIONS, sign
from tests.support.slack.server import Message

_SCANNERS = (
    {"User-Agent": "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"},
    {"Sec-Purpose": "prefetch", "Purpose": "prefetch"},
    {"User-Agent": "Mozilla/5.0 (Safe Links)"},
)


def refusals(reason: Reason) -> int:
    return AuditEntry.objects.filter(kind="slack.refused", reason=reason).count()


@pytest.fixture
def asked(space: Workspace) -> AccessRequest:
    request = ask(space.world, TINY)
    space.settle()
    return request


def deny(space: Workspace, who: str = "U0BEN", **changes: object) -> int:
    """Press *Deny* and send the window with a reason, both bent in the same way."""
    pressed = space.sender.click(space.card(), "deny", who, **dict(changes))
    if pressed.status_code != 200 or not space.slack.windows:
        return pressed.status_code
    sent = space.sender.submit(space.slack.windows[-1], "Use the small one", who, **dict(changes))
    space.settle()
    return sent.status_code


def test_denial_acts_at_once(space: Workspace, asked: AccessRequest) -> None:
    assert deny(space) == 200
    assert reload(asked).state == RequestState.DENIED
    assert Verdict.objects.get().note == "Use the small one"
    assert space.card().said.startswith("Denied by Ben Okafor")
    assert space.card().buttons == []
    both = AuditEntry.objects.get(kind="slack.answered")
    assert "U0BEN" in str(both.body)


@pytest.mark.parametrize("seconds", [-301, 302])
def test_old_and_future_ones_are_refused(space: Workspace, asked: AccessRequest, seconds: int) -> None:
    at = int(core_clock.now().timestamp()) + seconds
    assert space.sender.click(space.card(), "deny", "U0BEN", timestamp=at).status_code == 401
    assert refusals(Reason.SLACK_REQUEST_STALE) == 1
    assert not space.slack.windows


@pytest.mark.parametrize("seconds", [-295, 295])
def test_within_five_minutes_counts(space: Workspace, asked: AccessRequest, seconds: int) -> None:
    at = int(core_clock.now().timestamp()) + seconds
    assert space.sender.click(space.card(), "deny", "U0BEN", timestamp=at).status_code == 200
    assert len(space.slack.windows) == 1


def bent(space: Workspace, **headers: str) -> int:
    """The same valid click, with something wrong in its headers."""
    path, body, good = space.sender.last
    return space.sender.client.post(
        path, body, content_type="application/x-www-form-urlencoded", headers={**good, **headers}
    ).status_code


def test_wrong_signatures_are_refused(space: Workspace, asked: AccessRequest) -> None:
    assert space.sender.click(space.card(), "deny", "U0BEN", secret="another").status_code == 401
    good = space.sender.last[2]
    now, right = good["X-Slack-Request-Timestamp"], good["X-Slack-Signature"]
    cases = [
        {"X-Slack-Signature": ""},
        {"X-Slack-Signature": right.upper()},
        {"X-Slack-Signature": "v1" + right[2:]},
        {"X-Slack-Signature": "v0=ü" + right[4:]},
        {"X-Slack-Signature": f"{right},{right}"},  # how a header that came twice arrives
        {"X-Slack-Request-Timestamp": f"{now},{now}"},
        {"X-Slack-Request-Timestamp": ""},
        {"X-Slack-Request-Timestamp": "-1"},
        {"X-Slack-Request-Timestamp": "1e9"},
        {"X-Slack-Request-Timestamp": f" {now}x"},
        {"X-Slack-Request-Timestamp": "9" * 40},
        {"X-Slack-Request-Timestamp": "٣" * 10},
    ]
    for headers in cases:
        assert bent(space, **headers) == 401, headers
    assert not Click.objects.exists()
    assert reload(asked).state == RequestState.PENDING


def test_repeated_headers_with_two_right_values_are_refused(space: Workspace, asked: AccessRequest) -> None:
    assert space.sender.click(space.card(), "deny", "U0BEN").status_code == 200
    right = space.sender.last[2]["X-Slack-Signature"]
    assert bent(space, **{"X-Slack-Signature": f"{right},{right}"}) == 401
    assert bent(space) == 200  # the twin: it is only a repetition


def test_changed_body_is_refused(space: Workspace, asked: AccessRequest) -> None:
    assert space.sender.click(space.card(), "deny", "U0BEN").status_code == 200
    path, body, good = space.sender.last
    changed = body.replace(b"U0BEN", b"U0ADA")
    assert changed != body
    answered = space.sender.client.post(path, changed, content_type="application/x-www-form-urlencoded", headers=good)
    assert answered.status_code == 401
    assert refusals(Reason.SLACK_SIGNATURE_WRONG) == 1


def test_same_valid_body_twice_has_one_effect(space: Workspace, asked: AccessRequest) -> None:
    assert deny(space) == 200
    before = AuditEntry.objects.filter(kind="verdict.given").count()
    assert space.sender.repeat(1).status_code == 200  # so that Slack stops
    assert space.sender.repeat(2).status_code == 200
    space.settle()
    assert AuditEntry.objects.filter(kind="verdict.given").count() == before == 1
    assert refusals(Reason.SLACK_REQUEST_REPEATED) == 2
    assert Click.objects.filter(action="deny").count() == 1


def test_window_is_opened_once(space: Workspace, asked: AccessRequest) -> None:
    space.sender.click(space.card(), "deny", "U0BEN")
    space.sender.repeat()
    assert len(space.slack.windows) == 1


@pytest.mark.parametrize("changes", [{"team": "T0OTHER"}, {"app": "A0OTHER"}, {"user_team": "T0CONNECT"}])
def test_other_workspaces_and_apps_are_refused(space: Workspace, asked: AccessRequest, changes) -> None:
    assert deny(space, **changes) == 403
    assert refusals(Reason.SLACK_OTHER_WORKSPACE) == 1
    assert space.sender.command("link abcde-fghij", "U0CLEO", team="T0OTHER").status_code == 403
    assert space.sender.command("link abcde-fghij", "U0CLEO", app="A0OTHER").status_code == 403
    assert not Click.objects.exists()


@pytest.mark.parametrize(
    "facts",
    [
        {"is_restricted": True},
        {"is_ultra_restricted": True},
        {"is_stranger": True},
        {"is_bot": True},
        {"deleted": True},
        {"team_id": "T0CONNECT"},
        {"id": "U0OTHER"},
    ],
)
def test_guests_and_strangers_are_refused(space: Workspace, asked: AccessRequest, facts) -> None:
    """A link from before somebody became a guest does not help."""
    space.slack.users["U0BEN"].update(facts)
    deny(space)
    assert reload(asked).state == RequestState.PENDING
    assert refusals(Reason.SLACK_GUEST) == 1
    assert any("do not count here" in said for said in space.whispers("ben"))


def test_unlinked_person_is_told_how_to_link(space: Workspace, asked: AccessRequest) -> None:
    deny(space, "U0CLEO")
    space.settle()
    assert reload(asked).state == RequestState.PENDING
    assert refusals(Reason.SLACK_NOT_LINKED) == 1
    assert any("not linked" in said for said in space.whispers("cleo"))
    assert not space.slack.windows


def test_requester_does_not_decide_on_their_own_card(space: Workspace, asked: AccessRequest) -> None:
    deny(space, "U0ADA")
    assert reload(asked).state == RequestState.PENDING
    assert AuditEntry.objects.filter(kind="request.answer.refused", reason=Reason.OWN_REQUEST).count() == 1
    assert any("Nobody approves their own request" in said for said in space.whispers("ada"))


def test_card_of_another_state_is_not_answered(space: Workspace, asked: AccessRequest) -> None:
    """The button carries the hash of what stood on the card."""
    value = f"{asked.public_id}:{'0' * 64}"
    space.sender.click(space.card(), "deny", "U0BEN", value=value)
    space.sender.submit(space.slack.windows[-1], "No", "U0BEN")
    space.settle()
    assert reload(asked).state == RequestState.PENDING
    assert AuditEntry.objects.filter(kind="request.answer.refused", reason=Reason.PAYLOAD_CHANGED).count() == 1


def test_reason_is_asked_and_bounded(space: Workspace, asked: AccessRequest) -> None:
    space.sender.click(space.card(), "deny", "U0BEN")
    window = space.slack.windows[-1]
    for reason in ("", "   ", "x" * 501):
        answered = space.sender.submit(window, reason, "U0BEN")
        assert answered.json()["response_action"] == "errors"
    assert space.sender.submit(window, "x" * 500, "U0BEN").json() == {"response_action": "clear"}
    space.settle()
    assert reload(asked).state == RequestState.DENIED


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"payload=%7B",
        b"payload=%5B%5D",
        b"payload=null",
        b"payload=" + b"%5B" * 5000,
        b"payload=%7B%7D&payload=%7B%7D",
        b"\xff\xfe",
        urlencode({"payload": json.dumps({"type": "block_actions"})}).encode(),
        b"command=%2Faccess",
    ],
)
def test_signed_nonsense_is_refused_and_harmless(space: Workspace, body: bytes) -> None:
    assert space.sender.send(INTERACTIONS, body).status_code in {400, 401}
    assert AuditEntry.objects.filter(kind="slack.refused").count() == 1
    assert not Click.objects.exists()


@pytest.mark.parametrize("value", ["", "req_1:2", "req_" + "a" * 20 + ":" + "g" * 64, "<!channel>"])
def test_button_with_a_value_that_is_not_ours(space: Workspace, asked: AccessRequest, value: str) -> None:
    assert space.sender.click(space.card(), "deny", "U0BEN", value=value).status_code == 400


def test_large_body_is_refused_before_it_is_read(space: Workspace) -> None:
    assert space.sender.send(INTERACTIONS, b"a" * (128 * 1024 + 1)).status_code == 413
    assert refusals(Reason.REQUEST_TOO_LARGE) == 1


def test_browser_of_another_site_gets_nowhere(space: Workspace, asked: AccessRequest) -> None:
    """No cookie counts here, so there is nothing to ride on; without a signature a form is refused."""
    from tests.support.slack.proofs import prove_in_session  # noqa: PLC0415  # used by this test alone

    ben = prove_in_session(space.cast.ben)
    value = space.card().button("deny")["value"]
    payload = {"type": "block_actions", "actions": [{"action_id": "deny", "value": value}], "user": {"id": "U0BEN"}}
    answered = ben.post(
        INTERACTIONS,
        urlencode({"payload": json.dumps(payload)}),
        content_type="application/x-www-form-urlencoded",
        headers={"Origin": "https://evil.test", "Sec-Fetch-Site": "cross-site"},
    )
    assert answered.status_code == 401
    assert not Click.objects.exists()
    for method in (ben.get, ben.head, ben.put, ben.delete):
        assert method(INTERACTIONS).status_code == 405


def test_signature_of_another_time_does_not_pass(space: Workspace, asked: AccessRequest) -> None:
    space.sender.click(space.card(), "deny", "U0BEN")
    now = int(core_clock.now().timestamp())
    moved = {"X-Slack-Request-Timestamp": str(now - 1), "X-Slack-Signature": sign(space.sender.last[1], now)}
    assert bent(space, **moved) == 401


def test_slack_asks_at_two_addresses_and_gets_one_door(space: Workspace) -> None:
    assert space.sender.send(COMMANDS, b"nonsense").status_code == 400


def test_link_of_the_card_is_only_acknowledged(space: Workspace, asked: AccessRequest) -> None:
    assert space.sender.click(space.card(), "review", "U0CLEO").status_code == 200
    assert not Click.objects.exists()


def test_previews_and_scanners_change_nothing(space: Workspace) -> None:
    """Case 40. Slackbot-LinkExpanding, HEAD, prefetch, a mail scanner, with and without the approver's own session."""
    from tests.support.slack.proofs import prove_in_session  # noqa: PLC0415  # used by this test alone

    ben = prove_in_session(space.cast.ben)
    looked: list[tuple[str, int]] = []

    def look(address: str) -> None:
        path = "/" + address.split("/", 3)[3]
        for client in (Client(), ben):
            methods = (client.get, client.head, client.get)
            looked.extend(
                (path, look_with(path, headers=extra).status_code) for extra in _SCANNERS for look_with in methods
            )

    request = ask(space.world, TINY)
    space.settle()
    look_before = _everything(request)
    for address in space.card().addresses:
        look(address)
    assert {status for _, status in looked} <= {200, 302}
    assert any(path.startswith("/approvals/") for path, _ in looked)
    assert _everything(request) == look_before
    assert reload(request).state == RequestState.PENDING


def _everything(request: AccessRequest) -> tuple[object, ...]:
    row = AccessRequest.objects.filter(pk=request.pk).values().get()
    proofs = list(WebSession.objects.order_by("pk").values_list("public_id", "level", "epoch"))
    return row, AuditEntry.objects.count(), Verdict.objects.count(), Session.objects.count(), proofs


def test_message_of_the_channel_gives_no_right(space: Workspace, asked: AccessRequest) -> None:
    """forge PR #311: who was in the channel could decide. Here the clicker is asked for, not the channel."""
    assert isinstance(space.card(), Message)
    from tests.slack.conftest import link  # noqa: PLC0415  # used by this test alone

    link(space.cast.cleo, "U0CLEO")
    deny(space, "U0CLEO")
    assert reload(asked).state == RequestState.PENDING
    assert space.slack.in_channel(CHANNEL)
