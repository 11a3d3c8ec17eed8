"""A protocol that is spoken is a protocol that is tested."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_proxy.protocols.dialects import make_dialects
from tests.conformance.table import PROFILES
from tests.conformance.toy import ToyDialect


def untested(kinds: set[str]) -> set[str]:
    return kinds ^ PROFILES.keys()


def test_every_dialect_of_the_table_has_a_profile() -> None:
    assert untested({dialect.kind for dialect in make_dialects(bytes(32)).all}) == set()


def test_dialect_without_a_profile_is_noticed() -> None:
    table = make_dialects(bytes(32))
    table = replace(table, by_prefix={**table.by_prefix, b"toy": ToyDialect()})
    assert untested({dialect.kind for dialect in table.all}) == {"toy"}


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b"GET /hf/hub/%00 HTTP/1.1\r\n", "hf"), (b"GET /s3/store/.. HTTP/1.1\n", "s3"), (b"get /mlflow", "mlflow"),
        (b"GET /s3", "s3"), (b"GET /v2/", "oci"), (b"GET /S3/x", "oci"), (b"GET http://gw/s3/x", "oci"), (b"", "oci"),
        (b"GET", "oci"), (b"\x16\x03\x01", "oci"), (b"GET  /hf/", "oci"),
    ],
)  # fmt: skip
def test_refusal_at_the_edge_speaks_as_the_path_does(raw: bytes, kind: str) -> None:
    assert make_dialects(bytes(32)).choose_raw(raw).kind == kind


@given(st.binary(max_size=60))
def test_bytes_of_any_kind_find_a_dialect(raw: bytes) -> None:
    table = make_dialects(bytes(32))
    assert table.choose_raw(raw).kind in PROFILES
    assert table.choose_raw(b"GET /s3/" + raw.replace(b" ", b"")).kind == "s3"
