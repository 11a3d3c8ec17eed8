"""Who proposes an envelope, who signs it, and what counts of that."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from jit_access.accounts import services as accounts
from jit_access.audit.models import AuditEntry
from jit_access.core import clock
from jit_access.domain.actors import GATEWAY
from jit_access.domain.errors import CallerError, Conflict, GatewayError, NotFound, PolicyRefusal
from jit_access.domain.locks import LockAxis
from jit_access.domain.reasons import Reason
from jit_access.envelopes import services
from jit_access.envelopes.drafts import MAX_LIVES
from jit_access.envelopes.models import Envelope, EnvelopeSignature
from jit_access.envelopes.payloads import hash_payload, is_intact, is_signed_as_it_is
from jit_access.mfa.assurance import NO_ASSURANCE
from jit_access.notifications.models import Notification
from tests.support.cast import make_person, make_service_account
from tests.support.envelopes import MIB, envelope_draft, in_force, load_agent_rules, proposed, sign
from tests.support.lifecycles import BASE, FRONTIER, HOUR, TINY, World, fresh, reload, scope_of
from tests.support.locking import place

pytestmark = pytest.mark.django_db


def refused(act: Callable[[], Any]) -> Reason:
    with pytest.raises(GatewayError) as caught:
        act()
    return caught.value.reason


def test_owner_proposes_and_those_whom_policy_asks_sign(world: World) -> None:
    row = proposed(world)
    assert (row.state, row.payload["approvals"]) == (
        "proposed",
        [{"group": "model-owners", "needed": 1, "stage": 1}],
    )
    assert row.payload_hash == hash_payload(row.payload)
    assert is_intact(row)
    told = Notification.objects.get(kind="envelope.proposed")
    assert (told.user, told.path) == (world.cast.ben, f"/envelopes/{row.public_id}")
    signed = sign(row, world.cast.ben, note="For the evaluation")
    assert (signed.state, signed.signed_round, signed.is_asking) == ("active", 1, False)
    assert is_signed_as_it_is(reload(signed))
    kinds = list(AuditEntry.objects.filter(kind__startswith="envelope.").values_list("kind", flat=True).order_by("seq"))
    assert kinds == ["envelope.proposed", "envelope.signed", "envelope.activated"]


def test_only_the_owner_proposes_and_with_a_fresh_factor(world: World) -> None:
    draft, cast = envelope_draft(world), world.cast
    for actor in (cast.ben, cast.cleo, cast.dora, cast.ci_bot):
        with pytest.raises(NotFound):
            services.propose_envelope(actor=actor, draft=draft, assurance=fresh())
    late = refused(lambda: services.propose_envelope(actor=cast.ada, draft=draft, assurance=fresh(age_s=301)))
    none = refused(lambda: services.propose_envelope(actor=cast.ada, draft=draft, assurance=NO_ASSURANCE))
    assert (late, none) == (Reason.SECOND_FACTOR_STALE, Reason.SECOND_FACTOR_MISSING)
    assert not Envelope.objects.exists()
    assert AuditEntry.objects.filter(kind="envelope.propose.refused").count() == 6
    assert services.propose_envelope(actor=cast.ada, draft=draft, assurance=fresh(age_s=299)).state == "proposed"


def test_nobody_proposes_for_a_person(world: World) -> None:
    with pytest.raises(NotFound):
        proposed(world, agent=world.cast.ada)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"lasts_at_most_s": 59}, "1 min"),
        ({"bytes_per_grant": 101 * MIB}, "no more than a day"),
        ({"grants_per_day": 0}, "grants a day"),
        ({"name": " "}, "name"),
        ({"because": ""}, "what it is for"),
        ({"workloads": ("not an id",)}, "workload"),
        ({"review_every_s": 60}, "reviewed"),
    ],
)
def test_what_makes_no_sense_is_not_proposed(world: World, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(CallerError, match=said):
        proposed(world, **changes)
    assert proposed(world).state == "proposed"


def test_an_envelope_lives_ninety_days_at_most(world: World) -> None:
    with pytest.raises(CallerError, match="90 days"):
        proposed(world, expires_at=clock.now() + MAX_LIVES + timedelta(minutes=1))
    assert proposed(world, expires_at=clock.now() + MAX_LIVES - timedelta(minutes=1)).state == "proposed"


def test_a_rule_that_forbids_is_not_enveloped(world: World) -> None:
    critical = refused(lambda: proposed(world, scope=scope_of(FRONTIER)))
    longer = refused(lambda: proposed(world, lasts_at_most_s=3 * HOUR))
    assert (critical, longer) == (Reason.FORBIDDEN_BY_RULE, Reason.LASTS_TOO_LONG)
    with pytest.raises(CallerError, match="asks nobody"):
        proposed(world, scope=scope_of(BASE))
    assert proposed(world, scope=scope_of(BASE, TINY)).payload["approvals"]


def test_nobody_to_ask_is_said_at_once(world: World) -> None:
    accounts.remove_from_group(actor=GATEWAY, user=world.cast.ben, group="model-owners")
    assert refused(lambda: proposed(world)) is Reason.NO_APPROVER


def test_owner_agent_and_outsiders_never_sign(world: World) -> None:
    cast = world.cast
    accounts.add_to_group(actor=GATEWAY, user=cast.ada, group="model-owners")
    accounts.add_to_group(actor=GATEWAY, user=cast.ci_bot, group="model-owners")
    row = proposed(world)
    assert refused(lambda: sign(row, cast.ada)) is Reason.OWN_REQUEST
    assert refused(lambda: sign(row, cast.ci_bot)) is Reason.NOT_FOR_AGENTS
    assert refused(lambda: sign(row, cast.cleo)) is Reason.NOT_AN_APPROVER
    assert refused(lambda: sign(row, cast.dora)) is Reason.NOT_AN_APPROVER
    assert AuditEntry.objects.filter(kind="envelope.sign.refused").count() == 4
    assert sign(row, cast.ben).state == "active"


def test_agents_do_nothing_to_their_envelopes(world: World) -> None:
    """Nor does one whose owner is the same: an agent with somebody's rights is still an agent."""
    row, other = in_force(world), make_service_account("helper", world.cast.ada, "model-owners", "security")
    for agent in (world.cast.ci_bot, other):
        with pytest.raises(NotFound):
            services.revoke_envelope(actor=agent, envelope=row)
        with pytest.raises(NotFound):
            services.suspend_envelope(actor=agent, envelope=row)
    assert services.suspend_envelope(actor=world.cast.ada, envelope=row).state == "suspended"


def test_signature_needs_a_fresh_factor_for_exactly_what_was_read(world: World) -> None:
    row, ben = proposed(world), world.cast.ben
    assert refused(lambda: sign(row, ben, assurance=fresh(age_s=901))) is Reason.SECOND_FACTOR_STALE
    assert refused(lambda: sign(row, ben, assurance=NO_ASSURANCE)) is Reason.SECOND_FACTOR_MISSING
    assert refused(lambda: sign(row, ben, payload_hash="0" * 64)) is Reason.PAYLOAD_CHANGED
    Envelope.objects.filter(pk=row.pk).update(bytes_per_day=1 << 40)  # somebody with the database's password
    assert refused(lambda: sign(row, ben)) is Reason.PAYLOAD_CHANGED
    Envelope.objects.filter(pk=row.pk).update(bytes_per_day=row.bytes_per_day)
    assert sign(row, ben).state == "active"


def test_a_second_click_changes_nothing(world: World) -> None:
    row = proposed(world)
    first = sign(row, world.cast.ben)
    again = sign(row, world.cast.ben)
    assert (first.version, again.version, EnvelopeSignature.objects.count()) == (2, 2, 1)


def test_denial_beats_approval(world: World, tmp_path: Path) -> None:
    load_agent_rules(tmp_path, "2 of model-owners")
    mara = make_person("mara", "model-owners")
    row = proposed(world)
    assert sign(row, world.cast.ben).state == "proposed"
    denied = sign(row, mara, is_approval=False, note="Too much")
    assert (denied.state, denied.state_reason, denied.state_note) == ("denied", "denied-by-person", "Too much")
    assert refused(lambda: sign(row, make_person("nils", "model-owners"))) is Reason.ALREADY_DECIDED


def test_all_of_the_steps_are_signed_by_different_people(world: World, tmp_path: Path) -> None:
    load_agent_rules(tmp_path, "1 of model-owners; 1 of security")
    row = proposed(world)
    assert refused(lambda: sign(row, world.cast.dora)) is Reason.NOT_YET_ASKED
    assert sign(row, world.cast.ben).state == "proposed"
    assert sign(row, world.cast.dora).state == "active"


def test_who_left_the_group_does_not_count(world: World, tmp_path: Path) -> None:
    load_agent_rules(tmp_path, "1 of model-owners; 1 of security")
    row, mara = proposed(world), make_person("mara", "model-owners")
    sign(row, world.cast.ben)
    accounts.remove_from_group(actor=GATEWAY, user=world.cast.ben, group="model-owners")
    assert refused(lambda: sign(row, world.cast.dora)) is Reason.NOT_YET_ASKED
    sign(row, mara)
    assert sign(row, world.cast.dora).state == "active"


def test_rules_that_ask_more_by_now_are_asked_anew(world: World, tmp_path: Path) -> None:
    row = proposed(world)
    shown = row.payload_hash
    load_agent_rules(tmp_path, "1 of model-owners, 1 of security")
    assert refused(lambda: sign(row, world.cast.ben, payload_hash=shown)) is Reason.PAYLOAD_CHANGED
    fresh_one = reload(row)
    assert (fresh_one.round, len(fresh_one.payload["approvals"])) == (2, 2)
    sign(fresh_one, world.cast.ben)
    assert sign(fresh_one, world.cast.dora).state == "active"


def test_nobody_answers_in_time(world: World, clock: Any) -> None:
    row = proposed(world)
    clock.advance(seconds=7 * 24 * HOUR + 1)
    assert refused(lambda: sign(row, world.cast.ben)) is Reason.ANSWER_TOO_LATE
    assert services.sweep_envelopes() == 1
    assert (reload(row).state, reload(row).state_reason) == ("expired", "answer-too-late")


def test_the_same_key_is_the_same_proposal(world: World) -> None:
    one, other = proposed(world, idempotency_key="k1"), proposed(world, idempotency_key="k1")
    assert one.pk == other.pk
    with pytest.raises(Conflict):
        proposed(world, idempotency_key="k1", name="another")


def test_a_locked_person_neither_signs_nor_counts(world: World, tmp_path: Path) -> None:
    load_agent_rules(tmp_path, "1 of model-owners, 1 of security")
    row, mia = proposed(world), make_person("mia", "security")
    sign(row, world.cast.ben)
    place(mia, LockAxis.PERSON, world.cast.ben.public_id)
    with pytest.raises(PolicyRefusal) as caught:
        sign(row, world.cast.dora)
    assert caught.value.reason is Reason.LOCKED
    assert reload(row).state == "proposed"
