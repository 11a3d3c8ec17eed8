"""The connector for hubs: whose token it is, what belongs to them, and nothing that leads elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from jit_access.connectors.base import AlreadyGone, Endpoint, EntitlementFacts, Permanent, Retryable
from jit_access.connectors.registry import connected
from jit_access.core.secret import Secret
from jit_access.domain.reasons import Reason
from tests.support.hub import TOKEN, Hub, HubRepository, running_hub
from tests.support.processes import free_port


@pytest.fixture
def hub() -> Iterator[Hub]:
    with running_hub() as running:
        for name in (
            "models/Org/Tiny-Llama",
            "models/Org/Other",
            "datasets/Org/Texts",
            "models/gateway/own",
            "models/Else/x",
        ):
            repo = running.repositories[name] = HubRepository()
            repo.branches["main"] = repo.commit({"a.bin": b"x" * 500})
        yield running


@pytest.fixture
def endpoint(hub: Hub) -> Endpoint:
    return Endpoint("hub", hub.base_url, "", Secret(TOKEN), allow_private=True)


def test_the_token_is_proved(endpoint: Endpoint) -> None:
    with connected("hf", endpoint) as connector:
        connector.check()
    with (
        connected("hf", replace(endpoint, password=Secret("hf_wrong"))) as connector,
        pytest.raises(Permanent) as caught,
    ):
        connector.check()
    assert caught.value.reason is Reason.UPSTREAM_REFUSED_CREDENTIAL
    assert "hf_wrong" not in str(caught.value)


def test_a_hub_that_is_away_may_come_back(endpoint: Endpoint) -> None:
    gone = replace(endpoint, base_url=f"http://127.0.0.1:{free_port()}")
    with connected("hf", gone) as connector, pytest.raises(Retryable):
        connector.check()


@pytest.mark.parametrize("page", [1, 2, 1000])
def test_what_belongs_to_the_token_is_listed(hub: Hub, endpoint: Endpoint, page: int) -> None:
    hub.page = page
    with connected("hf", endpoint) as connector:
        listing = connector.list_repositories()
    assert sorted(listing.names) == [
        "datasets/Org/Texts",
        "models/Org/Other",
        "models/Org/Tiny-Llama",
        "models/gateway/own",
    ]
    assert (listing.is_complete, listing.unusable) == (True, 0)


def test_names_that_no_scope_can_hold_are_left_out(hub: Hub, endpoint: Endpoint) -> None:
    hub.repositories["models/Org/a--b"] = hub.repositories["models/Org/Other"]
    with connected("hf", endpoint) as connector:
        listing = connector.list_repositories()
    assert (len(listing.names), listing.unusable) == (4, 1)


def test_a_list_that_goes_on_elsewhere_is_not_followed(hub: Hub, endpoint: Endpoint) -> None:
    hub.page, hub.list_elsewhere = 1, f"{hub.store_url}/api/models"
    with connected("hf", endpoint) as connector, pytest.raises(Permanent) as caught:
        connector.list_repositories()
    assert caught.value.reason is Reason.UPSTREAM_REDIRECT_REFUSED
    assert not hub.seen_at("store")


def test_a_repository_is_described_by_what_everybody_means(endpoint: Endpoint) -> None:
    with connected("hf", endpoint) as connector:
        told = connector.describe_repository("models/Org/Other")
        assert (told.latest_tag, told.size_bytes) == ("main", 500)
        with pytest.raises(AlreadyGone):
            connector.describe_repository("models/Org/Gone")


def test_nothing_is_made_there_for_a_grant(hub: Hub, endpoint: Endpoint) -> None:
    with connected("hf", endpoint) as connector:
        outcome = connector.ensure_access(EntitlementFacts("usr_ada", "models/Org/Other", "pull"))
    assert not outcome.is_changed
    assert not hub.seen
