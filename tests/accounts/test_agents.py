"""Service accounts and those who answer for them: what stops, what goes on, and who says so."""

from __future__ import annotations

from datetime import timedelta

import pytest

from jit_access.accounts import services
from jit_access.accounts.models import ApiToken, StoppedBecause, User
from jit_access.accounts.selectors import groups_of
from jit_access.accounts.services import AgentOrder
from jit_access.accounts.standing import why_stopped
from jit_access.audit.models import AuditEntry
from jit_access.domain.actors import GATEWAY
from jit_access.domain.errors import Conflict, NotFound, PolicyRefusal
from jit_access.domain.lifecycle import GrantState
from jit_access.domain.reasons import Reason
from jit_access.notifications.models import Notification
from tests.support.cast import Cast, make_person
from tests.support.lifecycles import BASE, World, active, make_world, reload
from tests.support.racing import race

pytestmark = pytest.mark.django_db
ORDER = AgentOrder("eval-nightly", "Scores each night's checkpoints", groups=frozenset({"research"}))


def again(user: User) -> User:
    return User.objects.select_related("owner").get(pk=user.pk)


class TestOwnersWhoLeave:
    def test_their_agents_stop_until_they_come_back_and_say_so(self, cast: Cast) -> None:
        world = make_world(cast)
        held = active(world, BASE, actor=cast.ci_bot)
        services.lock_account(actor=cast.dora.ref, user=cast.ada)
        assert why_stopped(again(cast.ci_bot)) is Reason.AGENT_WITHOUT_OWNER
        assert reload(held).end_reason == Reason.AGENT_WITHOUT_OWNER
        services.unlock_account(actor=cast.dora.ref, user=cast.ada)
        assert why_stopped(again(cast.ci_bot)) is Reason.AGENT_WITHOUT_OWNER
        services.resume_agent(actor=cast.ada, agent=cast.ci_bot)
        assert why_stopped(again(cast.ci_bot)) is None
        assert reload(held).state == GrantState.REVOKING

    def test_security_does_not_unlock_one_that_nobody_answers_for(self, cast: Cast) -> None:
        services.lock_account(actor=cast.dora.ref, user=cast.ada)
        with pytest.raises(Conflict) as refusal:
            services.unlock_account(actor=cast.dora.ref, user=cast.ci_bot)
        assert refusal.value.reason is Reason.AGENT_WITHOUT_OWNER
        services.unlock_account(actor=cast.dora.ref, user=cast.ada)
        services.unlock_account(actor=cast.dora.ref, user=cast.ci_bot)
        assert why_stopped(again(cast.ci_bot)) is None

    def test_who_leaves_a_group_takes_their_agents_out_of_it(self, cast: Cast) -> None:
        services.remove_from_group(actor=GATEWAY, user=cast.ada, group="research")
        assert groups_of(cast.ci_bot) == frozenset()

    def test_an_agent_in_a_group_that_its_owner_never_had_keeps_it(self, cast: Cast) -> None:
        services.add_to_group(actor=GATEWAY, user=cast.ci_bot, group="ticket-systems")
        services.remove_from_group(actor=GATEWAY, user=cast.ada, group="research")
        assert groups_of(cast.ci_bot) == {"ticket-systems"}


class TestLocksOfSecurity:
    def test_an_owner_does_not_undo_them(self, cast: Cast) -> None:
        services.suspend_agent(actor=cast.ada, agent=cast.ci_bot)
        services.lock_account(actor=cast.dora.ref, user=cast.ci_bot)
        with pytest.raises(PolicyRefusal) as refusal:
            services.resume_agent(actor=cast.ada, agent=cast.ci_bot)
        assert refusal.value.reason is Reason.ACCOUNT_LOCKED
        assert AuditEntry.objects.filter(kind="agent.resume-refused").count() == 1
        services.unlock_account(actor=cast.dora.ref, user=cast.ci_bot)
        assert why_stopped(again(cast.ci_bot)) is None

    def test_a_retired_one_stays_retired(self, cast: Cast) -> None:
        services.retire_agent(actor=cast.ada, agent=cast.ci_bot)
        services.lock_account(actor=cast.dora.ref, user=cast.ci_bot)
        with pytest.raises(Conflict):
            services.unlock_account(actor=cast.dora.ref, user=cast.ci_bot)
        assert again(cast.ci_bot).stopped_because == StoppedBecause.RETIRED


class TestMaking:
    def test_only_its_owner_may_anything(self, cast: Cast) -> None:
        agent = services.make_agent(actor=cast.ada, order=ORDER)
        assert services.suspend_agent(actor=cast.ada, agent=agent).stopped_because == StoppedBecause.BY_OWNER
        for other in (cast.ben, cast.dora, agent):
            with pytest.raises(NotFound):
                services.resume_agent(actor=other, agent=agent)
        assert AuditEntry.objects.filter(kind="agent.resume-refused", reason="not-found").count() == 3

    def test_an_agent_owns_none(self, cast: Cast) -> None:
        with pytest.raises(PolicyRefusal) as refusal:
            services.make_agent(actor=cast.ci_bot, order=ORDER)
        assert refusal.value.reason is Reason.NOT_FOR_AGENTS
        services.make_agent(actor=cast.ada, order=ORDER)

    @pytest.mark.django_db(transaction=True)
    @pytest.mark.postgres
    def test_ten_at_once_are_never_more_than_one_may_have(self, cast: Cast, settings: object) -> None:
        settings.AGENTS_PER_PERSON = 3  # type: ignore[attr-defined]  # pytest-django's

        def make(number: int) -> User:
            return services.make_agent(actor=cast.ada, order=AgentOrder(f"bot-{number}", "One of many that race"))

        found = race([lambda number=number: make(number) for number in range(10)])  # type: ignore[misc]
        assert sum(isinstance(one, User) for one in found) == 2
        assert cast.ada.service_accounts.count() == 3


class TestHandingOver:
    @pytest.fixture
    def world(self, cast: Cast) -> World:
        return make_world(cast)

    def test_what_the_former_owner_had_is_worth_nothing(self, world: World) -> None:
        cast = world.cast
        services.issue_api_token(actor=cast.ada.ref, user=cast.ci_bot, name="ci", lasts=timedelta(days=1))
        held = active(world, BASE, actor=cast.ci_bot)
        offer = services.offer_agent(actor=cast.ada, agent=cast.ci_bot, to=cast.ben)
        assert reload(held).state == GrantState.ACTIVE
        assert Notification.objects.get(kind="agent-offered").user == cast.ben
        services.accept_agent(actor=cast.ben, offer=offer)
        assert again(cast.ci_bot).owner == cast.ben
        assert ApiToken.objects.get().end_reason == Reason.OWNER_CHANGED
        assert reload(held).end_reason in {Reason.OWNER_CHANGED, Reason.GROUP_MEMBERSHIP_LOST}
        with pytest.raises(NotFound):
            services.suspend_agent(actor=cast.ada, agent=cast.ci_bot)

    def test_one_acceptance_counts_once(self, cast: Cast) -> None:
        offer = services.offer_agent(actor=cast.ada, agent=cast.ci_bot, to=cast.ben)
        services.accept_agent(actor=cast.ben, offer=offer)
        with pytest.raises(Conflict) as refusal:
            services.accept_agent(actor=cast.ben, offer=offer)
        assert refusal.value.reason is Reason.OFFER_CLOSED

    def test_another_offer_replaces_the_first(self, cast: Cast) -> None:
        mia = make_person("mia", "research")
        first = services.offer_agent(actor=cast.ada, agent=cast.ci_bot, to=cast.ben)
        second = services.offer_agent(actor=cast.ada, agent=cast.ci_bot, to=mia)
        with pytest.raises(Conflict):
            services.accept_agent(actor=cast.ben, offer=first)
        services.accept_agent(actor=mia, offer=second)
        assert groups_of(cast.ci_bot) == {"research"}

    def test_an_offer_of_security_ends_when_the_owner_is_back(self, cast: Cast) -> None:
        services.lock_account(actor=cast.dora.ref, user=cast.ada)
        offer = services.offer_agent(actor=cast.dora, agent=again(cast.ci_bot), to=cast.ben)
        services.unlock_account(actor=cast.dora.ref, user=cast.ada)
        with pytest.raises(Conflict):
            services.accept_agent(actor=cast.ben, offer=offer)
