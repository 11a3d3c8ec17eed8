"""The suite talks to this machine only. A test that reaches out is a test that fails on a train."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

import pytest


class OutsideWorldReached(RuntimeError):
    """A test tried to reach an address that is not loopback."""


def is_local(family: int, address: Any) -> bool:
    """Loopback and unix sockets are ours; names and everything else are not."""
    if family not in (socket.AF_INET, socket.AF_INET6):
        return True
    host = str(address[0])
    if host in {"localhost", ""}:
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


def block_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace both ways of Python's sockets to connect."""
    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, _guarded(getattr(socket.socket, name)))


def _guarded(original: Any) -> Any:
    def connect(self: socket.socket, address: Any) -> Any:
        if not is_local(self.family, address):
            raise OutsideWorldReached(f"a test tried to reach {address!r}")
        return original(self, address)

    return connect
