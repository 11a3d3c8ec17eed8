"""What a caller believes a row's version to be, held where the row is moved.

Looking before the service runs is not enough: somebody may move the row in between. So the belief travels beside the
call and `core.transitions.move` compares it with the version that its conditional UPDATE names.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from jit_access.core.models import StatefulModel
from jit_access.domain.errors import Conflict
from jit_access.domain.reasons import Reason

_Key = tuple[type[StatefulModel], int]
_expected: ContextVar[dict[_Key, int] | None] = ContextVar("expected_versions", default=None)


@contextmanager
def expecting(row: StatefulModel) -> Iterator[None]:
    """Within this block the first move of this row counts only from the version that it has here."""
    token = _expected.set({(type(row), row.pk): row.version})
    try:
        yield
    finally:
        _expected.reset(token)


def check_expected(row: StatefulModel) -> None:
    """Raises: Conflict (version-changed) when whoever asked for this move saw an older version."""
    expected = _expected.get()
    wanted = expected.pop((type(row), row.pk), None) if expected else None
    if wanted is not None and wanted != row.version:
        raise Conflict(Reason.VERSION_CHANGED, version=row.version)
