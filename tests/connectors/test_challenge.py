from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jit_access.connectors.links import path_on
from jit_access.connectors.oci.challenge import Challenge, parse_challenge


@pytest.mark.parametrize(
    ("header", "challenge"),
    [
        ('Basic realm="Registry"', Challenge(False)),
        ("basic", Challenge(False)),
        (
            'Bearer realm="http://h/token",service="s",scope="repository:a:pull,push"',
            Challenge(True, "http://h/token", "s", "repository:a:pull,push"),
        ),
        ('Basic realm="r", Bearer realm="/token"', Challenge(True, "/token")),
        ('Bearer realm="/token", Basic realm="r"', Challenge(True, "/token")),
        ("Bearer realm=/token", Challenge(True, "/token")),
        ("Bearer service=x", None),
        ("Negotiate", None),
        ("", None),
        ('Bearer realm="' + "a" * 5000 + '"', None),
    ],
)
def test_challenges_as_registries_send_them(header: str, challenge: Challenge | None) -> None:
    assert parse_challenge(header) == challenge


@given(st.text(max_size=200))
def test_no_header_breaks_the_parser(header: str) -> None:
    parse_challenge(header)
    parse_challenge('Bearer realm="' + header)


@given(st.text(max_size=100))
def test_a_path_is_always_on_the_origin(url: str) -> None:
    path = path_on("http://registry.example:5000", url)
    assert path is None or path.startswith("/")


def test_default_ports_are_the_same_origin() -> None:
    assert path_on("https://r.example", "https://R.example:443/token?a=b") == "/token?a=b"
    assert path_on("https://r.example", "https://r.example:444/token") is None
    assert path_on("https://r.example", "http://r.example/token") is None
    assert path_on("http://r.example", "https://r.example:80/token") is None
    assert path_on("https://r.example", "/token") == "/token"
