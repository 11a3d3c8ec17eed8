"""Tokens that follow one another, and two holders of one of them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from jit_access.accounts import services
from jit_access.accounts.models import ApiToken, ApiTokenFamily
from jit_access.accounts.services import Collected, Rotation, TokenLimits
from jit_access.accounts.services.rotation import make_due_generations
from jit_access.accounts.services.token_use import find_api_token
from jit_access.audit.models import AuditEntry
from jit_access.domain.errors import CallerError, Conflict
from jit_access.domain.reasons import Reason
from jit_access.notifications.models import Alert, Notification
from tests.accounts.test_token_use import show
from tests.conftest import Clock
from tests.support.cast import Cast
from tests.support.racing import race

pytestmark = pytest.mark.django_db
DAYS = timedelta(days=1)
WEEKLY = Rotation(every=7 * DAYS, overlap=1 * DAYS)


def first(cast: Cast, rotation: Rotation = WEEKLY, days: int = 90, **limits: object) -> str:
    made = services.issue_api_token(
        actor=cast.ada.ref,
        user=cast.ci_bot,
        name="nightly",
        lasts=days * DAYS,
        limits=TokenLimits(rotation=rotation, **limits),  # type: ignore[arg-type]  # facts of a test
    )
    return made.text.reveal()


def collect(text: str) -> Collected:
    token = find_api_token(text)
    assert token is not None
    return services.collect_next(token=token)


def next_of(text: str) -> str:
    found = collect(text).text
    assert found is not None
    return found.reveal()


def family() -> ApiTokenFamily:
    return ApiTokenFamily.objects.get()


class TestFollowing:
    def test_before_it_is_due_there_is_none(self, cast: Cast, clock: Clock) -> None:
        one = first(cast)
        assert show(one) is None
        clock.advance(days=6.9)
        found = collect(one)
        assert (found.token, found.text) == (None, None)
        assert found.due_at == family().due_at
        assert make_due_generations() == 0

    def test_the_beat_makes_it_and_its_holder_collects_it(self, cast: Cast, clock: Clock) -> None:
        one = first(cast, networks=("10.0.0.0/8",), max_uses=50)
        assert show(one) is None
        clock.advance(days=7)
        assert make_due_generations() == 1
        assert make_due_generations() == 0
        waiting = ApiToken.objects.get(generation=2)
        assert waiting.sealed_token.startswith("v1.")
        two = next_of(one)
        waiting.refresh_from_db()
        assert waiting.sealed_token == ""
        assert (waiting.networks, waiting.max_uses, waiting.made_by) == (["10.0.0.0/8"], 50, cast.ada)
        assert show(one) is None  # until the new one is used
        assert show(two) is None
        assert [entry.kind for entry in AuditEntry.objects.filter(kind__startswith="api-token.").order_by("seq")] == [
            "api-token.issued", "api-token.taken-up", "api-token.rotated", "api-token.collected", "api-token.taken-up",
        ]  # fmt: skip

    def test_without_the_beat_it_is_made_when_it_is_asked_for(self, cast: Cast, clock: Clock) -> None:
        one = first(cast)
        assert show(one) is None
        clock.advance(days=7)
        assert show(next_of(one)) is None

    def test_one_that_nobody_uses_dies_by_itself(self, cast: Cast, clock: Clock) -> None:
        one = first(cast)
        assert show(one) is None
        clock.advance(days=7.99)
        assert show(one) is None
        clock.advance(days=0.01)
        assert show(one) is Reason.TOKEN_EXPIRED
        assert make_due_generations() == 0

    def test_it_goes_on_to_the_end_of_the_family_and_no_further(self, cast: Cast, clock: Clock) -> None:
        text = first(cast, days=15)
        for _ in range(2):
            assert show(text) is None
            clock.advance(days=7)
            text = next_of(text)
        assert show(text) is None
        assert ApiToken.objects.get(generation=3).expires_at == family().ends_at
        assert collect(text).due_at is None
        clock.advance(days=1.01)
        assert show(text) is Reason.TOKEN_EXPIRED

    def test_nothing_is_made_on_top_of_what_nobody_took_up(self, cast: Cast, clock: Clock) -> None:
        one = first(cast, Rotation(every=7 * DAYS, overlap=7 * DAYS))
        assert show(one) is None
        clock.advance(days=7)
        assert make_due_generations() == 1
        clock.advance(days=6.9)
        assert make_due_generations() == 0
        assert family().newest_generation == 2

    def test_whoever_answers_for_it_hears_that_nobody_came(self, cast: Cast, clock: Clock) -> None:
        one = first(cast)
        assert show(one) is None
        clock.advance(days=7)
        make_due_generations()
        assert not Notification.objects.filter(kind="token-uncollected").exists()
        clock.advance(hours=12.1)
        make_due_generations()
        make_due_generations()
        assert Notification.objects.get(kind="token-uncollected").user == cast.ada

    def test_revoking_one_ends_its_family(self, cast: Cast, clock: Clock) -> None:
        one = first(cast)
        assert show(one) is None
        clock.advance(days=7)
        two = next_of(one)
        token = find_api_token(one)
        assert token is not None
        services.revoke_api_token(actor=cast.ada.ref, token=token)
        assert (show(one), show(two)) == (Reason.TOKEN_REVOKED, Reason.TOKEN_REVOKED)
        assert family().locked_at is None

    @pytest.mark.parametrize(
        "bad",
        [
            Rotation(timedelta(minutes=59), timedelta(minutes=10)),
            Rotation(31 * DAYS, DAYS),
            Rotation(7 * DAYS, timedelta(minutes=9)),
            Rotation(7 * DAYS, 8 * DAYS),
            Rotation(timedelta(hours=1), timedelta(hours=2)),
        ],
    )
    def test_times_out_of_bounds_are_refused(self, cast: Cast, bad: Rotation) -> None:
        with pytest.raises(CallerError):
            first(cast, bad)
        assert not ApiTokenFamily.objects.exists()


class TestLostAnswers:
    def test_once_more_after_a_while_and_then_no_more(self, cast: Cast, clock: Clock) -> None:
        one = first(cast)
        assert show(one) is None
        clock.advance(days=7)
        lost = next_of(one)
        with pytest.raises(Conflict) as refusal:
            collect(one)
        assert refusal.value.reason is Reason.TOKEN_COLLECTED
        clock.advance(seconds=31)
        again = next_of(one)
        assert again != lost
        clock.advance(seconds=31)
        with pytest.raises(Conflict):
            collect(one)
        assert show(again) is None
        assert family().locked_at is None

    def test_the_first_text_is_dead_then_and_showing_it_locks(self, cast: Cast, clock: Clock) -> None:
        one = first(cast)
        assert show(one) is None
        clock.advance(days=7)
        theirs = next_of(one)
        clock.advance(seconds=31)
        ours = next_of(one)
        assert show(ours) is None
        assert show(theirs) is Reason.TOKEN_COPIED
        assert show(ours) is Reason.TOKEN_COPIED


class TestTwoHolders:
    @pytest.fixture
    def used(self, cast: Cast, clock: Clock) -> tuple[str, str]:
        """An older token and a newer one, both of which were used."""
        one = first(cast)
        assert show(one) is None
        clock.advance(days=7)
        two = next_of(one)
        assert show(two) is None
        return one, two

    def test_an_older_one_after_a_newer_one_locks_the_family(self, cast: Cast, used: tuple[str, str]) -> None:
        one, two = used
        assert show(two) is None
        assert show(one, "198.51.100.7") is Reason.TOKEN_COPIED
        assert show(two) is Reason.TOKEN_COPIED
        assert family().locked_at is not None
        entry = AuditEntry.objects.get(kind="api-token.two-holders")
        assert "198.51.100.7" in entry.body
        assert {row.user for row in Notification.objects.filter(kind="token-copied")} == {cast.ada, cast.dora}
        assert Alert.objects.get(kind="token-copied").path == f"/agents/{cast.ci_bot.public_id}"
        with pytest.raises(Conflict):
            collect(two)

    def test_it_is_told_once(self, cast: Cast, used: tuple[str, str]) -> None:
        for _ in range(3):
            assert show(used[0]) is Reason.TOKEN_COPIED
        assert AuditEntry.objects.filter(kind="api-token.two-holders").count() == 1

    def test_other_tokens_of_the_account_go_on(self, cast: Cast, used: tuple[str, str]) -> None:
        other = services.issue_api_token(actor=cast.ada.ref, user=cast.ci_bot, name="other", lasts=DAYS).text.reveal()
        assert show(used[0]) is Reason.TOKEN_COPIED
        assert show(other) is None

    def test_a_newer_one_that_was_refused_took_up_nothing(self, cast: Cast, clock: Clock) -> None:
        one = first(cast, networks=("10.0.0.0/8",))
        assert show(one) is None
        clock.advance(days=7)
        two = next_of(one)
        assert show(two, "192.0.2.1") is Reason.TOKEN_ELSEWHERE
        assert show(one) is None
        assert family().locked_at is None

    def test_an_old_one_of_a_family_that_is_over_ends_nothing_more(self, cast: Cast, used: tuple[str, str]) -> None:
        token = find_api_token(used[1])
        assert token is not None
        services.revoke_api_token(actor=cast.ada.ref, token=token)
        assert show(used[0]) is Reason.TOKEN_REPLACED
        assert family().locked_at is None


@pytest.mark.django_db(transaction=True)
class TestRaces:
    def test_twenty_collect_at_once_and_one_gets_it(self, cast: Cast, clock: Clock) -> None:
        one = first(cast)
        assert show(one) is None
        clock.advance(days=7)
        found = race([lambda: collect(one)] * 20)
        got = [answer for answer in found if isinstance(answer, Collected)]
        assert len(got) == 1
        assert {type(answer) for answer in found if answer is not got[0]} == {Conflict}
        assert ApiToken.objects.filter(family=family()).count() == 2
        assert got[0].text is not None
        assert show(got[0].text.reveal()) is None

    def test_many_makers_make_one(self, cast: Cast, clock: Clock) -> None:
        one = first(cast)
        assert show(one) is None
        clock.advance(days=7)
        assert sum(race([make_due_generations] * 8)) == 1  # type: ignore[arg-type]  # none of them refuses
        assert family().newest_generation == 2

    def test_both_at_once_end_locked_or_in_order(self, cast: Cast, clock: Clock) -> None:
        one = first(cast)
        assert show(one) is None
        clock.advance(days=7)
        two = next_of(one)
        race([lambda: show(one), lambda: show(two)] * 5)
        assert show(one) is Reason.TOKEN_COPIED
        assert show(two) is Reason.TOKEN_COPIED
