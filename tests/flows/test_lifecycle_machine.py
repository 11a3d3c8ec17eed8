"""Any order of asking, answering, starting, ending and waiting keeps the invariants I2 to I4.

A model keeps what people may rely on; hypothesis looks for an order of events that breaks it.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from jit_access.access_requests import services as requests
from jit_access.access_requests.models import AccessRequest
from jit_access.access_requests.services import standing_in
from jit_access.core import clock
from jit_access.credentials.models import CredentialLease
from jit_access.domain.errors import GatewayError
from jit_access.domain.lifecycle import LIVE_LEASE_STATES, GrantState, RequestState
from jit_access.domain.session_view import SessionView, ViewState, decode_view
from jit_access.grants import services as grants
from jit_access.grants.models import Claim, Grant
from jit_access.proxy_sessions.models import SessionViewRow
from tests.support.cast import make_cast
from tests.support.effort import at_length
from tests.support.lifecycles import (
    BASE,
    FRONTIER,
    HOUR,
    TINY,
    World,
    active,
    answer,
    ask,
    fresh,
    make_world,
    proof_for,
    reload,
    scope_of,
)
from tests.support.rules import load_changed

pytestmark = pytest.mark.django_db
NAMES = st.sampled_from([BASE, TINY, FRONTIER])
PEOPLE = st.sampled_from(["ada", "ben", "cleo", "dora"])
PICK = st.integers(min_value=0, max_value=8)


class Lifecycles(RuleBasedStateMachine):
    """People of the cast do things in any order; refusals are fine, broken invariants are not."""

    @initialize()
    def begin(self) -> None:
        self.offset = timedelta()
        clock.set_offset(self.offset)
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.world: World = make_world(make_cast())
        with TemporaryDirectory() as directory:
            load_changed(Path(directory), {"1 of model-owners, 1 of security": "1 of model-owners; 1 of security"})
        self.ended: set[int] = set()
        self.epochs: dict[str, int] = {}
        self.count = 0

    def teardown(self) -> None:
        clock.set_offset(timedelta())
        if hasattr(self, "atomic"):
            transaction.set_rollback(True)
            self.atomic.__exit__(None, None, None)

    def actor(self, name: str) -> Any:
        return reload(getattr(self.world.cast, name))

    def one(self, rows: Any, pick: int) -> Any:
        found = list(rows.order_by("-pk"))  # small picks are the newest, which are the ones that live
        return found[pick % len(found)] if found else None

    def attempt(self, doing: Any) -> None:
        with suppress(GatewayError):
            doing()

    @rule(name=NAMES, by_agent=st.booleans(), lasts_s=st.sampled_from([60, HOUR, 2 * HOUR]))
    def ask(self, name: str, *, by_agent: bool, lasts_s: int) -> None:
        self.count += 1
        who = self.actor("ci_bot" if by_agent else "ada")
        scope = scope_of(name, tags=(f"v{self.count}",))
        self.attempt(lambda: ask(self.world, actor=who, scope=scope, lasts_s=lasts_s))

    @rule(name=st.sampled_from([BASE, TINY]), by_agent=st.booleans())
    def get_going(self, name: str, *, by_agent: bool) -> None:
        """A whole happy path at once, so that the other rules often find something that is open."""
        self.count += 1
        who = self.actor("ci_bot" if by_agent else "ada")
        scope = scope_of(name, tags=(f"v{self.count}",))
        with suppress(GatewayError):
            grant = active(self.world, actor=who, scope=scope, lasts_s=HOUR)
            grants.issue_token(grant=grant, actor=who)

    @rule(pick=PICK, person=PEOPLE, is_approval=st.sampled_from([True, True, True, False]))
    def answer(self, pick: int, person: str, *, is_approval: bool) -> None:
        request = self.one(AccessRequest.objects, pick)
        if request:
            self.attempt(lambda: answer(request, self.actor(person), is_approval=is_approval))

    @rule(giver=PEOPLE, to=PEOPLE, lasts_s=st.sampled_from([60, HOUR]))
    def lend(self, giver: str, to: str, lasts_s: int) -> None:
        begin = clock.now()
        end = begin + timedelta(seconds=lasts_s)
        self.attempt(lambda: standing_in.delegate_answers(actor=self.actor(giver), to=to, starts_at=begin, ends_at=end))

    @rule(pick=PICK)
    def withdraw(self, pick: int) -> None:
        request = self.one(AccessRequest.objects, pick)
        if request:
            self.attempt(lambda: requests.withdraw_request(actor=self.actor("ada"), request=request))

    @rule(pick=PICK)
    def activate(self, pick: int) -> None:
        grant = self.one(Grant.objects, pick)
        if grant:
            holder = grant.subject
            self.attempt(lambda: grants.activate_grant(actor=holder, grant=grant, assurance=proof_for(holder)))

    @rule(pick=PICK)
    def issue(self, pick: int) -> None:
        grant = self.one(Grant.objects, pick)
        if grant:
            self.attempt(lambda: grants.issue_token(grant=grant, actor=grant.subject))

    @rule(pick=PICK)
    def rotate(self, pick: int) -> None:
        lease = self.one(CredentialLease.objects, pick)
        if lease:
            self.attempt(lambda: grants.rotate_token(lease=lease, actor=lease.holder))

    @rule(pick=PICK, person=PEOPLE)
    def revoke(self, pick: int, person: str) -> None:
        grant = self.one(Grant.objects, pick)
        if grant:
            self.attempt(lambda: grants.revoke_grant(actor=self.actor(person), grant=grant))

    @rule(pick=PICK)
    def relinquish(self, pick: int) -> None:
        grant = self.one(Grant.objects, pick)
        if grant:
            self.attempt(lambda: grants.relinquish_grant(actor=self.actor("ada"), grant=grant))

    @rule(pick=PICK, is_pause=st.booleans())
    def pause_or_go_on(self, pick: int, *, is_pause: bool) -> None:
        grant = self.one(Grant.objects, pick)
        if grant:
            act = grants.suspend_grant if is_pause else grants.resume_grant
            self.attempt(lambda: act(actor=self.actor("dora"), grant=grant))

    @rule(pick=PICK, by_s=st.sampled_from([60, HOUR]))
    def extend(self, pick: int, by_s: int) -> None:
        grant = self.one(Grant.objects, pick)
        if grant:
            self.attempt(
                lambda: requests.submit_extension(
                    actor=self.actor("ada"), grant=grant, by_s=by_s, purpose="More", assurance=fresh()
                )
            )

    @rule(by_s=st.sampled_from([30, 60, 60, 700, HOUR, 25 * HOUR]))
    def wait(self, by_s: int) -> None:
        self.offset += timedelta(seconds=by_s)
        clock.set_offset(self.offset)

    @rule()
    def sweep(self) -> None:
        requests.expire_due_requests()
        grants.expire_due_grants()
        grants.reevaluate_live_grants()
        for grant_id in grants.due_revocations():
            grants.finish_revocation(grant_id=grant_id)

    @invariant()
    def no_token_opens_more_than_its_grant(self) -> None:
        """I2: what the newest views allow now is exactly what the rows allow now."""
        if not hasattr(self, "world"):
            return
        now = clock.now()
        for row in SessionViewRow.objects.all():
            view = decode_view(row.body)
            grant = Grant.objects.get(public_id=row.grant_id)
            assert view.epoch >= self.epochs.get(row.grant_id, 0)
            self.epochs[row.grant_id] = view.epoch
            for lease in view.leases:
                if view.refusal_at(now.timestamp(), lease) is None:
                    self.check_open(grant, view, lease.lease_id, now)

    def check_open(self, grant: Grant, view: SessionView, lease_id: str, now: datetime) -> None:
        event("a token was open")
        lease = CredentialLease.objects.get(public_id=lease_id)
        assert view.state is ViewState.OPEN
        assert grant.state == GrantState.ACTIVE
        assert grant.pk not in self.ended
        assert grant.valid_until is not None
        assert now < grant.valid_until
        assert lease.state in LIVE_LEASE_STATES
        assert lease.valid_until <= grant.valid_until
        assert lease.grant_id == grant.pk
        assert view.scope.to_wire() == grant.scope

    @invariant()
    def one_case_one_grant_as_it_was_approved(self) -> None:
        """I3: a grant exists only for an approved request, once, with its people, its scope and its time."""
        if not hasattr(self, "world"):
            return
        for request in AccessRequest.objects.all():
            made = list(Grant.objects.filter(request=request))
            assert len(made) == (request.state == RequestState.APPROVED)
            for grant in made:
                self.check_made(request, grant)

    def check_made(self, request: AccessRequest, grant: Grant) -> None:
        assert (grant.subject_id, grant.target_id) == (request.requester_id, request.target_id)
        assert (grant.scope, grant.lasts_s) == (request.scope, request.lasts_s)
        agreed = request.verdicts.filter(is_approval=True)
        assert not agreed.filter(approver_id__in=[request.requester_id, request.requester.owner_id]).exists()
        assert not agreed.exclude(payload_hash=request.payload_hash).exists()
        counted = [verdict.counted.pk for verdict in agreed]
        assert len(set(counted)) == len(counted)
        assert not {request.requester_id, request.requester.owner_id} & set(counted)
        for step in request.steps.all():
            assert agreed.filter(step=step).count() >= step.needed
        if grant.activated_at and grant.valid_until:
            assert grant.valid_until - grant.activated_at <= timedelta(seconds=request.lasts_s)

    @invariant()
    def nobody_counts_twice_or_ahead_of_their_stage(self) -> None:
        """Who spoke and for whom they spoke are one person; a later stage speaks only after the earlier ones."""
        if not hasattr(self, "world"):
            return
        for request in AccessRequest.objects.prefetch_related("steps", "verdicts__step"):
            verdicts = list(request.verdicts.all())
            people = [pk for one in verdicts for pk in (one.approver_id, one.on_behalf_of_id) if pk is not None]
            assert len(set(people)) == len(people)
            for verdict in verdicts:
                for step in request.steps.all():
                    given = sum(one.is_approval and one.step_id == step.pk for one in verdicts)
                    assert step.stage >= verdict.step.stage or given >= step.needed

    @invariant()
    def what_ended_stays_ended_and_is_let_go(self) -> None:
        """I4: an end is for ever; when it is complete no claim and no live token is left."""
        if not hasattr(self, "world"):
            return
        over = {GrantState.REVOKING, GrantState.REVOKE_FAILED, GrantState.ENDED, GrantState.ACTIVATION_FAILED}
        now_over = set(Grant.objects.filter(state__in=over).values_list("pk", flat=True))
        assert self.ended <= now_over
        self.ended = now_over
        assert not CredentialLease.objects.filter(grant_id__in=now_over, state__in=LIVE_LEASE_STATES).exists()
        assert not Claim.objects.filter(grant__state=GrantState.ENDED, released_at=None).exists()
        assert not Grant.objects.filter(state__in=over - {GrantState.ACTIVATION_FAILED}, end_reason="").exists()


Lifecycles.TestCase.settings = settings(
    max_examples=at_length(10, 4),
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestLifecycles = pytest.mark.django_db(Lifecycles.TestCase)
