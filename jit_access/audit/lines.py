"""Proxy records, line by line, as the rows they become: nearly all of them are read by one expression.

The expression is the canonical form written out, for the plain case: no escape, nothing longer than its column, no
number near the end of its range. What it matches, `decode_record` would accept as well and give the same values (a
property test holds the two together); what it does not match, `decode_record` judges. It costs an eighth.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields

from jit_access.audit.entries import COLUMN_CHARS, FIELDS, NUMBERS, Values, instant_speller, parse_at, values_of
from jit_access.domain.audit_record import (
    MAX_RECORD_BYTES,
    MAX_TEXT_CHARS,
    RECORD_VERSION,
    UNSAFE_CHARS,
    AuditRecord,
    decode_record,
)
from jit_access.domain.errors import CallerError
from jit_access.domain.reasons import Reason

PROXY_SOURCE = re.compile(r"proxy/[A-Za-z0-9._-]{1,64}")
KIND = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+){1,5}")
_MAX_DETAILS = 32
_MAX_KIND_CHARS = COLUMN_CHARS["kind"]
_WHOLE = "(?:0|[1-9][0-9]{0,17})"
_WHOLE_FIELDS = frozenset({*NUMBERS, "duration_ms", "status"})
_AT = FIELDS.index("at")
_DETAIL = sum(name < "detail" for name in FIELDS)  # where detail stands among the groups
_KIND, _RECORD_ID = (FIELDS.index(name) for name in ("kind", "id"))
_KEY = re.compile(r'[{,]"([a-z0-9_]+)":')

Read = Callable[[bytes], Values]


def record_id_of(values: Values) -> str:
    return str(values[_RECORD_ID])


def line_reader() -> Read:
    """The reader of one batch: from a line to its columns. It raises CallerError for what cannot be stored."""
    spell, plain, wide = instant_speller(), _PLAIN.fullmatch, _WIDE.fullmatch

    def read(line: bytes) -> Values:
        if len(line) > MAX_RECORD_BYTES:
            return _read_slowly(line)
        try:
            match = plain(line.decode("ascii")) if line.isascii() else wide(line.decode("utf-8"))
        except UnicodeDecodeError:
            match = None
        if match is None:
            return _read_slowly(line)
        found = match.groups()
        at, kind = found[_AT], found[_KIND + 1]
        keys = _KEY.findall(found[_DETAIL])
        if len(kind) > _MAX_KIND_CHARS or keys != sorted(set(keys)):
            return _read_slowly(line)
        try:
            parse_at(at)
        except ValueError:
            return _read_slowly(line)
        return (*found[:_AT], spell(at), *found[_AT + 1 : _DETAIL], *found[_DETAIL + 1 :])

    return read


def _read_slowly(line: bytes) -> Values:
    record = decode_record(line)
    if not PROXY_SOURCE.fullmatch(record.source):
        raise CallerError(Reason.INVALID_INPUT, "A proxy may only speak for itself.")
    if len(record.kind) > _MAX_KIND_CHARS or not KIND.fullmatch(record.kind):
        raise CallerError(Reason.INVALID_INPUT, "The kind of a record is a dotted word.")
    try:
        parse_at(record.at)
    except ValueError as exc:
        raise CallerError(Reason.INVALID_INPUT, "The instant of a record is not a date.") from exc
    return values_of(record)


def _form(safe: str) -> re.Pattern[str]:
    """Canonical text of a proxy record, with a group for each column and one for detail."""
    text = f'"{safe}{{0,{MAX_TEXT_CHARS}}}"'
    item = f'"[a-z0-9_]{{1,64}}":(?:{text}|-?[1-9][0-9]{{0,17}}|0|true|false)'
    special = {
        "at": r'"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)"',
        "detail": rf"(\{{(?:{item}(?:,{item}){{0,{_MAX_DETAILS - 1}}})?\}})",
        "id": '"(rec_[0-9a-f]{32})"',
        "kind": f'"({KIND.pattern})"',
        "source": f'"({PROXY_SOURCE.pattern})"',
        "v": str(RECORD_VERSION),
    }
    names = sorted({*(item.name for item in fields(AuditRecord)), "v"})
    spelled = (f'"{name}":{special.get(name) or _spell(name, safe, text)}' for name in names)
    return re.compile(rf"\{{{','.join(spelled)}\}}", re.ASCII)


def _spell(name: str, safe: str, text: str) -> str:
    if name in _WHOLE_FIELDS:
        return f"({_WHOLE})" if name in NUMBERS else _WHOLE
    most = COLUMN_CHARS.get(name)
    return text if most is None else f'"({safe}{{0,{most}}})"'


_PLAIN = _form(r"[ !#-\[\]-~]")  # printable ASCII without quote and backslash
_WIDE = _form(rf'[^"\\{UNSAFE_CHARS}]')
