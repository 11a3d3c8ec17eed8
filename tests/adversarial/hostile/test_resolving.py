"""Names that lead to private addresses at the moment of connecting. The resolver here is played; all else is real."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

import pytest

from registry_proxy.upstream import addresses
from tests.adversarial.hostile.conftest import Serve
from tests.adversarial.hostile.stage import BLOB, BODY, OK, Stage
from tests.adversarial.hostile.upstream import answering, answering_then_ending

Answers = list[list[str]]
Play = Callable[[Answers], list[str]]


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Play:
    """Answers of the resolver, one per look-up, the last one for ever. Gives the list of names that were asked."""

    def start(answers: Answers) -> list[str]:
        asked: list[str] = []

        async def look_up(host: str, _port: int) -> list[addresses.IPAddress]:
            asked.append(host)
            return [ipaddress.ip_address(text) for text in answers[min(len(asked), len(answers)) - 1]]

        monkeypatch.setattr(addresses, "look_up", look_up)
        return asked

    return start


def test_name_may_be_private_where_the_target_says_so(stage: Stage, serve: Serve, play: Play) -> None:
    asked = play([["127.0.0.1"]])
    registry = serve(answering(OK))
    stage.target(registry)
    stage.gateway.add_target("demo", f"http://registry.example:{registry.port}", allow_private=True)
    assert stage.ask().body == BODY
    assert asked == ["registry.example"]
    assert b"host: registry.example:%d\r\n" % registry.port in registry.connections[0]


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "192.168.0.1", "100.64.0.1", "::1", "fd00::1",
                                     "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::"])  # fmt: skip
def test_private_address_behind_a_public_name_is_not_dialled(
    address: str, stage: Stage, serve: Serve, play: Play
) -> None:
    play([[address]])
    registry = serve(answering(OK))
    stage.target(registry)
    stage.gateway.add_target("demo", f"http://registry.example:{registry.port}", allow_private=False)
    stage.refused(stage.ask(), "upstream-redirect-refused")
    assert registry.connections == []


@pytest.mark.parametrize("address", ["169.254.169.254", "fd00:ec2::254", "fe80::1", "0.0.0.0", "::", "224.0.0.1",  # noqa: S104  # nobody binds
                                     "::ffff:169.254.169.254", "100.100.100.200", "255.255.255.255"])  # fmt: skip
def test_metadata_address_is_never_dialled(address: str, stage: Stage, serve: Serve, play: Play) -> None:
    play([[address]])
    stage.target(serve(answering(OK)))
    stage.gateway.add_target("demo", "http://registry.example", allow_private=True)
    stage.refused(stage.ask(), "upstream-redirect-refused")


@pytest.mark.parametrize("answers", [["127.0.0.1", "169.254.169.254"], ["169.254.169.254", "127.0.0.1"]])
def test_one_bad_address_among_good_ones_closes_the_name(
    answers: list[str], stage: Stage, serve: Serve, play: Play
) -> None:
    play([answers])
    registry = serve(answering(OK))
    stage.target(registry)
    stage.gateway.add_target("demo", f"http://registry.example:{registry.port}", allow_private=True)
    stage.refused(stage.ask(), "upstream-redirect-refused")
    assert registry.connections == []


def test_name_that_changes_between_check_and_connect_changes_nothing(stage: Stage, serve: Serve, play: Play) -> None:
    """DNS rebinding: looked up once for each connection, and what was checked is what is dialled."""
    asked = play([["127.0.0.1"], ["169.254.169.254"]])
    registry = serve(answering_then_ending(OK))
    stage.target(registry)
    stage.gateway.add_target("demo", f"http://registry.example:{registry.port}", allow_private=True)
    assert stage.ask().body == BODY
    assert asked == ["registry.example"]
    registry.wait_until_left(1)
    stage.refused(stage.ask(), "upstream-redirect-refused")
    assert len(asked) == 2
    assert len(registry.connections) == 1


def test_named_store_that_resolves_to_a_private_address(stage: Stage, serve: Serve, play: Play) -> None:
    """To be named is no leave to be private: the target's own flag says that, for all its places."""
    play([["127.0.0.1"]])
    store = serve(answering(OK))
    place = f"http://store.example:{store.port}"
    moved = f"HTTP/1.1 307 Moved\r\nLocation: {place}/x\r\nContent-Length: 0\r\n\r\n".encode()
    registry = serve(answering(moved))
    stage.target(registry)
    stage.gateway.add_target("demo", registry.url, redirect_origins=(place,))
    assert stage.ask("GET", BLOB).body == BODY
    play([["169.254.169.254"]])
    stage.gateway.add_target("demo", registry.url, redirect_origins=(f"http://other.example:{store.port}", place))
    registry.script = answering(moved.replace(b"store.example", b"other.example"))
    stage.refused(stage.ask("GET", BLOB), "upstream-redirect-refused")
    assert len(store.connections) == 1
