"""A kind of target is known everywhere or nowhere: both planes, the connectors, the cards and the words."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from jit_access.connectors import registry
from jit_access.domain import narrowing
from jit_access.targets.models import TargetKind
from jit_access.web import ways
from registry_proxy.protocols.dialects import make_dialects

TABLES: dict[str, Collection[str]] = {
    "dialects of the proxy": [dialect.kind for dialect in make_dialects(bytes(32)).all],
    "connectors": registry.KINDS,
    "commands of a card": ways.WAYS,
    "limits of a scope": narrowing.OF_KIND,
}


@pytest.mark.parametrize("table", TABLES)
def test_every_kind_is_in_the_table(table: str) -> None:
    """A kind that is left out would get the commands of another one, or a page that fails."""
    assert sorted(TABLES[table]) == sorted(TargetKind.values)
