"""Where a request for a target may go: what an operator named, in full, and never from https down to http."""

from __future__ import annotations

import pytest

from registry_proxy.control_client import TargetFacts
from registry_proxy.protocols.signing_in import Challenge
from registry_proxy.settings import Secret
from registry_proxy.upstream.failure import UpstreamError
from registry_proxy.upstream.places import Places, places_of


def places(base: str = "https://registry.example", tokens: str = "", stores: str = "") -> Places:
    facts = TargetFacts("demo", "oci", base, "robot", Secret("x"), True, tuple(tokens.split()), tuple(stores.split()))
    return places_of(facts)


def realm(text: str) -> Challenge:
    return Challenge(text, "service")


def test_home_needs_no_naming() -> None:
    assert places().token_place(realm("https://registry.example/token"))[1] == "/token"
    assert places().next_place("https://registry.example/v2/", b"/elsewhere")[1] == "/elsewhere"


def test_each_list_opens_one_thing_only() -> None:
    named = places(tokens="https://auth.example", stores="https://cdn.example")
    assert named.token_place(realm("https://AUTH.example:443/token?a=b"))[1] == "/token?a=b"
    assert named.next_place("https://registry.example/v2/", b"https://cdn.example/x")[1] == "/x"
    with pytest.raises(UpstreamError) as caught:
        named.token_place(realm("https://cdn.example/token"))
    assert caught.value.place == "https://cdn.example"
    with pytest.raises(UpstreamError):
        named.next_place("https://registry.example/v2/", b"https://auth.example/x")


@pytest.mark.parametrize(
    "text",
    ["https://auth.example:8443/token", "http://auth.example/token", "https://auth.example.evil/token",
     "https://evil.auth.example/token", "https://auth.example./token", "https://auth.example@evil.example/token"],
)  # fmt: skip
def test_only_the_very_origin_counts(text: str) -> None:
    with pytest.raises(UpstreamError):
        places(tokens="https://auth.example").token_place(realm(text))
    with pytest.raises(UpstreamError):
        places(stores="https://auth.example").next_place("https://registry.example/", text.encode())


def test_https_never_leads_down_to_http() -> None:
    """Even if a control plane of ours said so."""
    named = places(tokens="http://auth.example", stores="http://cdn.example http://registry.example")
    assert (named.token_services, named.stores) == (frozenset(), frozenset())
    for location in (b"http://cdn.example/x", b"http://registry.example/x", b"http://registry.example:443/x"):
        with pytest.raises(UpstreamError):
            named.next_place("https://registry.example/v2/", location)
    assert places("http://registry.internal", tokens="http://auth.internal").token_services


def test_name_that_cannot_be_read_opens_nothing_and_closes_nothing() -> None:
    named = places(tokens="*.example https://* nonsense https://auth.example/path https://auth.example")
    assert [str(origin) for origin in named.token_services] == ["https://auth.example"]
    with pytest.raises(UpstreamError):
        places("registry.example")
