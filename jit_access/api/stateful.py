"""ETag, If-None-Match and If-Match of what has states (RFC 9110, 8.8.3 and 13.1).

An ETag is `"v<version>.<digest>"`: the version that `core.transitions.move` counts, and a digest of what was shown.
If-None-Match compares all of it, so a 304 never hides a new comment or verdict. If-Match compares the version alone:
a move counts when nobody moved the object since.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response

from jit_access.access_requests import access as request_access
from jit_access.access_requests.services import reviewing
from jit_access.access_reviews import access as review_access
from jit_access.accounts.models import User
from jit_access.core.expectations import expecting
from jit_access.core.models import StatefulModel
from jit_access.domain.errors import CallerError, Conflict
from jit_access.domain.reasons import Reason
from jit_access.envelopes import access as envelope_access
from jit_access.grants import access as grant_access
from jit_access.locks import access as lock_access
from jit_access.mfa.assurance import signed_in_user
from jit_access.policy_changes import access as proposal_access
from jit_access.workloads import access as trust_access

if TYPE_CHECKING:
    from rest_framework.request import Request

Load: TypeAlias = Callable[[User, Mapping[str, str]], Any]

PREFIX: Final = "api/v1/"
# Where the objects with states stand, and the one way from an id to one of them. Rows that are no StatefulModel have a
# `version` of their own. A new kind of object needs its line here; tests/api/test_etags.py says so.
LOADERS: Final[dict[str, Load]] = {
    "requests/<str:public_id>": lambda actor, named: request_access.get_request(actor=actor, **named),
    "grants/<str:public_id>": lambda actor, named: grant_access.get_grant(actor=actor, **named),
    "tokens/<str:public_id>": lambda actor, named: grant_access.get_lease(actor=actor, **named),
    "envelopes/<str:public_id>": lambda actor, named: envelope_access.get_envelope(actor, **named),
    "agents/<str:public_id>/trusts/<str:trust_id>": lambda actor, named: trust_access.get_trust(
        actor=actor, agent_id=named["public_id"], public_id=named["trust_id"]
    ),
    "policies/proposals/<str:public_id>": lambda actor, named: proposal_access.get_proposal(actor, **named),
    "reviews/<str:public_id>": lambda actor, named: review_access.get_campaign(actor, **named),
    "locks/<str:public_id>": lambda actor, named: lock_access.get_lock(actor=actor, **named),
    "break-glass/<str:public_id>": lambda actor, named: reviewing.get_review(actor=actor, **named),
}
# They change with the clock and not with the object; `valid_until` says the same and stands still.
_BY_THE_CLOCK: Final = frozenset({"left_s", "is_overdue"})
_TAG: Final = re.compile(r'\s*(W/)?"([!#-~]*)"\s*')
_PARAMETER: Final = re.compile(r"<str:(\w+)>")
_MOST_TAGS: Final = 20


def add_etag(request: Request, response: Response) -> Response:
    """The answer with its ETag; 304 without a body when the client has it already."""
    if request.method not in {"GET", "HEAD"} or response.status_code != 200:
        return response
    body = response.data
    if _prefix_of(request) is None or not isinstance(body, dict) or not isinstance(body.get("version"), int):
        return response
    tag = f"v{body['version']}.{_digest(body)}"
    response["ETag"] = f'"{tag}"'
    response.setdefault("Cache-Control", "private, no-cache")
    asked = request.headers.get("If-None-Match")
    if asked is None or not (asked.strip() == "*" or tag in {name for _, name in _tags(asked)}):
        return response
    kept = Response(status=304, headers={"ETag": response["ETag"], "Cache-Control": response["Cache-Control"]})
    kept.data = None
    return kept


def holding_match(request: Request, kwargs: Mapping[str, str]) -> AbstractContextManager[None]:
    """Around a move: what `If-Match` asks for holds until the row is moved.

    Raises: Conflict (version-changed, 412) when the object has another version already; CallerError where there is
    nothing to match; NotFound for an object that the caller may not know.
    """
    asked = request.headers.get("If-Match")
    if asked is None or request.method in {"GET", "HEAD", "OPTIONS"}:
        return nullcontext()
    prefix = _prefix_of(request, is_below=True)
    if prefix is None:
        raise CallerError(Reason.INVALID_INPUT, "Nothing here has an ETag, so If-Match says nothing.")
    named = {name: kwargs[name] for name in _PARAMETER.findall(prefix)}
    row = LOADERS[prefix](signed_in_user(request), named)
    if asked.strip() != "*" and f"v{row.version}" not in _strong_versions(asked):
        raise Conflict(Reason.VERSION_CHANGED, version=row.version)
    return expecting(row) if isinstance(row, StatefulModel) and asked.strip() != "*" else nullcontext()


def _prefix_of(request: Request, *, is_below: bool = False) -> str | None:
    match = request.resolver_match
    route = match.route.removeprefix(PREFIX) if match is not None else ""
    for prefix in LOADERS:
        if route == prefix or (is_below and route.startswith(f"{prefix}/")):
            return prefix
    return None


def _strong_versions(text: str) -> set[str]:
    return {name.partition(".")[0] for is_weak, name in _tags(text) if not is_weak}


def _tags(text: str) -> list[tuple[bool, str]]:
    found = [_TAG.fullmatch(part) for part in text.split(",")[: _MOST_TAGS + 1]]
    if len(found) > _MOST_TAGS or None in found:
        raise CallerError(Reason.INVALID_INPUT, "That is not a list of ETags.")
    return [(one.group(1) is not None, one.group(2)) for one in found if one is not None]


def _digest(body: Mapping[str, object]) -> str:
    still = {name: value for name, value in body.items() if name not in _BY_THE_CLOCK}
    return hashlib.sha256(JSONRenderer().render(still)).hexdigest()[:16]
