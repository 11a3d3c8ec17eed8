"""Changes to a target by page: each tried against a real registry, each refusal beside what is taken."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.test import Client

from jit_access.audit.models import AuditEntry
from jit_access.core.secret import Secret
from jit_access.targets import services
from jit_access.targets.addressing import NewTarget
from jit_access.targets.models import Target
from tests.connectors.real_registry import PASSWORD, USERNAME, RealRegistry, real_registry
from tests.support.lifecycles import World
from tests.web.pages_of import heading_of, text_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    with real_registry(tmp_path_factory.mktemp("registry"), needs_password=True) as running:
        yield running


@pytest.fixture
def target(world: World, registry: RealRegistry) -> Target:
    new = NewTarget("spare", "Spare", registry.base_url, USERNAME, Secret(PASSWORD), allow_private=True)
    return services.add_target(actor=world.cast.ben, new=new)


def test_a_credential_that_the_registry_takes_replaces_the_old_one(
    target: Target, world: World, client_for: Callable[..., Client]
) -> None:
    ben = client_for(world.cast.ben)
    assert "Replace credential" in text_of(ben.get(f"/targets/{target.public_id}"))
    sealed = Target.objects.get(pk=target.pk).sealed_password
    answer = ben.post(f"/targets/{target.public_id}/credential", {"username": USERNAME, "password": "wrong"})
    assert answer.status_code >= 400
    assert "Nothing was changed." in text_of(answer)
    assert "wrong" not in answer.content.decode().split("<main", 1)[1].split("Nothing was changed")[0]
    assert Target.objects.get(pk=target.pk).sealed_password == sealed
    done = ben.post(f"/targets/{target.public_id}/credential", {"username": USERNAME, "password": PASSWORD})
    assert done.status_code == 302
    assert Target.objects.get(pk=target.pk).sealed_password != sealed
    assert AuditEntry.objects.filter(kind="target.credential-replaced", target="spare").count() == 1


def test_places_are_named_and_a_wrong_one_is_said_beside_its_field(
    target: Target, world: World, client_for: Callable[..., Client]
) -> None:
    ben, page = client_for(world.cast.ben), f"/targets/{target.public_id}/places"
    refused = ben.post(page, {"token_origins": "", "redirect_origins": "ftp://cdn.example"})
    assert refused.status_code == 422
    assert b'aria-invalid="true"' in refused.content
    assert b"ftp://cdn.example" in refused.content
    assert ben.post(page, {"token_origins": "", "redirect_origins": "https://cdn.example"}).status_code == 302
    assert Target.objects.get(pk=target.pk).redirect_origins == ["https://cdn.example"]
    assert b"https://cdn.example" in ben.get(page).content


def test_only_a_target_without_history_is_removed(
    target: Target, world: World, client_for: Callable[..., Client]
) -> None:
    ben = client_for(world.cast.ben)
    page = ben.get(f"/targets/{target.public_id}/remove")
    assert heading_of(page) == "Remove spare?"
    assert Target.objects.filter(pk=target.pk).exists()
    assert ben.post(f"/targets/{target.public_id}/remove")["Location"] == "/targets"
    assert not Target.objects.filter(pk=target.pk).exists()


@pytest.mark.parametrize("what", ["credential", "places", "remove"])
def test_changes_are_for_operators_with_a_fresh_factor(
    target: Target, world: World, client_for: Callable[..., Client], what: str
) -> None:
    address = f"/targets/{target.public_id}/{what}"
    for method in ("get", "post"):
        assert getattr(client_for(world.cast.ada), method)(address).status_code == 404
        led = getattr(client_for(world.cast.ben, "stale"), method)(address)
        assert led["Location"].startswith("/second-factor?")
    assert client_for(world.cast.ben).get(address).status_code == 200
    assert Target.objects.filter(pk=target.pk).exists()
