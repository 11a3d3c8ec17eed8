"""One audit record and its canonical bytes, the same on both planes.

The Merkle log hashes `canonical_bytes`; whoever holds the exported text can recompute the leaf. Fields that do not
apply are empty strings or zero, never absent, so that a record has one form only. No field may hold a secret.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from json.encoder import encode_basestring
from operator import attrgetter, itemgetter

from jit_access.domain.errors import CallerError
from jit_access.domain.reasons import Reason

RECORD_VERSION = 1
RECORD_ID = re.compile(r"rec_[0-9a-f]{32}")
MAX_RECORD_BYTES = 16 * 1024
MAX_TEXT_CHARS = 1024
_AT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
# C0, DEL, C1, line separators, bidirectional controls and invisible tags: they forge log lines and mislead readers.
UNSAFE_CHARS = (
    r"\x00-\x1f\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\U000e0000-\U000e007f"
)
_UNSAFE = re.compile(f"[{UNSAFE_CHARS}]")


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """What happened once. `at` is UTC with microseconds, `2026-11-23T13:55:10.123456Z`."""

    id: str  # rec_ + 32 hex
    at: str
    source: str  # "control", or "proxy/<name>"
    kind: str  # dotted, "grant.revoked", "proxy.request.allowed"
    actor_kind: str = ""
    actor_id: str = ""
    actor_name: str = ""
    request: str = ""  # req_… of the access request
    grant: str = ""
    lease: str = ""
    target: str = ""
    repository: str = ""
    operation: str = ""
    reference: str = ""  # tag, digest or upload id
    decision: str = ""  # "allow", "deny" or ""
    reason: str = ""  # reason code
    rule: str = ""
    status: int = 0  # HTTP status given to the client
    bytes_in: int = 0  # from the client
    bytes_out: int = 0  # to the client
    duration_ms: int = 0
    exchange: str = ""  # joins the records of one proxied request
    trace: str = ""  # X-Request-Id across web, worker and proxy
    address: str = ""  # client address
    detail: Mapping[str, str | int | bool] = field(default_factory=dict)


_FIELD_SET = frozenset(item.name for item in fields(AuditRecord))
_NUMBERS = frozenset({"status", "bytes_in", "bytes_out", "duration_ms"})
# Every record has the same keys in the same order, so its form is a template: a fifth of what a JSON encoder costs.
_ORDER = tuple(sorted(_FIELD_SET))
_pick_fields = attrgetter(*_ORDER)
_pick_texts = attrgetter(*(name for name in _ORDER if name not in {*_NUMBERS, "detail"}))
_DETAIL = _ORDER.index("detail")
_PLAIN_FORM, _FORM = (
    "{" + ",".join(f'"{name}":{"%d" if name in _NUMBERS else "%s" if name == "detail" else text}' for name in _ORDER)
    + f',"v":{RECORD_VERSION}}}'
    for text in ('"%s"', "%s")
)  # fmt: skip
_BLANK: dict[str, object] = {name: 0 if name in _NUMBERS else "" for name in _ORDER}
_pick_values = itemgetter(*_ORDER)
_PRINTABLE = bytes(range(0x20, 0x7F))
_FORM_CHARS, _FORM_QUOTES = len(_PLAIN_FORM), _PLAIN_FORM.count('"')
# A prepared encoder: json.dumps with these arguments would build one per call.
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def clean_text(text: str) -> str:
    """Text as it may stand in a record: control and direction characters shown as \\uXXXX, bounded length."""
    is_plain = text.isascii() and text.isprintable()  # nearly all text is, and this is ten times as fast
    cleaned = text if is_plain else _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
    return cleaned if len(cleaned) <= MAX_TEXT_CHARS else cleaned[: MAX_TEXT_CHARS - 1] + "…"


def _is_clean(text: str) -> bool:
    return len(text) <= MAX_TEXT_CHARS and not _UNSAFE.search(text)


def canonical_bytes(record: AuditRecord) -> bytes:
    """The one byte form of a record: JSON, keys sorted, no spaces, UTF-8. Version is part of it."""
    values = _pick_fields(record)
    detail = _spell_detail(record.detail)
    texts = "".join(_pick_texts(record))
    if len(encode_basestring(texts)) == len(texts) + 2:  # nothing in any of them needs an escape
        form = _PLAIN_FORM
    else:
        form = _FORM
        values = tuple(encode_basestring(value) if isinstance(value, str) else value for value in values)
    return (form % (*values[:_DETAIL], detail, *values[_DETAIL + 1 :])).encode("utf-8")


def plain_bytes(facts: Mapping[str, object]) -> bytes | None:
    """The form of a record with these fields, or None unless every text in it is plain: short, printable ASCII.

    What it gives is what `canonical_bytes` would and what `clean_text` would leave alone, at a third of the cost: the
    finished text is looked at once, not each field. A text with a quote or a backslash is not plain.
    Raises: TypeError for a field that records do not have.
    """
    detail, quotes = _spell_plain(facts.get("detail"))  # type: ignore[arg-type]  # the callers' TypedDict says so
    named = {**_BLANK, **facts, "detail": detail}
    if len(named) != len(_BLANK):
        raise TypeError("a record has no such field")
    text = _PLAIN_FORM % _pick_values(named)
    if len(text) > MAX_TEXT_CHARS + _FORM_CHARS or not text.isascii():
        return None
    raw = text.encode("ascii")
    is_unescaped = b"\\" not in raw and raw.count(b'"') == _FORM_QUOTES + quotes
    return raw if is_unescaped and not raw.translate(None, _PRINTABLE) else None


def _spell_plain(detail: Mapping[str, str | int | bool] | None) -> tuple[str, int]:
    """Without any escape, and how many quotes that takes: where one was needed, there are more of them."""
    if not detail:
        return "{}", 0
    items, quotes = [], 0
    for key, value in sorted(detail.items()):
        if isinstance(value, str):
            items.append(f'"{key}":"{value}"')
            quotes += 4
        else:
            items.append(f'"{key}":{_ENCODER.encode(value)}')
            quotes += 2
    return "{" + ",".join(items) + "}", quotes


def _spell_detail(detail: Mapping[str, str | int | bool] | None) -> str:
    if not detail:
        return "{}"
    items = [
        f"{encode_basestring(key)}:{encode_basestring(value) if isinstance(value, str) else _ENCODER.encode(value)}"
        for key, value in sorted(detail.items())
    ]
    return "{" + ",".join(items) + "}"


def decode_record(raw: bytes) -> AuditRecord:
    """Parse and bound a record that came from outside (a proxy's spool, an export).

    Raises: CallerError when anything is missing, unknown, of the wrong type, too long or not canonical.
    """
    if len(raw) > MAX_RECORD_BYTES:
        raise CallerError(Reason.REQUEST_TOO_LARGE, "An audit record is larger than allowed.")
    try:
        body = json.loads(raw)
        record = _from_body(body)
    except (ValueError, TypeError, AttributeError, RecursionError) as exc:
        raise CallerError(Reason.INVALID_INPUT, "An audit record could not be read.") from exc
    if canonical_bytes(record) != raw:
        raise CallerError(Reason.INVALID_INPUT, "An audit record is not in canonical form.")
    return record


def _from_body(body: dict[str, object]) -> AuditRecord:
    if body.pop("v", None) != RECORD_VERSION or body.keys() != _FIELD_SET:
        raise ValueError("fields")
    for name, value in body.items():
        if name == "detail":
            _check_detail(value)
        elif name in _NUMBERS:
            if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**63:
                raise ValueError(name)
        elif not isinstance(value, str) or not _is_clean(value):
            raise ValueError(name)
    if not RECORD_ID.fullmatch(str(body["id"])) or not _AT.fullmatch(str(body["at"])):
        raise ValueError("id")
    return AuditRecord(**body)  # type: ignore[arg-type]  # every field was checked just above


def _check_detail(value: object) -> None:
    if not isinstance(value, dict) or len(value) > 32:
        raise ValueError("detail")
    for key, item in value.items():
        is_text = isinstance(item, str) and _is_clean(item)
        if not isinstance(key, str) or not _is_clean(key) or not (is_text or isinstance(item, bool | int)):
            raise ValueError("detail")
