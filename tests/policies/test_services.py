from __future__ import annotations

from pathlib import Path

import pytest

from jit_access.audit.models import AuditEntry
from jit_access.domain.operations import Operation, Tier
from jit_access.domain.reasons import Reason
from jit_access.domain.scopes import parse_scope
from jit_access.policies import changes, selectors, services
from jit_access.policies.answers import Approval
from jit_access.policies.errors import PolicyBroken
from jit_access.policies.models import PolicyVersion
from jit_access.policies.questions import Assurance, Phase, Proof, questions_for_scope
from jit_access.targets.models import Repository, Target
from tests.policies.samples import ADA, EXAMPLE, HOUR, PROVED, ask, permit
from tests.support.cast import Cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "schema.cedarschema").write_text(EXAMPLE.schema)
    for name, content in EXAMPLE.files.items():
        (tmp_path / name).write_text(content)
    return tmp_path


@pytest.fixture
def announced(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    heard: list[int] = []
    monkeypatch.setattr(changes, "_handlers", [heard.append])
    return heard


def kinds() -> list[str]:
    return list(AuditEntry.objects.filter(kind__startswith="policy.").order_by("seq").values_list("kind", flat=True))


def test_without_a_policy_nothing_is_open(cast: Cast, directory: Path) -> None:
    assert services.decide(ask()).reason is Reason.POLICY_MISSING
    services.load_policy(actor=cast.dora.ref, directory=directory)
    assert services.decide(ask()).is_allowed


def test_loading_activates_announces_and_records(cast: Cast, directory: Path, announced: list[int]) -> None:
    version = services.load_policy(actor=cast.dora.ref, directory=directory)
    assert version.number == 1
    assert version.is_active
    assert announced == [1]
    assert kinds() == ["policy.activated"]
    assert services.decide(ask()).version == 1


def test_loading_the_same_files_again_changes_nothing(cast: Cast, directory: Path, announced: list[int]) -> None:
    services.load_policy(actor=cast.dora.ref, directory=directory)
    again = services.load_policy(actor=cast.dora.ref, directory=directory)
    assert again.number == 1
    assert announced == [1]
    assert PolicyVersion.objects.count() == 1


def test_a_changed_file_is_a_new_version_and_the_old_one_stays_readable(cast: Cast, directory: Path) -> None:
    services.load_policy(actor=cast.dora.ref, directory=directory)
    people = directory / "people.cedar"
    people.write_text(people.read_text().replace('@lasts_at_most("8h")', '@lasts_at_most("1h")'))
    services.load_policy(actor=cast.dora.ref, directory=directory)
    assert services.decide(ask(lasts_s=2 * HOUR)).reason is Reason.LASTS_TOO_LONG
    assert services.decide(ask(lasts_s=2 * HOUR)).lasts_at_most_s == HOUR
    assert services.decide(ask(lasts_s=2 * HOUR), version=1).is_allowed
    active = selectors.active_version()
    assert active is not None
    assert active.number == 2
    assert services.decide(ask(), version=99).reason is Reason.POLICY_MISSING


def test_a_broken_policy_never_replaces_the_one_that_counts(cast: Cast, directory: Path, announced: list[int]) -> None:
    services.load_policy(actor=cast.dora.ref, directory=directory)
    (directory / "people.cedar").write_text("permit (principal, action, resource);")
    with pytest.raises(PolicyBroken):
        services.load_policy(actor=cast.dora.ref, directory=directory)
    assert services.decide(ask()).is_allowed
    assert services.decide(ask()).version == 1
    assert announced == [1]
    assert kinds() == ["policy.activated", "policy.refused"]


def test_a_handler_that_fails_keeps_the_old_version(
    cast: Cast, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.load_policy(actor=cast.dora.ref, directory=directory)
    (directory / "more.cedar").write_text(permit("more"))

    def fail(version: int) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(changes, "_handlers", [fail])
    with pytest.raises(RuntimeError):
        services.load_policy(actor=cast.dora.ref, directory=directory)
    active = selectors.active_version()
    assert active is not None
    assert active.number == 1


def test_a_stored_text_that_was_edited_opens_nothing(cast: Cast, directory: Path) -> None:
    version = services.load_policy(actor=cast.dora.ref, directory=directory)
    wider = {"people.cedar": permit("everything")}
    PolicyVersion.objects.filter(pk=version.pk).update(files=wider)
    services._compile_stored.cache_clear()
    assert services.decide(ask()).reason is Reason.POLICY_BROKEN


def test_several_questions_get_the_strictest_answer(cast: Cast, directory: Path) -> None:
    services.load_policy(actor=cast.dora.ref, directory=directory)
    both = (ask(ADA, tier=Tier.STANDARD), ask(ADA, tier=Tier.CRITICAL))
    answer = services.decide_all(both)
    assert answer.is_allowed
    assert answer.rules == ("research-critical", "research-standard")
    assert answer.approvals == (Approval("model-owners", 1), Approval("security", 1))
    assert answer.lasts_at_most_s == 2 * HOUR
    shut = services.decide_all((*both, ask(ADA, Operation.DELETE)))
    assert shut.reason is Reason.NO_RULE_ALLOWS
    assert services.decide_all(()).reason is Reason.NO_RULE_ALLOWS


def test_a_decision_costs_one_query(cast: Cast, directory: Path, django_assert_num_queries: object) -> None:
    services.load_policy(actor=cast.dora.ref, directory=directory)
    services.decide(ask())
    with django_assert_num_queries(1):  # type: ignore[operator]  # which version counts
        services.decide_all((ask(), ask(tier=Tier.CRITICAL)))


def test_questions_of_a_scope_come_from_rows(cast: Cast, directory: Path) -> None:
    services.load_policy(actor=cast.dora.ref, directory=directory)
    target = Target.objects.create(slug="demo-registry", display_name="Demo", base_url="http://127.0.0.1:5000")
    Repository.objects.create(target=target, name="tools/base", tier=Tier.STANDARD)
    known = parse_scope([{"repository": "tools/base", "operations": ["pull", "push"]}])
    questions = questions_for_scope(
        user=cast.ada, target=target, scope=known, lasts_s=HOUR, phase=Phase.REQUEST, proof=PROVED
    )
    assert [question.operation for question in questions] == [Operation.PULL, Operation.PUSH]
    assert services.decide_all(questions).approvals == ()
    fresh = parse_scope(
        [{"repository": "tools/base", "operations": ["pull"]}, {"repository": "tools/new", "operations": ["push"]}]
    )
    questions = questions_for_scope(
        user=cast.ada, target=target, scope=fresh, lasts_s=HOUR, phase=Phase.REQUEST, proof=PROVED
    )
    assert questions[1].resource.tier is Tier.CRITICAL, "what nobody catalogued is critical"
    assert services.decide_all(questions).approvals == (Approval("model-owners", 1), Approval("security", 1))


def test_a_service_account_is_asked_about_as_an_agent(cast: Cast, directory: Path) -> None:
    services.load_policy(actor=cast.dora.ref, directory=directory)
    target = Target.objects.create(slug="demo-registry", display_name="Demo", base_url="http://127.0.0.1:5000")
    Repository.objects.create(target=target, name="tools/base", tier=Tier.STANDARD)
    scope = parse_scope([{"repository": "tools/base", "operations": ["pull"]}])

    def answer_for(user: object) -> tuple[str, ...]:
        questions = questions_for_scope(
            user=user,  # type: ignore[arg-type]
            target=target,
            scope=scope,
            lasts_s=HOUR,
            phase=Phase.REQUEST,
            proof=Proof(Assurance.SECOND_FACTOR, 5),
        )
        return services.decide_all(questions).rules

    assert answer_for(cast.ci_bot) == ("agents-standard",)
    assert answer_for(cast.ada) == ("research-standard",)
    assert answer_for(cast.cleo) == ()
