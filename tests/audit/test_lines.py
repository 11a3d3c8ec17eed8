"""The quick reader of proxy records accepts nothing that the slow one refuses, and says the same of what it accepts."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jit_access.audit import lines
from jit_access.audit.entries import values_of
from jit_access.audit.lines import line_reader
from jit_access.domain.audit_record import MAX_RECORD_BYTES, MAX_TEXT_CHARS, AuditRecord, canonical_bytes, decode_record
from jit_access.domain.errors import CallerError
from tests.audit.conftest import proxy_record

Line = Callable[..., bytes]
# What stands between accepted and refused: quotes, escapes, controls, direction marks, text beyond ASCII and the BMP.
_TEXTS = st.text(st.sampled_from('ab0{}[],:"\\/ é\x00\x1f\x7f\x85\u2028\u202e\ud800\ufeff😀\U000e0041'), max_size=12)
_DETAILS = st.dictionaries(_TEXTS, _TEXTS | st.booleans() | st.integers(-(10**20), 10**20), max_size=4)


def as_sent(record: AuditRecord) -> bytes:
    try:
        return canonical_bytes(record)
    except UnicodeEncodeError:
        return canonical_bytes(record_without_surrogates(record))


def record_without_surrogates(record: AuditRecord) -> AuditRecord:
    text = json.dumps({name: getattr(record, name) for name in AuditRecord.__slots__})
    return AuditRecord(**json.loads(text.replace("\\ud800", "")))


def judge(line: bytes) -> tuple[str, ...] | None:
    """What the slow way says: the columns, or None for a refusal."""
    try:
        return tuple(map(str, lines._read_slowly(line)))
    except CallerError:
        return None


def read(line: bytes) -> tuple[str, ...] | None:
    try:
        return tuple(map(str, line_reader()(line)))
    except CallerError:
        return None


@given(_TEXTS, _TEXTS, _DETAILS, st.integers(-1, 2**64))
def test_both_ways_say_the_same(name: str, path: str, detail: dict[str, str | int | bool], count: int) -> None:
    record = proxy_record(actor_name=name, reference=path, rule=path, detail=detail, bytes_out=count)
    line = as_sent(record)
    assert read(line) == judge(line)


@given(st.data())
def test_both_ways_say_the_same_of_damaged_lines(data: st.DataObject) -> None:
    line = canonical_bytes(proxy_record(detail={"agent": "skopeo", "bytes": 17, "ok": True}, actor_name="Zoë"))
    start = data.draw(st.integers(0, len(line)))
    end = data.draw(st.integers(start, min(len(line), start + 4)))
    patch = data.draw(
        st.sampled_from([b"", b" ", b'"', b"\\", b",", b":", b"0", b"-", b"e", b"\n", b"\xff", b"\xc3\xa9"])
    )
    damaged = line[:start] + patch + line[end:]
    assert read(damaged) == judge(damaged)


def without_the_slow_way(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(line: bytes) -> None:
        raise AssertionError(line)

    monkeypatch.setattr(lines, "_read_slowly", refuse)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"actor_name": "Zoë Øster 😀"},
        {"detail": {"agent": "skopeo/1.9", "method": "GET", "path": "/v2/a/b"}, "bytes_out": 10**17},
        {"detail": {"bytes": -1, "is_retry": False, "n": 0}, "status": 200},
        {"at": "2026-11-23T13:55:10.000000Z"},
    ],
)
def test_what_proxies_write_goes_the_quick_way(monkeypatch: pytest.MonkeyPatch, fields: dict[str, object]) -> None:
    record = proxy_record(**fields)
    without_the_slow_way(monkeypatch)
    assert read(canonical_bytes(record)) == tuple(map(str, values_of(record)))


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        (b'"a":1,"b":2', b'"b":2,"a":1'),
        (b'"a":1,"b":2', b'"a":1,"a":2'),
        (b'"a":1,"b":2', b'"a":1,"b":02'),
        (b'"a":1,"b":2', b'"a":1,"b":-0'),
        (b'"a":1,"b":2', b'"a":1,"b":2.0'),
        (b'"a":1,"b":2', b'"a":1,"b":null'),
        (b'"a":1,"b":2', b'"a":1,"b":{}'),
        (b'"a":1,"b":2', b'"a":1, "b":2'),
        (b'"bytes_in":0', b'"bytes_in":00'),
        (b'"bytes_in":0', b'"bytes_in":-0'),
        (b'"bytes_in":0', b'"bytes_in":false'),
        (b'"v":1', b'"v":2'),
        (b"2026-11-23T13", b"2026-02-30T13"),
        (b"2026-11-23T13", b"2026-11-23T24"),
        (b"2026-11-23T13", "2026-11-2٣T13".encode()),
        (b"Ada", b"A\\u0064a"),
        (b"Ada", b"A\x7fa"),
        (b"Ada", "A\u202ea".encode()),
        (b"Ada", b"A\xed\xa0\x80a"),
        (b"Ada", b"A" * (MAX_TEXT_CHARS + 1)),
        (b"proxy/p1", b"control"),
        (b'"proxy/p1"', b'"proxy/p1\\n"'),
        (b'"proxy.request.allowed"', b'"proxy"'),
    ],
)
def test_each_other_spelling_is_refused(good: bytes, bad: bytes) -> None:
    line = canonical_bytes(proxy_record(detail={"a": 1, "b": 2}))
    assert read(line) is not None
    assert good in line
    assert read(line.replace(good, bad)) is None


def test_a_record_may_be_as_large_as_records_are_and_no_larger() -> None:
    detail = {f"k{number:02}": "x" * 1000 for number in range(14)}
    room = MAX_RECORD_BYTES - len(canonical_bytes(proxy_record(detail=detail, rule="z" * 1000)))
    largest = canonical_bytes(proxy_record(detail=detail, rule="z" * 1000, trace="y" * room))
    assert len(largest) == MAX_RECORD_BYTES
    assert read(largest) is not None
    assert read(canonical_bytes(proxy_record(detail=detail, rule="z" * 1000, trace="y" * (room + 1)))) is None


def test_a_read_line_is_its_own_canonical_form() -> None:
    line = canonical_bytes(proxy_record(detail={"a": "b"}))
    assert read(line) is not None
    assert canonical_bytes(decode_record(line)) == line
