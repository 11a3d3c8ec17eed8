"""The fields of an exchange's audit records. No query string, no header, no token ever gets in."""

from __future__ import annotations

import re

from jit_access.domain.audit_record import clean_text
from jit_access.domain.reasons import Reason
from jit_access.domain.session_view import LeaseFacts, SessionView
from jit_access.domain.tokens import TOKEN_REGEX
from registry_proxy.protocols.asked import ExchangeFacts
from registry_proxy.protocols.wanted import Classified

_TOKEN = re.compile(TOKEN_REGEX)
_BEGINS = "jita_"
_MAX_DETAIL_CHARS = 200

Detail = dict[str, str | int | bool]


def short_text(text: str) -> str:
    """Text of a client, cleaned, bounded, and without a token that somebody pasted in the wrong place."""
    if _BEGINS in text:
        text = _TOKEN.sub("jita_…", text)
    return clean_text(text)[:_MAX_DETAIL_CHARS]


def path_of(target: bytes) -> str:
    """The path of a target for a record; queries can hold credentials."""
    return short_text(target.partition(b"?")[0].decode("ascii", "backslashreplace"))


def exchange_fields(facts: ExchangeFacts, method: str, target: bytes) -> dict[str, object]:
    """What is known of every exchange."""
    detail: Detail = {"method": method, "path": path_of(target)}
    if facts.agent:
        detail["agent"] = short_text(facts.agent)
    trace = facts.trace or facts.exchange_id
    return {"exchange": facts.exchange_id, "trace": trace, "address": facts.address, "detail": detail}


def session_fields(view: SessionView | None, lease: LeaseFacts | None) -> dict[str, object]:
    """Who, under which grant, by which rule. Empty for a stranger."""
    fields: dict[str, object] = {}
    if view is not None:
        fields |= {
            "actor_kind": view.actor_kind, "actor_id": view.actor_id, "actor_name": view.actor_name,
            "grant": view.grant_id, "rule": view.rule,
        }  # fmt: skip
    if lease is not None:
        fields["lease"] = lease.lease_id
    return fields


def resource_fields(classified: Classified) -> dict[str, object]:
    """What was asked for."""
    if not classified.wanted:
        return {"operation": classified.route}
    asked = classified.wanted[0]
    return {
        "target": asked.target, "repository": asked.repository, "operation": asked.operation,
        "reference": asked.reference,
    }  # fmt: skip


def denial_fields(reason: Reason, status: int) -> dict[str, object]:
    """Why not, and what the client was told."""
    return {"decision": "deny", "reason": reason.value, "status": status}
