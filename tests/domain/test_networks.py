"""Whom the brakes count together."""

from __future__ import annotations

import pytest

from jit_access.domain.networks import network_of


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("testclient", ""),
    ],
)
def test_one_ipv6_host_is_one_network(address: str, network: str) -> None:
    assert network_of(address) == network


def test_ipv4_clients_of_a_socket_for_both_families_stay_apart() -> None:
    assert network_of("::ffff:192.0.2.1") == network_of("192.0.2.1") != network_of("::ffff:192.0.2.2")
