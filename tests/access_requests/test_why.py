"""Who may ask why, and of what."""

from __future__ import annotations

import pytest

from jit_access.access_requests.why import Wondering, explain_to
from jit_access.audit.models import AuditEntry
from jit_access.domain.errors import CallerError, NotFound
from jit_access.domain.operations import Operation
from tests.support.cast import Cast
from tests.support.lifecycles import FRONTIER, HOUR, TINY, World, make_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(cast: Cast) -> World:
    return make_world(cast)


def wonder(person: str = "", repository: str = TINY, target: str = "demo-registry", lasts_s: int = HOUR) -> Wondering:
    return Wondering(person, target, repository, Operation.PULL, lasts_s)


def test_people_ask_for_themselves_and_their_agents(world: World) -> None:
    cast = world.cast
    mine = explain_to(cast.ada, wonder())
    assert mine.why.answer.is_allowed
    assert [person.username for person in mine.people["model-owners"]] == ["ben"]
    assert explain_to(cast.ada, wonder("ci-bot")).why.answer.rules == ("agents-sensitive",)
    for other in ("ben", "nobody"):
        with pytest.raises(NotFound):
            explain_to(cast.ada, wonder(other))
    assert AuditEntry.objects.filter(kind="policy.why-refused").count() == 2


def test_security_and_auditors_ask_for_anybody(world: World) -> None:
    found = explain_to(world.cast.dora, wonder("cleo"))
    assert not found.why.answer.is_allowed
    assert found.why.would_be[0].changes == ("member of research",)
    with pytest.raises(NotFound):
        explain_to(world.cast.dora, wonder("nobody"))


def test_what_is_hidden_is_answered_as_what_is_not_there(world: World) -> None:
    cleo = world.cast.cleo
    answers = []
    for repository, target in ((FRONTIER, "demo-registry"), ("llm/none", "demo-registry"), (TINY, "nowhere")):
        with pytest.raises(NotFound) as caught:
            explain_to(cleo, wonder(repository=repository, target=target))
        answers.append(str(caught.value))
    assert len(set(answers)) == 1
    assert not explain_to(world.cast.dora, wonder("cleo", FRONTIER)).why.answer.is_allowed


def test_a_time_without_sense_is_refused(world: World) -> None:
    with pytest.raises(CallerError, match="at least one minute"):
        explain_to(world.cast.ada, wonder(lasts_s=1))
