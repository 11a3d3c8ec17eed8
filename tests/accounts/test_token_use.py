"""One use of an API token: networks, uses, and what is remembered of it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from jit_access.accounts import services
from jit_access.accounts.models import ApiToken
from jit_access.accounts.services import TokenLimits
from jit_access.accounts.services.token_use import Use, fault_of, find_api_token, take, use_at
from jit_access.audit.models import AuditEntry
from jit_access.core import clock
from jit_access.domain.actors import GATEWAY
from jit_access.domain.errors import CallerError, PolicyRefusal
from jit_access.domain.reasons import Reason
from jit_access.notifications.models import Notification
from tests.support.cast import Cast
from tests.support.racing import race

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def issue(cast: Cast, **limits: object) -> str:
    made = services.issue_api_token(
        actor=cast.ada.ref,
        user=cast.ci_bot,
        name="nightly",
        lasts=DAY,
        limits=TokenLimits(**limits),  # type: ignore[arg-type]  # facts of a test
    )
    return made.text.reveal()


def show(text: str, address: str = "10.1.2.3") -> Reason | None:
    """What authentication does with a token's text."""
    token, use = find_api_token(text), use_at(address)
    assert token is not None
    return fault_of(token, use) or take(token, use)


class TestNetworks:
    @pytest.mark.parametrize(
        "address", ["10.1.2.3", "::ffff:10.1.2.3", "192.0.2.7", "2001:db8::5", "2001:db8:ffff::1%eth0"]
    )
    def test_from_inside_it_works(self, cast: Cast, address: str) -> None:
        text = issue(cast, networks=("10.0.0.0/8", "192.0.2.7", "2001:db8::/32"))
        assert show(text, address) is None
        assert ApiToken.objects.get().last_used_from == address

    @pytest.mark.parametrize("address", ["11.1.2.3", "192.0.2.8", "2001:db9::5", "::a01:203", "", "unknown", "10.1.2"])
    def test_from_elsewhere_it_does_not_and_its_owner_hears_of_it_once(self, cast: Cast, address: str) -> None:
        text = issue(cast, networks=("10.0.0.0/8", "192.0.2.7", "2001:db8::/32"))
        for _ in range(3):
            assert show(text, address) is Reason.TOKEN_ELSEWHERE
        told = Notification.objects.get(kind="token-elsewhere")
        assert told.user == cast.ada
        assert ApiToken.objects.get().last_used_at is None
        assert show(text, "10.0.0.1") is None

    @pytest.mark.parametrize(
        "typed",
        ["10.0.0.5/8", "0.0.0.0/0", "::/0", "ten", "10.0.0.0/33", "::ffff:10.0.0.0/104", "10.0.0.0/8, 11.0.0.0/8", ""],
    )
    def test_what_is_no_network_is_said_beside_the_field(self, cast: Cast, typed: str) -> None:
        with pytest.raises(CallerError) as refusal:
            issue(cast, networks=(typed,))
        assert refusal.value.fields["field"] == "networks"
        assert not ApiToken.objects.exists()
        assert AuditEntry.objects.filter(kind="api-token.issue-refused", reason="invalid-input").exists()

    def test_they_are_kept_in_one_spelling(self, cast: Cast) -> None:
        issue(cast, networks=(" 10.0.0.0/8", "10.0.0.0/255.0.0.0", "192.0.2.7", "2001:DB8:0::/32"))
        assert ApiToken.objects.get().networks == ["10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32"]


class TestUses:
    def test_the_last_one_is_the_last(self, cast: Cast) -> None:
        text = issue(cast, max_uses=2)
        assert [show(text) for _ in range(4)] == [None, None, Reason.TOKEN_SPENT, Reason.TOKEN_SPENT]
        assert ApiToken.objects.get().use_count == 2

    def test_a_refused_use_spends_none(self, cast: Cast) -> None:
        text = issue(cast, max_uses=1, networks=("10.0.0.0/8",))
        assert show(text, "192.0.2.1") is Reason.TOKEN_ELSEWHERE
        assert show(text) is None

    @pytest.mark.parametrize("bad", [0, -1, 1_000_001])
    def test_a_number_out_of_bounds_is_refused(self, cast: Cast, bad: int) -> None:
        with pytest.raises(CallerError):
            issue(cast, max_uses=bad)

    @pytest.mark.django_db(transaction=True)
    def test_parallel_uses_never_exceed_it(self, cast: Cast) -> None:
        text = issue(cast, max_uses=5)
        answers = race([lambda: show(text)] * 20)
        assert (answers.count(None), answers.count(Reason.TOKEN_SPENT)) == (5, 15)  # type: ignore[arg-type]
        assert ApiToken.objects.get().use_count == 5


class TestWhoMakesThem:
    def test_its_owner_does_and_the_agent_itself_does_not(self, cast: Cast) -> None:
        assert show(issue(cast)) is None
        with pytest.raises(PolicyRefusal) as refusal:
            services.issue_api_token(actor=cast.ci_bot.ref, user=cast.ci_bot, name="more", lasts=DAY)
        assert refusal.value.reason is Reason.NOT_FOR_AGENTS
        assert ApiToken.objects.count() == 1
        assert AuditEntry.objects.filter(kind="api-token.issue-refused", reason="not-for-agents").exists()

    def test_who_made_it_is_kept(self, cast: Cast) -> None:
        issue(cast)
        assert ApiToken.objects.get().made_by == cast.ada

    def test_a_suspended_agent_gets_none_and_its_tokens_wait(self, cast: Cast) -> None:
        text = issue(cast)
        services.suspend_agent(actor=cast.ada, agent=cast.ci_bot)
        assert show(text) is Reason.AGENT_SUSPENDED
        with pytest.raises(PolicyRefusal):
            services.issue_api_token(actor=GATEWAY, user=cast.ci_bot, name="more", lasts=DAY)
        services.resume_agent(actor=cast.ada, agent=cast.ci_bot)
        assert show(text) is None


def test_a_use_is_remembered_once_a_minute_or_when_the_place_changes(cast: Cast) -> None:
    text = issue(cast)
    token = find_api_token(text)
    assert token is not None
    now = clock.now()
    for address, seconds, seen in (("10.0.0.1", 0, 0), ("10.0.0.1", 30, 0), ("10.0.0.2", 31, 31), ("10.0.0.2", 92, 92)):
        assert take(token, Use(address, now + timedelta(seconds=seconds))) is None
        token.refresh_from_db()
        assert (token.last_used_from, token.last_used_at) == (address, now + timedelta(seconds=seen))
