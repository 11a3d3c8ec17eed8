"""A change of policy counts when a second person of security signed exactly it."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from django.core.management import CommandError, call_command

from jit_access.accounts import services as accounts
from jit_access.accounts.models import User
from jit_access.audit.models import AuditEntry
from jit_access.domain.actors import GATEWAY
from jit_access.domain.errors import CallerError, Conflict, GatewayError, NotFound, PolicyRefusal
from jit_access.domain.lifecycle import GrantState, ProposalState
from jit_access.domain.locks import LockAxis
from jit_access.domain.reasons import Reason
from jit_access.mfa.assurance import NO_ASSURANCE
from jit_access.notifications.models import Alert, Notification
from jit_access.policies import services as policies
from jit_access.policies.compiler import PolicyText
from jit_access.policies.errors import PolicyBroken
from jit_access.policies.models import PolicyVersion
from jit_access.policies.selectors import active_version
from jit_access.policy_changes import access, selectors, services
from jit_access.policy_changes.models import PolicyProposal
from tests.policies.samples import EXAMPLE, EXAMPLE_DIR
from tests.support.cast import make_person, make_service_account
from tests.support.lifecycles import TINY, World, active, fresh, make_world, reload
from tests.support.locking import lift, place

pytestmark = pytest.mark.django_db
OLD, NEW = '@lasts_at_most("4h")', '@lasts_at_most("3h")'


@pytest.fixture
def world(cast: Any) -> World:
    return make_world(cast)


@pytest.fixture
def eve(world: World) -> User:
    """The second person of security."""
    return make_person("eve", "security")


def changed(old: str = OLD, new: str = NEW) -> PolicyText:
    return PolicyText(EXAMPLE.schema, {name: text.replace(old, new) for name, text in EXAMPLE.files.items()})


_REST = ',\n  action in [Action::"pull", Action::"push"],\n  resource in Tier::"sensitive"'
CLOSED = changed(f'  principal in Group::"research"{_REST}', f'  principal in Group::"model-owners"{_REST}')


def proposed(actor: User, text: PolicyText | None = None, **facts: Any) -> PolicyProposal:
    draft = services.Draft(text or changed(), facts.pop("because", "Shorter, after the audit"), **facts)
    return services.propose(actor=actor, draft=draft)


def sign(actor: User, row: PolicyProposal, **facts: Any) -> PolicyProposal:
    return services.sign(actor=actor, proposal=row, **({"digest": row.digest, "assurance": fresh()} | facts))


def number() -> int:
    version = active_version()
    return version.number if version else 0


def test_a_second_person_makes_it_count(world: World, eve: User) -> None:
    row = proposed(world.cast.dora)
    assert (number(), row.state, row.version_row.number) == (1, ProposalState.PROPOSED, 2)
    signed = sign(eve, row)
    assert (number(), signed.state, signed.closed_by) == (2, ProposalState.ACTIVATED, "Eve Okafor")
    kinds = ["policy.proposed", "policy.signed", "policy.activated"]
    found = AuditEntry.objects.filter(kind__in=kinds).order_by("seq").values_list("kind", flat=True)
    assert list(found) == ["policy.activated", *kinds]
    assert Notification.objects.get(kind="policy.proposed").user == eve


def test_who_proposed_never_signs(world: World, eve: User) -> None:
    row = proposed(world.cast.dora)
    with pytest.raises(PolicyRefusal) as refused:
        sign(world.cast.dora, row)
    assert refused.value.reason is Reason.OWN_PROPOSAL
    assert number() == 1
    assert AuditEntry.objects.filter(kind="policy.sign-refused").count() == 1


def test_a_machine_and_its_owner_are_one_person(world: World, eve: User) -> None:
    machine = make_service_account("policy-bot", world.cast.dora, "security")
    row = proposed(machine)
    for one in (world.cast.dora, machine):
        with pytest.raises(GatewayError):
            sign(one, row)
    assert sign(eve, row).state == ProposalState.ACTIVATED


def test_nor_does_its_former_owner_sign_what_it_proposed_as_theirs(world: World, eve: User) -> None:
    machine = make_service_account("policy-bot", world.cast.dora, "security")
    row, other = proposed(machine), make_person("frank", "security")
    machine.owner = other
    machine.save(update_fields=["owner"])
    for one in (world.cast.dora, other):
        with pytest.raises(PolicyRefusal) as refused:
            sign(one, row)
        assert refused.value.reason is Reason.OWN_PROPOSAL
    assert sign(eve, row).state == ProposalState.ACTIVATED


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"assurance": NO_ASSURANCE}, Reason.SECOND_FACTOR_MISSING),
        ({"assurance_age": 301}, Reason.SECOND_FACTOR_STALE),
        ({"digest": "0" * 64}, Reason.PROPOSAL_CHANGED),
    ],
)
def test_only_a_fresh_factor_signs_exactly_this(world: World, eve: User, facts: dict[str, Any], reason: Reason) -> None:
    row = proposed(world.cast.dora)
    if age := facts.pop("assurance_age", 0):
        facts["assurance"] = fresh(age)
    with pytest.raises(GatewayError) as refused:
        sign(eve, row, **facts)
    assert (refused.value.reason, number()) == (reason, 1)
    assert sign(eve, row, assurance=fresh(299)).state == ProposalState.ACTIVATED


def test_others_neither_propose_nor_sign_nor_see(world: World, eve: User) -> None:
    for one in (world.cast.ben, world.cast.ada, world.cast.ci_bot):
        with pytest.raises(NotFound):
            proposed(one)
    row = proposed(world.cast.dora)
    for one in (world.cast.ben, world.cast.ada):
        with pytest.raises(NotFound):
            sign(one, row)
        with pytest.raises(NotFound):
            access.get_proposal(one, row.public_id)
        with pytest.raises(NotFound):
            services.withdraw(actor=one, proposal=row)
    assert access.get_proposal(eve, row.public_id) == row


def test_a_text_that_was_edited_behind_our_back_does_not_count(world: World, eve: User) -> None:
    row = proposed(world.cast.dora)
    PolicyVersion.objects.filter(pk=row.version_row.pk).update(
        files={"a.cedar": "permit (principal, action, resource);"}
    )
    with pytest.raises(Conflict) as refused:
        sign(eve, row)
    assert (refused.value.reason, number()) == (Reason.PROPOSAL_CHANGED, 1)


def test_a_proposal_against_another_policy_is_made_again(world: World, eve: User) -> None:
    first, second = proposed(world.cast.dora), proposed(world.cast.dora, changed(OLD, '@lasts_at_most("2h")'))
    sign(eve, first)
    with pytest.raises(Conflict) as refused:
        sign(eve, second)
    assert (refused.value.reason, number()) == (Reason.POLICY_MOVED_ON, 2)


def test_withdrawn_and_expired_ones_are_closed(world: World, eve: User, clock: Any) -> None:
    gone = services.withdraw(actor=eve, proposal=proposed(world.cast.dora))
    assert services.withdraw(actor=eve, proposal=gone).state == ProposalState.WITHDRAWN
    late = proposed(world.cast.dora, changed(OLD, '@lasts_at_most("2h")'))
    clock.advance(seconds=(services.LASTS - timedelta(seconds=1)).total_seconds())
    assert services.expire_due_proposals() == 0
    clock.advance(seconds=1)
    for row in (gone, late):
        with pytest.raises(Conflict) as refused:
            sign(eve, row)
        assert refused.value.reason is Reason.PROPOSAL_CLOSED
    assert (services.expire_due_proposals(), services.expire_due_proposals()) == (1, 0)
    assert number() == 1


def test_what_it_would_change_is_found_out_first(world: World, eve: User) -> None:
    grant = active(world, TINY)
    case = "- {name: Research pulls, groups: [research], do: pull, resource: a/b, tier: sensitive, expect: allow}"
    row = proposed(world.cast.dora, CLOSED, cases={"cases.yaml": case})
    assert row.effects["ending"] == 1
    assert [one["id"] for one in row.effects["differences"] if one["is_ending"]] == [grant.public_id]
    assert (row.tests["count"], row.tests["failed_count"]) == (1, 1)
    assert {one["severity"] for one in row.findings} <= {"note", "warning"}
    (diff,) = selectors.diff_of(row)
    assert [(line.tone, line.text.strip()) for line in diff.lines if line.tone in {"added", "removed"}] == [
        ("removed", 'principal in Group::"research",'), ("added", 'principal in Group::"model-owners",'),
    ]  # fmt: skip
    assert reload(grant).state == GrantState.ACTIVE
    sign(eve, row)
    assert (reload(grant).state, reload(grant).end_reason) == (GrantState.REVOKING, Reason.POLICY_TIGHTENED)


def test_a_broken_one_is_not_proposed(world: World, eve: User) -> None:
    with pytest.raises(PolicyBroken):
        proposed(world.cast.dora, PolicyText(EXAMPLE.schema, {"a.cedar": "permit (principal, action, resource);"}))
    with pytest.raises(PolicyBroken):
        proposed(world.cast.dora, cases={"../x.yaml": "[]"})
    with pytest.raises(CallerError):
        proposed(world.cast.dora, because=" ")
    with pytest.raises(CallerError, match="counts already"):
        proposed(world.cast.dora, EXAMPLE)
    assert PolicyProposal.objects.count() == 0
    assert PolicyVersion.objects.count() == 1


def test_what_the_installation_proposes_needs_two(world: World, eve: User) -> None:
    row = services.propose_from_console(draft=services.Draft(changed(), "From the pipeline"))
    assert sign(world.cast.dora, row).state == ProposalState.PROPOSED
    with pytest.raises(Conflict) as refused:
        sign(world.cast.dora, row)
    assert (refused.value.reason, number()) == (Reason.ALREADY_ANSWERED, 1)
    assert sign(eve, row).state == ProposalState.ACTIVATED


def test_a_signature_of_somebody_who_left_security_does_not_count(world: World, eve: User) -> None:
    row = services.propose_from_console(draft=services.Draft(changed(), "From the pipeline"))
    sign(eve, row)
    accounts.remove_from_group(actor=GATEWAY, user=eve, group="security")
    assert sign(world.cast.dora, row).state == ProposalState.PROPOSED
    finn = make_person("finn", "security")
    assert sign(finn, row).state == ProposalState.ACTIVATED


def test_nobody_signs_beside_a_locked_account(world: World, eve: User) -> None:
    dora, finn = world.cast.dora, make_person("finn", "security")
    by_eve, brought = proposed(eve), services.propose_from_console(draft=services.Draft(changed(), "From the pipeline"))
    sign(eve, brought)
    lock = place(dora, LockAxis.PERSON, eve.public_id)
    for row in (by_eve, brought):
        with pytest.raises(PolicyRefusal) as refused:
            sign(finn, row)
        assert refused.value.reason is Reason.LOCKED
    assert AuditEntry.objects.filter(kind="policy.sign-refused", reason=Reason.LOCKED).count() == 2
    with pytest.raises(PolicyRefusal) as refused:
        sign(eve, services.propose_from_console(draft=services.Draft(CLOSED, "From the pipeline")))
    assert (refused.value.reason, number()) == (Reason.LOCKED, 1)
    lift(dora, lock)
    assert sign(finn, brought).state == ProposalState.ACTIVATED


@pytest.fixture
def two_person(settings: Any) -> None:
    settings.POLICY_TWO_PERSON = True


def load(directory: Path, **options: Any) -> str:
    out = StringIO()
    call_command("policy", "load", str(directory), stdout=out, **options)
    return out.getvalue()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    for path in EXAMPLE_DIR.iterdir():
        (tmp_path / path.name).write_text(path.read_text().replace(OLD, NEW))
    return tmp_path


@pytest.mark.usefixtures("two_person")
def test_the_first_policy_of_an_installation_needs_nobody(cast: Any, directory: Path) -> None:
    assert "version 1 counts now" in load(EXAMPLE_DIR)
    assert '"first":true' in AuditEntry.objects.get(kind="policy.activated").body
    assert "counts already" in load(EXAMPLE_DIR)
    assert "Proposed as pol_" in load(directory)
    assert "Proposed as pol_" in load(directory), "a second start of the same release proposes nothing new"
    assert (number(), PolicyProposal.objects.count()) == (1, 1)
    with pytest.raises(PolicyRefusal) as refused:
        policies.load_policy(actor=cast.dora.ref, directory=directory)
    assert refused.value.reason is Reason.SECOND_PERSON_NEEDED


@pytest.mark.usefixtures("two_person")
def test_the_console_may_say_who_proposes(world: World, eve: User, directory: Path) -> None:
    assert "when somebody of security signed it" in load(directory, by="dora", because="Shorter")
    row = PolicyProposal.objects.get()
    assert (row.proposer, row.because, sorted(row.cases)) == (world.cast.dora, "Shorter", ["cases.yaml"])
    assert row.tests["failed_count"] == 1
    more = '@id("more") forbid (principal, action, resource) when { context.is_agent };'
    (directory / "more.cedar").write_text(more)
    with pytest.raises(CommandError, match="nothing here"):
        load(directory, by="ada")


@pytest.mark.usefixtures("two_person")
def test_an_emergency_is_loud(world: World, eve: User, directory: Path) -> None:
    assert "without a second person" in load(directory, alone="The old one locked everybody out")
    assert number() == 2
    entry = AuditEntry.objects.get(kind="policy.activated-alone")
    assert "locked everybody out" in entry.body
    assert Alert.objects.get(kind="policy.activated-alone").path == "/policy"
    told = Notification.objects.filter(kind="policy.activated-alone").values_list("user__username", flat=True)
    assert sorted(told) == ["dora", "eve"]


def test_production_asks_for_two() -> None:
    text = (Path(configured.BASE_DIR) / "jit_access/config/settings/production.py").read_text()
    assert "POLICY_TWO_PERSON = True" in text
