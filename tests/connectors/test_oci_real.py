"""Against Debian's docker-registry, with and without a password."""

from __future__ import annotations

import pytest

from jit_access.connectors.base import AlreadyGone, EntitlementFacts, Permanent, Retryable
from jit_access.connectors.oci.connector import OCIConnector
from jit_access.connectors.registry import connected
from jit_access.domain.reasons import Reason
from tests.connectors.real_registry import RealRegistry
from tests.support.processes import free_port


def test_a_right_password_is_accepted(locked_registry: RealRegistry) -> None:
    with connected("oci", locked_registry.endpoint()) as connector:
        connector.check()


@pytest.mark.parametrize(
    ("username", "password"), [("gateway", "wrong"), ("stranger", "gateway-secret-1"), ("gateway", "")]
)
def test_a_wrong_credential_is_refused_by_name(locked_registry: RealRegistry, username: str, password: str) -> None:
    endpoint = locked_registry.endpoint(username=username, password=password)
    with connected("oci", endpoint) as connector, pytest.raises(Permanent) as caught:
        connector.check()
    assert caught.value.reason is Reason.UPSTREAM_REFUSED_CREDENTIAL
    assert caught.value.sentence == "prod-registry refuses the credential."
    assert not password or password not in str(caught.value)


def test_no_credential_where_one_is_needed_is_said(locked_registry: RealRegistry) -> None:
    with (
        connected("oci", locked_registry.endpoint(username="")) as connector,
        pytest.raises(Permanent, match="none was given"),
    ):
        connector.check()


def test_an_open_registry_needs_none(open_registry: RealRegistry) -> None:
    with connected("oci", open_registry.endpoint(username="")) as connector:
        connector.check()


def test_a_registry_that_is_away_is_named_with_its_address(open_registry: RealRegistry) -> None:
    gone = RealRegistry(free_port(), "")
    with connected("oci", gone.endpoint()) as connector, pytest.raises(Retryable) as caught:
        connector.check()
    assert caught.value.reason is Reason.UPSTREAM_AWAY
    assert caught.value.sentence == f"prod-registry does not answer at {gone.base_url}."


def test_repositories_are_listed_over_several_pages(
    locked_registry: RealRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jit_access.connectors.oci.connector.PAGE_SIZE", 2)
    wanted = {f"paging/model-{number}" for number in range(5)}
    for name in wanted:
        locked_registry.push(name, "v1", b"weights")
    with connected("oci", locked_registry.endpoint()) as connector:
        listing = connector.list_repositories()
    assert wanted <= set(listing.names)
    assert listing.is_complete
    assert listing.unusable == 0


def test_size_and_tag_are_what_a_pull_would_move(locked_registry: RealRegistry) -> None:
    size = locked_registry.push("sizes/llama", "v9", b"a" * 1000, b"b" * 5000)
    locked_registry.push("sizes/llama", "v10", b"a" * 1000, b"b" * 5000)
    with connected("oci", locked_registry.endpoint()) as connector:
        described = connector.describe_repository("sizes/llama")
        assert described.latest_tag == "v10", "10 follows 9"
        assert described.size_bytes == size
        locked_registry.push("sizes/llama", "latest", b"c")
        assert connector.describe_repository("sizes/llama").latest_tag == "latest"


def test_a_repository_that_is_not_there_is_already_gone(locked_registry: RealRegistry) -> None:
    with connected("oci", locked_registry.endpoint()) as connector, pytest.raises(AlreadyGone):
        connector.describe_repository("never/was")


def test_access_is_the_proxys_business_and_it_says_so(open_registry: RealRegistry) -> None:
    facts = EntitlementFacts("usr_ada", "llm/tiny-llama", "pull")
    connector = OCIConnector(open_registry.endpoint())
    for outcome in (connector.ensure_access(facts), connector.remove_access(facts), connector.remove_access(facts)):
        assert not outcome.is_changed
        assert "the proxy alone" in outcome.sentence
    connector.close()
