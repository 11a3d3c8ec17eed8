"""What the gateway answers itself: the ping, the token and the catalogue."""

from __future__ import annotations

from datetime import UTC, datetime

from jit_access.domain.operations import Operation
from registry_proxy.protocols.answers import Answer, json_answer
from registry_proxy.protocols.oci.versions import API_VERSION
from registry_proxy.protocols.query import render_pairs
from registry_proxy.protocols.wanted import Admission, Classified

# distribution docs/spec/auth/token: never below 60, for old clients. The gate ends access, not this number.
MIN_EXPIRES_IN_S = 60
MAX_CATALOG = 100


def ping_answer() -> Answer:
    """The answer of `GET /v2/` to a valid token."""
    return json_answer({}, API_VERSION)


def token_answer(token: str, admission: Admission, now: float, *, is_offline: bool) -> Answer:
    """The caller's own token again: bound to its grant, whatever scope was asked for."""
    ends = min(admission.lease.valid_until, admission.view.valid_until)
    body: dict[str, object] = {
        "token": token,
        "access_token": token,
        "expires_in": max(MIN_EXPIRES_IN_S, int(ends - now)),
        "issued_at": datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    if is_offline:
        body["refresh_token"] = token
    return json_answer(body, API_VERSION)


def catalog_answer(classified: Classified, admission: Admission, origin: bytes) -> Answer:
    """The repositories that this grant may pull, never the registry's own list (CVE-2023-2253, CVE-2020-13794)."""
    query = dict(classified.query)
    limit = min(int(query.get("n", MAX_CATALOG)), MAX_CATALOG)
    view = admission.view
    names = sorted(
        f"{view.target}/{item.repository}" for item in view.scope.resources if Operation.PULL in item.operations
    )
    after = [name for name in names if name > query.get("last", "")]
    page = after[:limit]
    if len(after) <= limit or not page:
        return json_answer({"repositories": page}, API_VERSION)
    link = render_pairs((("last", page[-1]), ("n", str(limit))))
    return json_answer(
        {"repositories": page}, API_VERSION, (b"link", b"<" + origin + b"/v2/_catalog?" + link + b'>; rel="next"')
    )
