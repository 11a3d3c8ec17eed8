"""The raw request target: origin form, and one spelling per path.

Which characters a path may hold is the rule of its first segment, given by the protocol that owns it. Where nobody
gave one, a percent sign is refused outright: `%2f`, `%2e` and `%25` are how the path that was judged and the path that
was served came to differ in a dozen products.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from registry_proxy.edge.refusal import malformed
from registry_proxy.protocols.paths import NO_RULES, PLAIN, PathRule

# Printable ASCII except space " # < > \ ^ ` { | } and ; (some servers split pairs there); % only as %XX.
_QUERY = re.compile(rb"(?:[A-Za-z0-9._~:@=+,!$&'()*/?\[\]-]|%[0-9A-Fa-f]{2})*")
_DOT_SEGMENT = re.compile(rb"/\.{1,2}(?:/|\Z)")


def check_target(target: bytes, rules: Mapping[bytes, PathRule] = NO_RULES) -> None:
    """Refuse every target that has a second reading. `rules` go by first segment. Raises EdgeRefusal."""
    if not target.startswith(b"/"):
        raise malformed("its target is not a path")
    path, _, query = target.partition(b"?")
    rule = rules.get(path[1:].partition(b"/")[0], PLAIN)
    if not rule.fullmatch(path):
        raise malformed("its path holds a character that no registry path needs")
    if b"//" in path or _DOT_SEGMENT.search(path):
        raise malformed("its path is not in canonical form")
    if not _QUERY.fullmatch(query):
        raise malformed("its query holds a character that must be encoded")
