"""Facts change while grants live. The grant ends, or becomes shorter, in the transaction of the change."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings

from jit_access.accounts import services as accounts
from jit_access.audit.models import AuditEntry
from jit_access.domain.actors import GATEWAY
from jit_access.domain.lifecycle import GrantState
from jit_access.domain.operations import Tier
from jit_access.domain.reasons import Reason
from jit_access.domain.session_view import ViewState
from jit_access.grants import services
from jit_access.grants.models import Grant
from jit_access.policies.services import load_policy
from jit_access.proxy_sessions.models import SessionViewRow
from jit_access.targets import services as targets
from jit_access.targets.models import Repository, Target, TargetKind
from tests.grants.test_opening import view_of
from tests.support.lifecycles import BASE, HOUR, TINY, World, active, reload, scheduled


def policy_with(tmp_path: Path, **replaced: str) -> Path:
    """The example policy with some words replaced."""
    for file in Path(settings.POLICY_DIR).iterdir():
        text = file.read_text()
        for old, new in replaced.items():
            text = text.replace(old, new)
        (tmp_path / file.name).write_text(text)
    return tmp_path


def change_policy(tmp_path: Path, old: str, new: str) -> None:
    load_policy(actor=GATEWAY, directory=policy_with(tmp_path, **{old: new}))


def test_lost_group_ends_the_grant_with_it(world: World) -> None:
    grant, waiting = active(world, TINY), scheduled(world, BASE)
    accounts.remove_from_group(actor=GATEWAY, user=world.cast.ada, group="research")
    assert (reload(grant).state, reload(grant).end_reason) == (GrantState.REVOKING, Reason.GROUP_MEMBERSHIP_LOST)
    assert view_of(grant).reason is Reason.GROUP_MEMBERSHIP_LOST
    assert (reload(waiting).state, reload(waiting).end_reason) == (GrantState.ENDED, Reason.GROUP_MEMBERSHIP_LOST)


def test_another_group_lost_changes_nothing(world: World) -> None:
    accounts.add_to_group(actor=GATEWAY, user=world.cast.ada, group="operators")
    grant = active(world, TINY)
    accounts.remove_from_group(actor=GATEWAY, user=world.cast.ada, group="operators")
    assert reload(grant).state == GrantState.ACTIVE


def test_group_lost_behind_our_back_is_noticed_by_the_sweep(world: World) -> None:
    grant, other = active(world, TINY), active(world, BASE, actor=world.cast.ci_bot)
    assert services.reevaluate_live_grants() == 0
    world.cast.ada.groups.clear()
    assert services.reevaluate_live_grants() == 1
    assert reload(grant).end_reason == Reason.GROUP_MEMBERSHIP_LOST
    assert reload(other).state == GrantState.ACTIVE


def test_locked_account_loses_everything_its_service_accounts_too(world: World) -> None:
    grant, bots = active(world, TINY), active(world, BASE, actor=world.cast.ci_bot)
    accounts.lock_account(actor=GATEWAY, user=world.cast.ada)
    assert reload(grant).end_reason == Reason.ACCOUNT_LOCKED
    assert reload(bots).end_reason == Reason.AGENT_WITHOUT_OWNER
    assert view_of(grant).state is view_of(bots).state is ViewState.CLOSED


def test_locked_approver_changes_nothing_for_what_was_agreed(world: World) -> None:
    grant = active(world, TINY)
    accounts.lock_account(actor=GATEWAY, user=world.cast.ben)
    assert reload(grant).state == GrantState.ACTIVE


def test_tightened_policy_ends_live_grants(world: World, tmp_path: Path) -> None:
    """Anchors 3.2 no. 22: tightening applies to live grants."""
    grant = active(world, TINY)
    change_policy(tmp_path, 'Group::"research"', 'Group::"model-owners"')
    assert (reload(grant).state, reload(grant).end_reason) == (GrantState.REVOKING, Reason.POLICY_TIGHTENED)


def test_more_approvals_than_were_given_end_it(world: World, tmp_path: Path) -> None:
    grant = active(world, TINY)
    change_policy(tmp_path, '@approvals("1 of model-owners")', '@approvals("1 of model-owners, 1 of security")')
    assert reload(grant).end_reason == Reason.POLICY_TIGHTENED


def test_shorter_rule_moves_the_end_forward(world: World, tmp_path: Path, clock) -> None:
    grant = active(world, TINY, lasts_s=4 * HOUR)
    lease = services.issue_token(grant=grant, actor=world.cast.ada).lease
    clock.advance(minutes=10)
    change_policy(tmp_path, '@lasts_at_most("4h")', '@lasts_at_most("1h")')
    shorter = reload(grant)
    assert (shorter.state, shorter.valid_until) == (GrantState.ACTIVE, grant.activated_at + timedelta(hours=1))
    assert reload(lease).valid_until == shorter.valid_until
    assert view_of(grant).valid_until == shorter.valid_until.timestamp()


def test_shorter_rule_ends_what_ran_longer_already(world: World, tmp_path: Path, clock) -> None:
    grant = active(world, TINY, lasts_s=4 * HOUR)
    clock.advance(hours=2)
    change_policy(tmp_path, '@lasts_at_most("4h")', '@lasts_at_most("1h")')
    assert (reload(grant).state, reload(grant).end_reason) == (GrantState.REVOKING, Reason.POLICY_TIGHTENED)


LIMITS = '@request_budget("20") @byte_budget("1 GiB") @refuse_files("pickle") @lasts_at_most("4h")'


def test_stricter_limits_reach_open_grants(world: World, tmp_path: Path) -> None:
    grant, waiting = active(world, TINY), scheduled(world, TINY, lasts_s=2 * HOUR)
    change_policy(tmp_path, '@lasts_at_most("4h")', LIMITS)
    for row in (reload(grant), reload(waiting)):
        assert (row.request_budget, row.byte_budget, row.refused_files) == (20, 2**30, ["pickle"])
    assert reload(grant).state == GrantState.ACTIVE
    view = view_of(grant)
    assert (view.state, view.request_budget, view.refused_files) == (ViewState.OPEN, 20, ("pickle",))
    assert SessionViewRow.objects.filter(grant_id=waiting.public_id).count() == 0
    assert AuditEntry.objects.filter(kind="grant.narrowed", grant=grant.public_id).count() == 1
    assert services.reevaluate_live_grants() == 0  # nothing is left to take away


def test_looser_limits_give_nothing_back(world: World, tmp_path: Path) -> None:
    change_policy(tmp_path, '@lasts_at_most("4h")', LIMITS)
    grant = active(world, TINY)
    load_policy(actor=GATEWAY, directory=Path(settings.POLICY_DIR))
    kept = reload(grant)
    assert (kept.request_budget, kept.byte_budget, kept.refused_files) == (20, 2**30, ["pickle"])
    assert not AuditEntry.objects.filter(kind="grant.narrowed").exists()


def test_limits_of_two_rules_are_a_union(world: World, tmp_path: Path) -> None:
    change_policy(tmp_path, '@lasts_at_most("4h")', LIMITS)
    grant = active(world, TINY)
    other = LIMITS.replace("pickle", "code").replace('"20"', '"30"')
    change_policy(tmp_path, '@lasts_at_most("4h")', other)
    kept = reload(grant)
    assert (kept.request_budget, kept.refused_files) == (20, ["code", "pickle"])


def test_loosened_policy_widens_nothing(world: World, tmp_path: Path) -> None:
    grant = active(world, TINY)
    change_policy(tmp_path, '@lasts_at_most("4h")', '@lasts_at_most("8h")')
    after = reload(grant)
    assert (after.state, after.valid_until, after.version) == (GrantState.ACTIVE, grant.valid_until, grant.version)


def test_raised_tier_ends_what_it_would_not_have_allowed(world: World) -> None:
    grant = active(world, TINY)
    repository = Repository.objects.get(name=TINY)
    targets.set_tier(actor=world.cast.ben, repository=repository, tier=Tier.CRITICAL)
    assert reload(grant).end_reason == Reason.TIER_RAISED


def test_lowered_tier_is_told_to_the_proxies(world: World) -> None:
    grant = active(world, TINY)
    assert view_of(grant).repositories[0].verify_digests
    repository = Repository.objects.get(name=TINY)
    targets.set_tier(actor=world.cast.ben, repository=repository, tier=Tier.STANDARD)
    assert reload(grant).state == GrantState.ACTIVE
    assert not view_of(grant).repositories[0].verify_digests


@pytest.mark.parametrize("state", ["active", "suspended"])
def test_paused_grants_are_looked_at_too(world: World, state: str) -> None:
    grant = active(world, TINY)
    if state == "suspended":
        services.suspend_grant(actor=world.cast.dora, grant=grant)
    accounts.remove_from_group(actor=GATEWAY, user=world.cast.ada, group="research")
    assert reload(grant).state == GrantState.REVOKING


def test_one_broken_row_does_not_stop_the_sweep(world: World) -> None:
    broken, other = active(world, BASE), active(world, TINY)
    Grant.objects.filter(pk=broken.pk).update(scope=[])
    world.cast.ada.groups.clear()
    assert services.reevaluate_live_grants() == 1
    assert reload(other).state == GrantState.REVOKING


@pytest.mark.parametrize(("tier", "ends"), [(Tier.STANDARD, False), (Tier.CRITICAL, True)])
def test_a_deeper_prefix_makes_what_holds_it_count_as_serious_at_once(world: World, tier: Tier, ends: bool) -> None:
    grant = active(world, BASE)
    Target.objects.filter(pk=grant.target_id).update(kind=TargetKind.S3)
    held = Target.objects.get(pk=grant.target_id)
    targets.name_repository(actor=world.cast.ben, target=held, name=f"{BASE}/deep", tier=tier)
    if ends:
        assert (reload(grant).state, reload(grant).end_reason) == (GrantState.REVOKING, Reason.TIER_RAISED)
        assert view_of(grant).repositories[0].tier == Tier.CRITICAL
    else:
        assert reload(grant).state == GrantState.ACTIVE
