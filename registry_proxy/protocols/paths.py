"""Which characters the paths of a protocol may hold: judged by the edge on the raw bytes, before anything is decoded.

A rule must leave one spelling for each path: what it takes literally it may not take encoded, and the other way round.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

PathRule = re.Pattern[bytes]

PLAIN: PathRule = re.compile(rb"/[A-Za-z0-9._~:@=+,!$&'()*/-]*")
# What `quote` of Python and `encodeURIComponent` leave alone stands for itself, all else is %XX in upper case. Never
# %25 (whoever decodes twice reads another path), %5C (a slash to some), nor control characters.
ENCODED: PathRule = re.compile(rb"/(?:[A-Za-z0-9._~/-]|%(?:2[0-46-9ABCF]|3[A-F]|40|5[BDE]|60|7[BCD]|[89A-F][0-9A-F]))*")
NO_RULES: Mapping[bytes, PathRule] = MappingProxyType({})
