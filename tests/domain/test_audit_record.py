"""Audit records have one byte form; whatever else arrives is refused, never stored, never a crash."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jit_access.domain.audit_record import (
    MAX_RECORD_BYTES,
    MAX_TEXT_CHARS,
    AuditRecord,
    canonical_bytes,
    clean_text,
    decode_record,
    plain_bytes,
)
from jit_access.domain.errors import CallerError
from tests.domain.strategies import records

RECORD = AuditRecord("rec_" + "0" * 32, "2026-11-23T13:55:10.123456Z", "proxy/p1", "proxy.request.allowed")


@given(records)
def test_a_record_is_read_back_from_its_one_form(record: AuditRecord) -> None:
    raw = canonical_bytes(record)
    assert decode_record(raw) == record
    assert canonical_bytes(decode_record(raw)) == raw


@given(records)
def test_the_form_is_what_a_json_encoder_writes(record: AuditRecord) -> None:
    body = {item.name: getattr(record, item.name) for item in fields(record)} | {"v": 1}
    expected = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert canonical_bytes(record).decode() == expected


_SAID = st.text(st.sampled_from('ab {}:,%"\\\n\x7fé'), max_size=6) | st.sampled_from(["x" * 1000, "x" * 1025, "%s"])


@given(
    st.fixed_dictionaries({}, optional=dict.fromkeys(("actor_name", "reference", "rule", "trace", "grant"), _SAID)),
    st.dictionaries(_SAID, _SAID | st.booleans() | st.integers(-9, 10**20), max_size=3),
    st.integers(0, 2**63 - 1),
)
def test_the_quick_form_is_the_form_or_nothing(
    texts: dict[str, str], detail: dict[str, str | int | bool], moved: int
) -> None:
    facts = {**texts, "id": RECORD.id, "at": RECORD.at, "source": RECORD.source, "kind": RECORD.kind}
    record = AuditRecord(**facts, detail=detail, bytes_out=moved)
    raw = plain_bytes({**facts, "detail": detail, "bytes_out": moved})
    said = [*texts.values(), *detail, *(item for item in detail.values() if isinstance(item, str))]
    needs_a_look = any(clean_text(text) != text or not text.isascii() or set(text) & {'"', "\\"} for text in said)
    if needs_a_look:
        assert raw is None
    elif sum(map(len, said)) < 900:
        assert raw is not None
    if raw is not None:
        assert raw == canonical_bytes(record)
        assert decode_record(raw) == record


def test_the_quick_form_takes_no_other_field() -> None:
    facts = {"id": RECORD.id, "at": RECORD.at, "source": RECORD.source, "kind": RECORD.kind}
    assert plain_bytes(facts) == canonical_bytes(RECORD)
    with pytest.raises(TypeError):
        plain_bytes({**facts, "password": "x"})


def test_the_form_is_pinned() -> None:
    """A change here changes every leaf: it needs a new version, never another text under the old one."""
    assert canonical_bytes(RECORD).decode() == (
        '{"actor_id":"","actor_kind":"","actor_name":"","address":"","at":"2026-11-23T13:55:10.123456Z","bytes_in":0,'
        '"bytes_out":0,"decision":"","detail":{},"duration_ms":0,"exchange":"","grant":"",'
        '"id":"rec_00000000000000000000000000000000","kind":"proxy.request.allowed","lease":"","operation":"",'
        '"reason":"","reference":"","repository":"","request":"","rule":"","source":"proxy/p1","status":0,'
        '"target":"","trace":"","v":1}'
    )


def changed(**changes: object) -> bytes:
    body = json.loads(canonical_bytes(RECORD)) | changes
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")


@pytest.mark.parametrize(
    "changes",
    [
        {"v": 2},
        {"v": None},
        {"extra": ""},
        {"id": "rec_short"},
        {"id": "rec_" + "G" * 32},
        {"at": "2026-11-23 13:55:10.123456Z"},
        {"at": "2026-11-23T13:55:10Z"},
        {"at": "2026-11-23T13:55:10.123456+00:00"},
        {"grant": None},
        {"grant": 5},
        {"grant": "a\nb"},
        {"grant": "a\u202eb"},
        {"grant": "x" * (MAX_TEXT_CHARS + 1)},
        {"status": "200"},
        {"status": True},
        {"status": -1},
        {"bytes_out": 2**63},
        {"bytes_out": 1.0},
        {"detail": []},
        {"detail": {"a": None}},
        {"detail": {"a": 1.5}},
        {"detail": {"a": {"b": 1}}},
        {"detail": {"a": "x\x00"}},
        {"detail": {"a\n": 1}},
        {"detail": {"\ud800": 1}},
        {"detail": {str(number): number for number in range(33)}},
    ],
)
def test_each_bound_of_a_foreign_record_holds(changes: dict[str, object]) -> None:
    assert decode_record(changed()) == RECORD
    with pytest.raises(CallerError):
        decode_record(changed(**changes))


@pytest.mark.parametrize("name", sorted(json.loads(canonical_bytes(RECORD))))
def test_a_missing_field_is_refused(name: str) -> None:
    body = json.loads(canonical_bytes(RECORD))
    del body[name]
    with pytest.raises(CallerError):
        decode_record(json.dumps(body, sort_keys=True, separators=(",", ":")).encode())


@pytest.mark.parametrize(
    "raw",
    [
        canonical_bytes(RECORD) + b" ",
        b" " + canonical_bytes(RECORD),
        canonical_bytes(RECORD).replace(b":0", b": 0"),
        canonical_bytes(RECORD).replace(b'"status":0', b'"status":0,"status":0'),
        canonical_bytes(RECORD).replace(b"proxy/p1", b"proxy\\/p1"),
        canonical_bytes(RECORD).replace(b"proxy/p1", b"\\u0070roxy/p1"),
        b"[" * 100_000,
        b"{" + b" " * MAX_RECORD_BYTES,
    ],
)
def test_another_spelling_of_the_same_record_is_refused(raw: bytes) -> None:
    """Two byte forms of one record would give two leaves, and let one be passed off for the other."""
    with pytest.raises(CallerError):
        decode_record(raw)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_record_or_a_caller_error(raw: bytes) -> None:
    with pytest.raises(CallerError):
        decode_record(raw)


@given(st.data())
def test_any_changed_byte_gives_another_record_or_none(data: Any) -> None:
    raw = canonical_bytes(RECORD)
    index = data.draw(st.integers(0, len(raw) - 1))
    other = (
        raw[:index] + bytes([data.draw(st.integers(0, 255).filter(lambda byte: byte != raw[index]))]) + raw[index + 1 :]
    )
    with suppress(CallerError):
        assert decode_record(other) != RECORD


@given(st.text())
def test_cleaned_text_is_safe_bounded_and_stays_as_it_is(text: str) -> None:
    cleaned = clean_text(text)
    assert clean_text(cleaned) == cleaned
    assert len(cleaned) <= MAX_TEXT_CHARS
    assert all(char.isprintable() or char not in "\n\r\x1b\u202e\u2028" for char in cleaned)
    cleaned.encode("utf-8")


def test_cleaning_shows_what_was_there() -> None:
    assert clean_text("a\r\nb\x1b[31m\u202e") == "a\\u000d\\u000ab\\u001b[31m\\u202e"
    assert clean_text("a\u061cb\U000e0041") == "a\\u061cb\\ue0041"
    assert clean_text("Zoë 模型") == "Zoë 模型"
    assert clean_text("x" * 2000).endswith("…")
