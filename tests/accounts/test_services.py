"""Every write to accounts: what it does, what it refuses, and its record."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from jit_access.accounts import changes, services
from jit_access.accounts.models import ApiToken, User
from jit_access.accounts.selectors import find_by_name, groups_of, is_in, members_of
from jit_access.audit.models import AuditEntry
from jit_access.domain.actors import GATEWAY
from jit_access.domain.errors import CallerError, Conflict, PolicyRefusal
from jit_access.domain.reasons import Reason
from jit_access.domain.tokens import TokenKind, hash_token, parse_token
from tests.support.cast import Cast

GOOD_PASSWORD = "an otter hums at dusk"
pytestmark = pytest.mark.django_db


def create(username: str = "mara", **changes: str) -> User:
    facts = {"password": GOOD_PASSWORD, "display_name": "Mara Lind", "email": "mara@example.test"} | changes
    return services.create_person(actor=GATEWAY, username=username, **facts)


def records(kind: str) -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(kind=kind))


class TestPeople:
    def test_a_person_can_be_found_by_any_spelling(self) -> None:
        mara = create("Mara")
        assert mara.username == "mara"
        assert mara.check_password(GOOD_PASSWORD)
        assert find_by_name(" ＭＡＲＡ ") == mara
        assert [entry.actor_id for entry in records("account.created")] == ["gateway"]

    @pytest.mark.parametrize("taken", ["mara", "MARA", "ｍａｒａ", " mara "])
    def test_another_spelling_of_a_taken_name_is_refused(self, taken: str) -> None:
        create("mara")
        with pytest.raises(Conflict):
            create(taken)
        assert len(records("account.created")) == 1

    def test_the_database_refuses_a_second_spelling_too(self) -> None:
        create("mara")
        with pytest.raises(IntegrityError), transaction.atomic():
            User.objects.bulk_create([User(username="MARA", public_id="usr_x", display_name="M")])

    @pytest.mark.parametrize(
        "bad",
        [
            {"password": "short"},
            {"password": "password1234"},
            {"password": "mara lind 123"},
            {"display_name": " "},
            {"display_name": "Mara\u202eLind"},
            {"email": "not an address"},
        ],
    )
    def test_a_weak_or_odd_fact_is_refused_and_nothing_is_stored(self, bad: dict[str, str]) -> None:
        with pytest.raises(CallerError):
            create(**bad)
        assert not User.objects.filter(username="mara").exists()

    def test_a_service_account_belongs_to_a_person_and_has_no_password(self, cast: Cast) -> None:
        bot = services.create_service_account(actor=cast.ada.ref, username="train-bot", owner=cast.ada)
        assert (bot.owner, bot.has_usable_password(), bot.is_person) == (cast.ada, False, False)
        with pytest.raises(CallerError):
            services.create_service_account(actor=cast.ada.ref, username="bots-bot", owner=bot)

    def test_a_new_password_ends_every_session(self, cast: Cast) -> None:
        before = cast.ada.session_epoch
        services.change_password(actor=cast.ada.ref, user=cast.ada, password=GOOD_PASSWORD)
        stored = User.objects.get(pk=cast.ada.pk)
        assert stored.check_password(GOOD_PASSWORD)
        assert stored.session_epoch == before + 1 == cast.ada.session_epoch
        with pytest.raises(CallerError):
            services.change_password(actor=cast.ada.ref, user=cast.ada, password="ada")
        assert len(records("account.password-changed")) == 1

    def test_a_theme_is_one_of_three(self, cast: Cast) -> None:
        services.set_theme(actor=cast.ada.ref, user=cast.ada, theme="dark")
        services.set_theme(actor=cast.ada.ref, user=cast.ada, theme="dark")
        assert User.objects.get(pk=cast.ada.pk).theme == "dark"
        assert len(records("account.theme-set")) == 1
        with pytest.raises(CallerError):
            services.set_theme(actor=cast.ada.ref, user=cast.ada, theme="pink")


class TestGroupsAndLocks:
    @pytest.fixture
    def heard(self) -> Iterator[list[tuple[str, Reason]]]:
        told: list[tuple[str, Reason]] = []

        def handler(user: User, reason: Reason) -> None:
            assert transaction.get_connection().in_atomic_block
            told.append((user.username, reason))

        changes.register(handler)
        changes.register(handler)
        yield told
        changes.unregister(handler)

    def test_membership_counts_at_once_both_ways(self, cast: Cast, heard: list[tuple[str, Reason]]) -> None:
        before = len(records("account.group-added"))
        services.add_to_group(actor=GATEWAY, user=cast.cleo, group="security")
        services.add_to_group(actor=GATEWAY, user=cast.cleo, group="security")
        assert len(records("account.group-added")) == before + 1
        assert is_in(cast.cleo, "security")
        assert heard == []
        services.remove_from_group(actor=GATEWAY, user=cast.cleo, group="security")
        services.remove_from_group(actor=GATEWAY, user=cast.cleo, group="security")
        assert not is_in(cast.cleo, "security")
        assert groups_of(cast.cleo) == frozenset()
        assert heard == [("cleo", Reason.GROUP_MEMBERSHIP_LOST)]
        assert len(records("account.group-removed")) == 1

    @pytest.mark.parametrize("name", ["", "Security", "a b", "a\nb", "x" * 151])
    def test_an_odd_group_name_is_refused(self, cast: Cast, name: str) -> None:
        with pytest.raises(CallerError):
            services.add_to_group(actor=GATEWAY, user=cast.cleo, group=name)

    def test_a_lock_is_told_for_the_person_and_their_machines(
        self, cast: Cast, heard: list[tuple[str, Reason]]
    ) -> None:
        services.lock_account(actor=cast.dora.ref, user=cast.ada, note="laptop lost")
        services.lock_account(actor=cast.dora.ref, user=cast.ada)
        # The repeat is told too: whoever locked first, a directory say, may no longer be the one who unlocks.
        locked, alone = Reason.ACCOUNT_LOCKED, Reason.AGENT_WITHOUT_OWNER
        assert heard == [("ada", locked), ("ci-bot", alone), ("ada", locked)]
        assert (cast.ada.is_active, cast.ada.session_epoch) == (False, 2)
        assert [entry.reason for entry in records("account.locked")] == ["account-locked"] * 2

    def test_a_locked_member_decides_nothing_and_an_unlocked_one_does(self, cast: Cast) -> None:
        services.lock_account(actor=GATEWAY, user=cast.dora)
        assert not is_in(cast.dora, "security")
        assert cast.dora not in members_of("security")
        services.unlock_account(actor=GATEWAY, user=cast.dora)
        assert is_in(cast.dora, "security")
        assert cast.dora in members_of("security")

    def test_machines_are_not_members_who_decide(self, cast: Cast) -> None:
        assert list(members_of("research")) == [cast.ada]

    def test_a_handler_that_fails_takes_the_lock_back(self, cast: Cast) -> None:
        def fail(user: User, reason: Reason) -> None:
            raise RuntimeError("grants could not be ended")

        changes.register(fail)
        try:
            with pytest.raises(RuntimeError):
                services.lock_account(actor=GATEWAY, user=cast.ada)
        finally:
            changes.unregister(fail)
        assert User.objects.get(pk=cast.ada.pk).is_active
        assert records("account.locked") == []


class TestAPITokens:
    def issue(self, user: User, **changes: object) -> services.IssuedToken:
        facts: dict[str, object] = {"name": "laptop", "lasts": timedelta(days=1)} | changes
        return services.issue_api_token(actor=user.ref, user=user, **facts)  # type: ignore[arg-type]

    def test_the_text_is_given_once_and_only_its_hash_is_kept(self, cast: Cast) -> None:
        issued = self.issue(cast.ada)
        text = issued.text.reveal()
        parts = parse_token(text)
        assert parts is not None
        assert (parts.kind, parts.token_id) == (TokenKind.API, issued.token.token_id)
        assert issued.token.token_hash == hash_token(text)
        assert text not in repr(issued)
        secret = text.split("_")[3]
        assert not any(secret in str(value) for row in ApiToken.objects.values() for value in row.values())
        assert not any(secret in entry.body for entry in AuditEntry.objects.all())

    @pytest.mark.parametrize(
        "bad", [{"name": " "}, {"name": "x" * 81}, {"lasts": timedelta(days=91)}, {"lasts": timedelta(0)}]
    )
    def test_odd_names_and_lives_are_refused(self, cast: Cast, bad: dict[str, object]) -> None:
        with pytest.raises(CallerError):
            self.issue(cast.ada, **bad)

    def test_a_locked_account_gets_no_token(self, cast: Cast) -> None:
        services.lock_account(actor=GATEWAY, user=cast.ada)
        with pytest.raises(PolicyRefusal):
            self.issue(cast.ada)

    def test_revoking_twice_is_recorded_once(self, cast: Cast) -> None:
        token = self.issue(cast.ada).token
        services.revoke_api_token(actor=cast.ada.ref, token=token)
        services.revoke_api_token(actor=cast.ada.ref, token=token)
        assert token.revoked_at is not None
        assert len(records("api-token.revoked")) == 1
