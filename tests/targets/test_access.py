from __future__ import annotations

import pytest

from jit_access.domain.errors import NotFound
from jit_access.domain.operations import Tier
from jit_access.targets import access, changes, selectors
from jit_access.targets.models import Repository, Target
from tests.support.cast import Cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def repository(cast: Cast) -> Repository:
    target = Target.objects.create(slug="prod-registry", display_name="Prod", base_url="https://registry.example")
    return Repository.objects.create(
        target=target, name="llm/llama", tier=Tier.SENSITIVE, description="Seventy billion"
    )


def test_only_operators_reach_it_for_managing(cast: Cast, repository: Repository) -> None:
    assert access.get_managed_target(cast.ben, "prod-registry") == repository.target
    assert access.get_managed_repository(cast.ben, repository.public_id) == repository
    for actor in (cast.ada, cast.cleo, cast.dora, cast.ci_bot):
        with pytest.raises(NotFound):
            access.get_managed_target(actor, "prod-registry")
        with pytest.raises(NotFound):
            access.get_managed_repository(actor, repository.public_id)


def test_hidden_and_unknown_look_the_same(cast: Cast, repository: Repository) -> None:
    with pytest.raises(NotFound) as hidden:
        access.get_managed_target(cast.ada, "prod-registry")
    with pytest.raises(NotFound) as unknown:
        access.get_managed_target(cast.ben, "no-such-target")
    assert str(hidden.value) == str(unknown.value)
    assert hidden.value.fields == unknown.value.fields


def test_what_is_gone_is_listed_only_when_asked_for(repository: Repository, clock: object) -> None:
    Repository.objects.update(gone_at=repository.created_at)
    assert list(selectors.repositories_of(repository.target)) == []
    assert list(selectors.repositories_of(repository.target, with_gone=True)) == [repository]


def test_a_handler_is_registered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "_handlers", [])
    heard: list[int] = []

    def handler() -> None:
        heard.append(1)

    changes.register(handler)
    changes.register(handler)
    changes.announce()
    assert heard == [1]
