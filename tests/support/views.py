"""Session views and tokens as the control plane would make them: valid by default, changed in one thing by a test."""

from __future__ import annotations

import secrets
import time
from dataclasses import replace
from typing import Any

from jit_access.domain.operations import Operation, Staleness
from jit_access.domain.reasons import Reason
from jit_access.domain.scopes import ResourceScope, Scope
from jit_access.domain.session_view import LeaseFacts, RepositoryFacts, SessionView, ViewState
from jit_access.domain.tokens import ALPHABET, TokenKind, format_token, hash_token
from registry_proxy.protocols.wanted import RefKind, Wanted

REPOSITORY = "llm/tiny-llama"
TARGET = "demo-registry"
HOUR_S = 3600.0


def make_token(kind: TokenKind = TokenKind.GRANT) -> str:
    return format_token(kind, _letters(16), _letters(43))


def make_lease(token: str, *, valid_until: float | None = None) -> LeaseFacts:
    return LeaseFacts(f"lse_{_letters(8)}", hash_token(token), valid_until or time.time() + HOUR_S)


def make_view(*tokens: str, now: float | None = None, **changes: Any) -> SessionView:
    """An open view of Ada's pull on one repository, from a minute ago for an hour."""
    begins = (now if now is not None else time.time()) - 60
    view = SessionView(
        grant_id="grt_first",
        epoch=1,
        state=ViewState.OPEN,
        reason=Reason.GRANTED,
        actor_id="usr_ada",
        actor_name="Ada Okafor",
        actor_kind="person",
        target=TARGET,
        scope=Scope((ResourceScope(REPOSITORY, frozenset({Operation.PULL})),)),
        repositories=(RepositoryFacts(REPOSITORY, "sensitive", True, Staleness.STRICT),),
        leases=tuple(make_lease(token, valid_until=begins + HOUR_S) for token in tokens),
        valid_from=begins,
        valid_until=begins + HOUR_S,
        rule="research-pulls-models",
    )
    return replace(view, **changes)


def closed(view: SessionView, reason: Reason = Reason.GRANT_REVOKED) -> SessionView:
    return replace(view, epoch=view.epoch + 1, state=ViewState.CLOSED, reason=reason)


def pull(repository: str = REPOSITORY, **changes: Any) -> tuple[Wanted, ...]:
    return (replace(Wanted(TARGET, repository, Operation.PULL, "v1", RefKind.TAG), **changes),)


def _letters(count: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(count))
