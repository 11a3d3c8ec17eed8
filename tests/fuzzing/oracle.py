"""A second reader of the paths that we forward: what a registry makes of them.

Written from distribution's route table (registry/api/v2 `routeDescriptors`, in its order) and Go's `path.Clean`, and
on purpose not from our own parser: where the two disagree, what policy judged is not what the registry serves.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|[-]+)[a-z0-9]+)*"
_NAME = rf"(?P<name>{_COMPONENT}(?:/{_COMPONENT})*)"
_TAG = r"[\w][\w.-]{0,127}"
_DIGEST = r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*[:][0-9a-fA-F]{32,}"
_ROUTES = [
    ("base", re.compile(r"/v2/")),
    ("manifest", re.compile(rf"/v2/{_NAME}/manifests/(?P<reference>{_TAG}|{_DIGEST})", re.ASCII)),
    ("tags", re.compile(rf"/v2/{_NAME}/tags/list")),
    ("blob", re.compile(rf"/v2/{_NAME}/blobs/(?P<reference>{_DIGEST})")),
    ("uploads", re.compile(rf"/v2/{_NAME}/blobs/uploads/")),
    ("upload", re.compile(rf"/v2/{_NAME}/blobs/uploads/(?P<reference>[a-zA-Z0-9-_.=~]+)")),
    ("referrers", re.compile(rf"/v2/{_NAME}/referrers/(?P<reference>{_DIGEST})")),
    ("catalog", re.compile(r"/v2/_catalog")),
]


@dataclass(frozen=True, slots=True)
class Served:
    """What a registry would serve for a target."""

    route: str
    repository: str
    reference: str


def served(target: bytes) -> Served | None:
    """The route a registry takes, or None where it has none. A path that it would clean first is None too."""
    path = unquote_to_bytes(target.partition(b"?")[0]).decode("latin-1")
    cleaned = posixpath.normpath(path) + ("/" if path.endswith("/") and path != "/" else "")
    if cleaned != path:
        return None
    for route, pattern in _ROUTES:
        found = pattern.fullmatch(path)
        if found:
            fields = found.groupdict()
            return Served(route, fields.get("name", ""), fields.get("reference", ""))
    return None
