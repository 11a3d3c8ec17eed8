"""What scanners report is revoked at once, told to whoever answers for it, and never confirmed to anybody."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client

from jit_access.accounts.models import ApiToken
from jit_access.accounts.services import revoke_api_token
from jit_access.api import throttling
from jit_access.api.leaked_tokens import BRAKE
from jit_access.audit.models import AuditEntry
from jit_access.core.ids import new_token_id, new_token_secret
from jit_access.credentials.models import CredentialLease
from jit_access.domain.actors import GATEWAY
from jit_access.domain.lifecycle import GrantState, LeaseState
from jit_access.domain.reasons import Reason
from jit_access.domain.tokens import TokenKind, format_token
from jit_access.grants import services as grants
from jit_access.notifications.models import Alert, Notification
from jit_access.oauth.access_tokens import Terms, issue_access_token
from jit_access.oauth.models import AccessToken
from jit_access.proxy_sessions.models import SessionViewRow
from tests.accounts.test_rotation import first
from tests.accounts.test_token_use import issue, show
from tests.api.caller import ROOT
from tests.support.cast import Cast
from tests.support.lifecycles import BASE, World, active, make_world, reload

pytestmark = pytest.mark.django_db


def report(*texts: str, address: str = "192.0.2.9", **more: Any) -> Any:
    body = {"texts": list(texts), "source": "git.example/ada/notes"} | more
    return Client(REMOTE_ADDR=address).post(f"{ROOT}/leaked-tokens", body, content_type="application/json")


@pytest.fixture(autouse=True)
def within_one_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted anew for each test, and no test crosses the edge of a window."""
    throttling.forget()
    monkeypatch.setattr(throttling, "time", SimpleNamespace(monotonic=lambda: 0.0))


@pytest.fixture
def world(cast: Cast) -> World:
    return make_world(cast)


def test_an_api_token_ends_with_all_that_its_account_held(world: World) -> None:
    cast = world.cast
    text, held = issue(cast), active(world, BASE, actor=cast.ci_bot)
    answer = report(f'API_TOKEN = "{text}"  # nightly')
    assert (answer.status_code, answer.json()) == (202, {"received": 1})
    assert show(text) is Reason.TOKEN_LEAKED
    assert (reload(held).state, reload(held).end_reason) == (GrantState.REVOKING, Reason.TOKEN_LEAKED)
    assert {row.user for row in Notification.objects.filter(kind="token-leaked")} == {cast.ada, cast.dora}
    assert "git.example/ada/notes" in Notification.objects.filter(kind="token-leaked")[0].text
    assert Alert.objects.filter(kind="token-leaked").count() == 1
    entry = AuditEntry.objects.get(kind="token.leaked")
    assert (entry.reason, text in entry.body) == ("token-leaked", False)


def test_a_family_ends_as_a_whole(cast: Cast) -> None:
    text = first(cast)
    assert show(text) is None
    report(text)
    assert show(text) is Reason.TOKEN_LEAKED
    assert not ApiToken.objects.filter(revoked_at=None).exists()


def test_a_token_of_a_grant_ends_alone_and_the_proxies_are_told(world: World) -> None:
    grant = active(world, BASE)
    issued = grants.issue_token(actor=world.cast.ada, grant=grant, label="laptop")
    other = grants.issue_token(actor=world.cast.ada, grant=grant, label="node")
    before = SessionViewRow.objects.get(grant_id=grant.public_id).epoch
    report(issued.token.reveal())
    lease = CredentialLease.objects.get(pk=issued.lease.pk)
    assert (lease.state, lease.end_reason) == (LeaseState.REVOKED, Reason.TOKEN_LEAKED)
    assert CredentialLease.objects.get(pk=other.lease.pk).state == LeaseState.ISSUED
    assert SessionViewRow.objects.get(grant_id=grant.public_id).epoch > before
    assert reload(grant).state == GrantState.ACTIVE


def test_an_access_token_ends(cast: Cast) -> None:
    made = issue_access_token(actor=GATEWAY, user=cast.ada, terms=Terms(timedelta(hours=1), "api"))
    report(made.text.reveal())
    assert AccessToken.objects.get().revoked_at is not None
    assert AuditEntry.objects.filter(kind="token.leaked").count() == 1


def test_what_is_not_ours_or_over_gets_the_same_answer(cast: Cast) -> None:
    live, over = issue(cast), issue(cast)
    token = ApiToken.objects.latest("pk")
    revoke_api_token(actor=cast.ada.ref, token=token)
    made_up = [format_token(kind, new_token_id(), new_token_secret()) for kind in TokenKind]
    answers = [report(text) for text in (live, over, live, *made_up, live[:-1] + "x", "nothing here", " ")]
    assert {(one.status_code, one.content) for one in answers} == {(202, b'{"received":1}')}
    assert {tuple(sorted(one.headers)) for one in answers} == {tuple(sorted(answers[0].headers))}
    assert AuditEntry.objects.filter(kind="token.leaked").count() == 1
    assert AuditEntry.objects.filter(kind="leaked-tokens.reported").count() == len(answers) - 1


@pytest.mark.parametrize(
    "bad",
    [{"texts": []}, {"texts": ["x"] * 101}, {"texts": ["x" * 4097]}, {"texts": "x"}, {"texts": [1.5, {}]}, {"more": 1}],
)
def test_what_is_out_of_bounds_is_refused(cast: Cast, bad: dict[str, object]) -> None:
    assert report(**({"texts": ["x"]} | bad)).status_code == 400  # type: ignore[arg-type]
    assert report("x").status_code == 202


def test_one_network_reports_so_often_and_another_goes_on(cast: Cast) -> None:
    text = issue(cast)
    answers = [report("x").status_code for _ in range(BRAKE.quota + 3)]
    assert answers == [202] * BRAKE.quota + [429] * 3
    assert report(text).status_code == 429
    assert show(text) is None
    assert report(text, address="198.51.100.4").status_code == 202
    assert show(text) is Reason.TOKEN_LEAKED


def test_a_report_needs_nobody_and_a_bad_token_beside_it_is_no_matter(cast: Cast) -> None:
    text = issue(cast)
    body = {"texts": [text]}
    answer = Client().post(
        f"{ROOT}/leaked-tokens", body, content_type="application/json", headers={"Authorization": "Bearer x"}
    )
    assert answer.status_code == 202
    assert show(text) is Reason.TOKEN_LEAKED
