"""The one function that moves state.

It asks the table in `domain.lifecycle`, then updates the row only if it still has the state and version that the
caller saw. Zero rows changed means that somebody else was first: nothing is written and `Conflict` is raised.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from django.db import models
from django.db.models import Q

from jit_access.core.expectations import check_expected
from jit_access.core.models import StatefulModel
from jit_access.domain.errors import Conflict
from jit_access.domain.lifecycle import is_legal
from jit_access.domain.reasons import Reason


def move(row: StatefulModel, new_state: StrEnum, *, guard: Q | None = None, **fields: Any) -> None:
    """Move one row along a legal edge, with the other fields that change in the same statement.

    `guard` holds further conditions, such as a deadline, that must be true inside the statement.
    Raises: Conflict (state-changed) when the move is not legal from here or the row changed
    meanwhile, (version-changed) when the caller expected another version (`core.expectations`).
    """
    old_state = type(new_state)(row.state)  # type: ignore[attr-defined]  # every StatefulModel child has a state
    if not is_legal(old_state, new_state):
        raise Conflict(Reason.STATE_CHANGED, state=str(old_state), wanted=str(new_state))
    check_expected(row)
    changes = {"state": new_state, "version": row.version + 1, **fields}
    manager: models.Manager[Any] = type(row)._default_manager
    conditions = Q(pk=row.pk, state=old_state, version=row.version)
    if guard is not None:
        conditions &= guard
    if manager.filter(conditions).update(**changes) != 1:
        raise Conflict(Reason.STATE_CHANGED, state=str(old_state), wanted=str(new_state))
    for name, value in changes.items():
        setattr(row, name, value)
