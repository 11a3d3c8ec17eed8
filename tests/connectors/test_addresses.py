from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address

import pytest

from jit_access.connectors.addresses import is_usable, resolve
from jit_access.connectors.base import Permanent
from jit_access.connectors.oci.connector import OCIConnector
from jit_access.domain.reasons import Reason
from tests.connectors.hostile import hostile_server, respond


@pytest.mark.parametrize("text", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_public_addresses_may_hold_a_target(text: str) -> None:
    assert is_usable(ip_address(text), allow_private=False)
    assert is_usable(ip_address(text), allow_private=True)


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1",
        "127.9.9.9",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "::1",
        "fd00::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
        "2002:a00:1::",
    ],
)
def test_private_ones_only_where_the_target_says_so(text: str) -> None:
    assert not is_usable(ip_address(text), allow_private=False)
    assert is_usable(ip_address(text), allow_private=True)


@pytest.mark.parametrize(
    "text",
    [
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "fe80::1",
        "fd00:ec2::254",
        "0.0.0.0",  # noqa: S104  # judged, never bound
        "::",
        "224.0.0.1",
        "ff02::1",
        "255.255.255.255",
        "240.0.0.1",
    ],
)
def test_metadata_and_the_like_never(text: str) -> None:
    assert not is_usable(ip_address(text), allow_private=False)
    assert not is_usable(ip_address(text), allow_private=True)


def answer(path: str, request: bytes) -> Iterator[bytes]:
    yield respond()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "2130706433", "0x7f.1"])
def test_a_private_target_is_never_connected_unless_allowed(host: str) -> None:
    with hostile_server(answer) as server:
        allowed = replace(server.endpoint(), base_url=f"http://{host}:{server.port}")
        client = OCIConnector(replace(allowed, allow_private=False))
        with pytest.raises(Permanent) as caught:
            client.check()
        client.close()
        assert caught.value.reason is Reason.UPSTREAM_AWAY
        assert "where no target may be" in caught.value.sentence
        assert server.requests == []
        client = OCIConnector(allowed)
        client.check()
        client.close()
        assert len(server.requests) == 1


def test_one_bad_address_among_good_ones_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (text, 80)) for text in ("127.0.0.1", "169.254.169.254")]
    with hostile_server(answer) as server:
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_kwargs: found)
        client = OCIConnector(replace(server.endpoint(), base_url=f"http://twofaced.example:{server.port}"))
        with pytest.raises(Permanent, match="where no target may be"):
            client.check()
        client.close()
    assert server.requests == []


def test_the_checked_address_is_the_one_that_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def rebinding(*args: object, **kwargs: object) -> list[object]:
        asked.append(args[0])
        text = "127.0.0.1" if asked.count("rebinding.example") == 1 and args[0] == "rebinding.example" else str(args[0])
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (text, args[1]))]

    with hostile_server(answer) as server:
        monkeypatch.setattr(socket, "getaddrinfo", rebinding)
        client = OCIConnector(replace(server.endpoint(), base_url=f"http://rebinding.example:{server.port}"))
        client.check()
        client.close()
    assert asked.count("rebinding.example") == 1
    assert b"Host: rebinding.example" in server.requests[0]


def test_a_name_without_address_is_no_crash() -> None:
    with pytest.raises(socket.gaierror):
        resolve("does-not-exist.invalid", 80)
