"""Which address means what: distribution-spec 1.1, "Endpoints"."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from jit_access.demo.registry.store import DIGEST, NAME, TAG

_ROUTES = (
    ("upload", re.compile(r"/v2/(?P<name>.+)/blobs/uploads/(?P<last>[0-9a-f]*)")),
    ("blob", re.compile(r"/v2/(?P<name>.+)/blobs/(?P<last>[^/]+)")),
    ("manifest", re.compile(r"/v2/(?P<name>.+)/manifests/(?P<last>[^/]+)")),
    ("tags", re.compile(r"/v2/(?P<name>.+)/tags/list(?P<last>)")),
    ("referrers", re.compile(r"/v2/(?P<name>.+)/referrers/(?P<last>[^/]+)")),
    ("catalog", re.compile(r"/v2/_catalog(?P<name>)(?P<last>)")),
    ("ping", re.compile(r"/v2/?(?P<name>)(?P<last>)")),
)


@dataclass(frozen=True, slots=True)
class Route:
    """A checked address: name and reference are safe to become paths."""

    kind: str
    name: str
    last: str
    query: dict[str, str]


def route_of(target: str) -> Route | None:
    """None for what this registry does not serve."""
    parts = urlsplit(target)
    query = {key: values[-1] for key, values in parse_qs(parts.query, keep_blank_values=True).items()}
    for kind, pattern in _ROUTES:
        match = pattern.fullmatch(parts.path)
        if match is not None:
            route = Route(kind, match["name"], match["last"], query)
            return route if _is_sound(route) else None
    return None


def _is_sound(route: Route) -> bool:
    if route.name and not NAME.fullmatch(route.name):
        return False
    digests = [value for key in ("digest", "mount") if (value := route.query.get(key)) is not None]
    if route.kind in {"blob", "referrers"}:
        digests.append(route.last)
    if route.kind == "manifest" and not (DIGEST.fullmatch(route.last) or TAG.fullmatch(route.last)):
        return False
    source = route.query.get("from")
    return all(DIGEST.fullmatch(digest) for digest in digests) and (source is None or bool(NAME.fullmatch(source)))
