"""A protocol that is spoken is a protocol that is tested."""

from __future__ import annotations

from dataclasses import replace

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
