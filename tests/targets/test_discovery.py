from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from jit_access.connectors.base import RepositoryDescription
from jit_access.connectors.oci import connector as oci
from jit_access.core.secret import Secret
from jit_access.domain.errors import NotFound, PeerError
from jit_access.domain.operations import Tier
from jit_access.targets import discovery, services
from jit_access.targets.models import Repository, Target, TargetHealth
from tests.connectors.hostile import hostile_server, respond
from tests.connectors.real_registry import RealRegistry
from tests.support.cast import Cast
from tests.targets.samples import kinds, new_target

pytestmark = pytest.mark.django_db


@pytest.fixture
def target(cast: Cast, registry: RealRegistry) -> Target:
    return services.add_target(actor=cast.ben, new=new_target(registry))


def test_what_is_found_is_critical_until_somebody_says_less(cast: Cast, registry: RealRegistry, target: Target) -> None:
    size = registry.push("llm/tiny-llama", "v1", b"weights")
    found = discovery.discover_repositories(actor=cast.ben, target=target)
    assert (found.added, found.gone, found.described, found.is_complete) == (1, 0, 1, True)
    repository = Repository.objects.get()
    assert repository.tier == Tier.CRITICAL
    assert (repository.latest_tag, repository.size_bytes) == ("v1", size)
    assert repository.public_id.startswith("rpo_")
    assert kinds() == ["target.added", "target.discovered"]


def test_what_people_call_it_is_found_unless_an_operator_said_better(
    cast: Cast, registry: RealRegistry, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.push("experiments/7", "v1", b"weights")
    described = RepositoryDescription("", None, "Fraud scores")
    monkeypatch.setattr(oci.OCIConnector, "describe_repository", lambda *_: described)
    discovery.discover_repositories(actor=cast.ben, target=target)
    assert Repository.objects.get().description == "Fraud scores"
    services.describe_repository(actor=cast.ben, repository=Repository.objects.get(), description="Ours")
    discovery.discover_repositories(actor=cast.ben, target=target)
    assert Repository.objects.get().description == "Ours"


def test_a_second_discovery_changes_only_what_changed(cast: Cast, registry: RealRegistry, target: Target) -> None:
    registry.push("llm/tiny-llama", "v1", b"weights")
    discovery.discover_repositories(actor=cast.ben, target=target)
    services.set_tier(actor=cast.ben, repository=Repository.objects.get(), tier=Tier.SENSITIVE)
    size = registry.push("llm/tiny-llama", "latest", b"more weights")
    registry.push("tools/base", "v1", b"base")
    found = discovery.discover_repositories(actor=cast.ben, target=target)
    assert (found.added, found.gone, found.back) == (1, 0, 0)
    llama = Repository.objects.get(name="llm/tiny-llama")
    assert (llama.tier, llama.latest_tag, llama.size_bytes) == (Tier.SENSITIVE, "latest", size)


def test_only_operators_discover(cast: Cast, target: Target) -> None:
    discovery.discover_repositories(actor=cast.ben, target=target)
    with pytest.raises(NotFound):
        discovery.discover_repositories(actor=cast.ada, target=target)


def test_what_is_no_longer_listed_is_gone_and_may_come_back(cast: Cast) -> None:
    names = ["llm/a", "llm/b"]

    def script(path: str, request: bytes) -> Iterator[bytes]:
        yield respond(body=json.dumps({"repositories": names, "tags": None}).encode())

    with hostile_server(script) as server:
        fake = RealRegistry(server.port, "")
        target = services.add_target(actor=cast.ben, new=new_target(fake, password=Secret("")))
        discovery.discover_repositories(actor=cast.ben, target=target)
        names.remove("llm/b")
        found = discovery.discover_repositories(actor=cast.ben, target=target)
        assert (found.added, found.gone) == (0, 1)
        assert Repository.objects.get(name="llm/b").gone_at is not None
        names.append("llm/b")
        found = discovery.discover_repositories(actor=cast.ben, target=target)
        assert (found.added, found.gone, found.back) == (0, 0, 1)
        assert Repository.objects.get(name="llm/b").gone_at is None


def test_absence_from_an_incomplete_list_proves_nothing(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"llm/{number}" for number in range(3)]

    def script(path: str, request: bytes) -> Iterator[bytes]:
        yield respond(body=json.dumps({"repositories": names, "tags": None}).encode())

    with hostile_server(script) as server:
        fake = RealRegistry(server.port, "")
        target = services.add_target(actor=cast.ben, new=new_target(fake, password=Secret("")))
        discovery.discover_repositories(actor=cast.ben, target=target)
        monkeypatch.setattr(oci, "MAX_REPOSITORIES", 2)
        found = discovery.discover_repositories(actor=cast.ben, target=target)
        assert (found.gone, found.is_complete) == (0, False)


def test_a_target_that_breaks_off_changes_nothing_but_its_health(
    cast: Cast, registry: RealRegistry, target: Target
) -> None:
    registry.push("llm/tiny-llama", "v1", b"weights")
    discovery.discover_repositories(actor=cast.ben, target=target)
    Target.objects.filter(pk=target.pk).update(username="stranger")
    target.refresh_from_db()
    with pytest.raises(PeerError):
        discovery.discover_repositories(actor=cast.ben, target=target)
    target.refresh_from_db()
    assert target.health == TargetHealth.REFUSED
    assert Repository.objects.get().gone_at is None
