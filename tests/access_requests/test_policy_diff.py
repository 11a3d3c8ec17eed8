"""Before a policy is loaded: which requests it would decide otherwise, and which open grants would end."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from jit_access.audit.models import AuditEntry
from jit_access.grants.models import Grant
from jit_access.policies import selectors
from tests.conftest import Clock
from tests.support.cast import Cast
from tests.support.lifecycles import BASE, TINY, World, active, ask, make_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(cast: Cast) -> World:
    return make_world(cast)


def changed(directory: Path, before: str, after: str) -> Path:
    texts = {file.name: file.read_text() for file in Path(settings.POLICY_DIR).iterdir()}
    assert any(before in text for text in texts.values())
    for name, text in texts.items():
        (directory / name).write_text(text.replace(before, after))
    return directory


def diff(directory: Path, *more: str) -> str:
    out = StringIO()
    call_command("policy", "diff", str(directory), *more, stdout=out)
    return out.getvalue()


def test_the_same_policy_changes_nothing(world: World) -> None:
    ask(world, TINY)
    active(world, BASE)
    assert diff(Path(settings.POLICY_DIR)) == (
        "Against version 1, 30 days: 0 of 2 requests would be decided otherwise (0 refused, 0 opened, 0 under other "
        "terms); 0 of 1 open grants would end.\n"
    )


def test_a_rule_that_goes_refuses_and_ends(world: World, tmp_path: Path) -> None:
    asked, grant = ask(world, TINY), active(world, BASE)
    entries = AuditEntry.objects.count()
    out = diff(changed(tmp_path, 'resource in Tier::"standard"\n)', 'resource in Tier::"critical"\n)'))
    assert f"{grant.public_id}  Ada Okafor: pull demo-registry/{BASE}  (open grant of " in out
    assert "    then:  refused (no-rule-allows)\n    It would end at once." in out
    assert asked.public_id not in out
    assert "1 of 2 requests would be decided otherwise (1 refused, 0 opened, 0 under other terms); 1 of 1" in out
    version = selectors.active_version()
    assert version is not None
    assert (version.number, AuditEntry.objects.count()) == (1, entries)
    assert Grant.objects.get(pk=grant.pk).end_reason == ""


def test_one_more_approver_is_another_term_and_ends_what_they_never_saw(world: World, tmp_path: Path) -> None:
    grant = active(world, TINY)
    wider = changed(tmp_path, '@approvals("1 of model-owners")', '@approvals("1 of model-owners, 1 of security")')
    out = diff(wider)
    assert "approved by 1 of model-owners, 1 of security" in out
    assert "0 refused, 0 opened, 1 under other terms); 1 of 1 open grants would end." in out
    assert grant.public_id in out


def test_only_the_days_that_were_asked_for_count(world: World, clock: Clock, tmp_path: Path) -> None:
    ask(world, TINY)
    clock.advance(days=8)
    stricter = changed(tmp_path, '@lasts_at_most("4h")', '@lasts_at_most("30m")')
    assert "0 of 0 requests" in diff(stricter, "--days", "7")
    assert "1 of 1 requests would be decided otherwise (1 refused" in diff(stricter, "--days", "9")


def test_a_broken_one_is_compared_with_nothing(world: World, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be used"):
        diff(changed(tmp_path, "@lasts_at_most", "@lasts_at_mst"))
