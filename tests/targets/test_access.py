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


def test_everybody_finds_a_target_by_slug_or_id(cast: Cast, repository: Repository) -> None:
    for name in ("prod-registry", repository.target.public_id):
        assert access.get_target(cast.cleo, name) == repository.target
    for name in ("prod", "tgt_aaaaaaaaaaaaaaaaaaaa", "", "%"):
        with pytest.raises(NotFound):
            access.get_target(cast.cleo, name)


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


@pytest.mark.parametrize("query", ["", "llama", "LLAMA", "prod llama", "prod-registry/llm", "billion", "seventy  llm"])
def test_the_catalogue_is_searched_by_words(repository: Repository, query: str) -> None:
    assert list(selectors.catalogue(query)) == [repository]


@pytest.mark.parametrize("query", ["mistral", "llama mistral", "%", "_", "other/llm"])
def test_what_does_not_match_is_not_found(repository: Repository, query: str) -> None:
    assert list(selectors.catalogue(query)) == []


def test_what_is_gone_is_not_in_the_catalogue(repository: Repository, clock: object) -> None:
    Repository.objects.update(gone_at=repository.created_at)
    assert list(selectors.catalogue()) == []
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
