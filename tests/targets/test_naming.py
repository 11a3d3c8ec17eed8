"""Naming what is still to be made: an operator does, people can ask for it, and discovery does not take it for gone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from jit_access.audit.models import AuditEntry
from jit_access.domain.errors import CallerError, Conflict, NotFound
from jit_access.domain.operations import Tier
from jit_access.targets import discovery, services
from jit_access.targets.models import Repository, Target, TargetKind
from tests.connectors.real_registry import RealRegistry
from tests.support.cast import Cast
from tests.support.sessions import code_now
from tests.targets.samples import kinds, new_target

pytestmark = pytest.mark.django_db


@pytest.fixture
def target(cast: Cast, registry: RealRegistry) -> Target:
    return services.add_target(actor=cast.ben, new=new_target(registry))


def name(cast: Cast, target: Target, repository: str = "llm/next", tier: Tier = Tier.SENSITIVE) -> Repository:
    return services.name_repository(actor=cast.ben, target=target, name=repository, tier=tier)


def test_a_named_one_is_there_and_a_repeat_changes_nothing(cast: Cast, target: Target) -> None:
    named = name(cast, target)
    assert (named.tier, named.discovered_at, named.gone_at) == (Tier.SENSITIVE, None, None)
    assert name(cast, target).pk == named.pk
    assert kinds() == ["target.added", "repository.named"]


def test_discovery_leaves_it_until_it_was_found_once(cast: Cast, registry: RealRegistry, target: Target) -> None:
    named = name(cast, target)
    assert discovery.discover_repositories(actor=cast.ben, target=target).gone == 0
    registry.push("llm/next", "v1", b"weights")
    assert discovery.discover_repositories(actor=cast.ben, target=target).added == 0
    found = Repository.objects.get(pk=named.pk)
    assert found.discovered_at is not None
    assert (found.tier, found.latest_tag) == (Tier.SENSITIVE, "v1")


def test_only_operators_name(cast: Cast, target: Target) -> None:
    with pytest.raises(NotFound):
        services.name_repository(actor=cast.ada, target=target, name="llm/next", tier=Tier.STANDARD)
    assert not Repository.objects.exists()


def test_another_tier_is_said_elsewhere(cast: Cast, target: Target) -> None:
    name(cast, target)
    with pytest.raises(Conflict):
        name(cast, target, tier=Tier.STANDARD)


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (TargetKind.OCI, "llm/next", "LLM/Next"),
        (TargetKind.HF, "models/org/Next", "org/Next/x"),
        (TargetKind.S3, "weights/next", "ab"),
        (TargetKind.MLFLOW, "models/next", "next"),
    ],
)
def test_each_kind_has_names_of_its_own(cast: Cast, target: Target, kind: str, good: str, bad: str) -> None:
    Target.objects.filter(pk=target.pk).update(kind=kind)
    target.refresh_from_db()
    Repository.objects.create(public_id="rpo_held", target=target, name="weights", tier=Tier.STANDARD)
    for refused in (bad, "", "../x", "a" * 201, "a b"):
        with pytest.raises(CallerError):
            name(cast, target, refused)
    assert name(cast, target, good).name == good


@pytest.mark.parametrize(
    ("kind", "good", "bad", "says"),
    [
        (TargetKind.S3, "weights/next", "new-bucket/next", "Nobody makes a bucket through the gateway"),
        (TargetKind.MLFLOW, "models/next", "experiments/7", "Nobody makes an experiment through the gateway"),
    ],
)
def test_what_nobody_can_make_is_not_named(
    cast: Cast, target: Target, kind: str, good: str, bad: str, says: str
) -> None:
    Target.objects.filter(pk=target.pk).update(kind=kind)
    target.refresh_from_db()
    Repository.objects.create(public_id="rpo_held", target=target, name="weights/old", tier=Tier.STANDARD)
    with pytest.raises(CallerError, match=says):
        name(cast, target, bad)
    assert name(cast, target, good).name == good


@pytest.fixture
def store(cast: Cast, target: Target) -> Target:
    """A bucket with a standard folder."""
    Target.objects.filter(pk=target.pk).update(kind=TargetKind.S3)
    Repository.objects.create(public_id="rpo_held", target=target, name="weights/mistral", tier=Tier.STANDARD)
    target.refresh_from_db()
    return target


def test_what_is_named_in_a_store_starts_as_what_holds_it(
    cast: Cast, store: Target, client_for: Callable[..., Client]
) -> None:
    ben, address = client_for(cast.ben), f"/targets/{store.public_id}/repositories/new"
    assert "As what holds it" in ben.get(address).content.decode()
    assert ben.post(address, {"name": "weights/mistral/deep", "tier": ""}).status_code == 302
    assert ben.post(address, {"name": "weights/alone", "tier": ""}).status_code == 302
    tiers = dict(Repository.objects.values_list("name", "tier"))
    assert (tiers["weights/mistral/deep"], tiers["weights/alone"]) == (Tier.STANDARD, Tier.CRITICAL)


def test_what_it_makes_more_serious_is_said_first_and_shown_then(
    cast: Cast, store: Target, client_for: Callable[..., Client]
) -> None:
    ben, address = client_for(cast.ben), f"/targets/{store.public_id}/repositories/new"
    asked = {"name": "weights/mistral/deep", "tier": "critical"}
    said = ben.post(address, asked).content.decode()
    assert "weights/mistral counts as Critical from now on" in said
    assert not Repository.objects.filter(name="weights/mistral/deep").exists()
    assert ben.post(address, asked | {"is_sure": "1"}).status_code == 302
    page = ben.get(f"/targets/{store.public_id}").content.decode()
    assert "counts as Critical, because it holds weights/mistral/deep" in page
    listed = ben.get(f"/api/v1/targets/{store.slug}/repositories").json()["results"]
    told = {row["repository"]: (row["tier"], row["own_tier"]) for row in listed}
    assert told["weights/mistral"] == ("critical", "standard")
    assert told["weights/mistral/deep"] == ("critical", "critical")


def test_the_page_names_and_says_what_is_wrong(cast: Cast, target: Target, client_for: Callable[..., Client]) -> None:
    ben, address = client_for(cast.ben), f"/targets/{target.public_id}/repositories/new"
    assert ben.get(address).status_code == 200
    refused = ben.post(address, {"name": "LLM/Next", "tier": "standard"})
    assert refused.status_code == 422
    assert "in lower case" in refused.content.decode()
    assert ben.post(address, {"name": "llm/next", "tier": "royal"}).status_code == 422
    assert ben.post(address, {"name": "llm/next", "tier": "standard"}).status_code == 302
    assert Repository.objects.get().tier == Tier.STANDARD
    assert client_for(cast.ada).get(address).status_code == 404
    assert (
        client_for(cast.ben, "stale")
        .post(address, {"name": "llm/x", "tier": "standard"})["Location"]
        .startswith("/second-factor")
    )
    assert Repository.objects.count() == 1


def test_the_api_names(cast: Cast, target: Target, client_for: Callable[..., Client]) -> None:
    ben, address = client_for(cast.ben), f"/api/v1/targets/{target.slug}/repositories"
    body = {"name": "llm/next", "tier": "sensitive"}
    made = ben.post(address, body, content_type="application/json")
    assert (made.status_code, made.json()["repository"]) == (201, "llm/next")
    stale = client_for(cast.ben, "stale")
    assert stale.post(address, body | {"name": "llm/x"}, content_type="application/json").status_code == 403
    assert stale.post(address, body | {"code": code_now()}, content_type="application/json").status_code == 201
    assert Repository.objects.count() == 1
    assert client_for(cast.ada).post(address, body, content_type="application/json").status_code == 404
    assert AuditEntry.objects.filter(kind="target.management-refused").count() == 1
