"""What proxies send is stored exactly once, and what cannot be stored is reported, never fatal."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from jit_access.audit.models import AuditEntry
from jit_access.audit.services import MAX_BATCH_RECORDS, ingest_records
from jit_access.core.ids import new_record_id
from jit_access.domain.errors import CallerError
from tests.audit.conftest import write_records

pytestmark = pytest.mark.django_db
Line = Callable[..., bytes]


def test_a_batch_is_stored_with_its_columns(proxy_line: Line) -> None:
    result = ingest_records([proxy_line(bytes_out=67_108_864, repository="llm/tiny-llama"), proxy_line()])
    assert (result.accepted, result.duplicates, result.rejected) == (2, 0, ())
    entry = AuditEntry.objects.get(seq=0)
    assert (entry.source, entry.bytes_out, entry.repository) == ("proxy/p1", 67_108_864, "llm/tiny-llama")
    assert entry.at.isoformat() == "2026-11-23T13:55:10.123456+00:00"


def test_sent_again_is_a_duplicate_and_stored_once(proxy_line: Line) -> None:
    lines = [proxy_line(), proxy_line()]
    ingest_records(lines)
    again = ingest_records([*lines, proxy_line()])
    assert (again.accepted, again.duplicates, again.rejected) == (1, 2, ())
    assert AuditEntry.objects.count() == 3


def test_twice_in_one_batch_is_stored_once(proxy_line: Line) -> None:
    line = proxy_line()
    result = ingest_records([line, line])
    assert (result.accepted, result.duplicates) == (1, 1)


def test_the_same_id_with_another_content_is_rejected(proxy_line: Line) -> None:
    record_id = new_record_id()
    ingest_records([proxy_line(id=record_id)])
    later = ingest_records([proxy_line(id=record_id, grant="grt_other")])
    same_batch = ingest_records([first := proxy_line(), first.replace(b"grt_a", b"grt_b")])
    assert (later.accepted, later.duplicates, later.rejected) == (0, 0, (record_id,))
    assert (same_batch.accepted, len(same_batch.rejected)) == (1, 1)
    assert AuditEntry.objects.get(record_id=record_id).grant == "grt_a"


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"not json",
        b"[]",
        b"null",
        b"{}",
        b"[" * 100_000,
        b"\xff\xfe",
        b"x" * 20_000,
    ],
)
def test_poison_is_reported_and_the_rest_is_stored(proxy_line: Line, bad: bytes) -> None:
    result = ingest_records([bad, proxy_line()])
    assert (result.accepted, result.rejected) == (1, ("#0",))
    trace = AuditEntry.objects.get(kind="audit.record_rejected")
    assert (trace.decision, trace.reason) == ("deny", "invalid-input")
    assert json.loads(trace.body)["detail"]["bytes"] == len(bad)


@pytest.mark.parametrize(
    "fields",
    [
        {"source": "control"},
        {"source": "proxy/"},
        {"source": "proxy/a b"},
        {"kind": "nodots"},
        {"kind": "x." + "y" * 60},
        {"at": "2026-13-23T13:55:10.123456Z"},
        {"at": "2026-02-30T13:55:10.123456Z"},
        {"bytes_out": -1},
        {"bytes_out": 2**63},
        {"grant": "a\nb"},
        {"detail": {"x": 0.5}},
        {"detail": {str(number): 1 for number in range(33)}},
    ],
)
def test_each_bound_of_a_proxy_record_holds(proxy_line: Line, fields: dict[str, object]) -> None:
    good = proxy_line()
    assert ingest_records([good]).rejected == ()
    assert len(ingest_records([proxy_line(**fields)]).rejected) == 1


def test_poison_sent_again_leaves_one_trace() -> None:
    ingest_records([b"bad"])
    ingest_records([b"bad", b"bad"])
    assert AuditEntry.objects.filter(kind="audit.record_rejected").count() == 1


def test_long_text_from_outside_is_cut_to_its_column_only(proxy_line: Line) -> None:
    result = ingest_records([proxy_line(repository="r" * 900, reference="t" * 900)])
    assert result.accepted == 1
    entry = AuditEntry.objects.get()
    assert (len(entry.repository), len(entry.reference)) == (200, 160)
    assert json.loads(entry.body)["repository"] == "r" * 900


def test_a_batch_has_a_size(proxy_line: Line) -> None:
    ingest_records([proxy_line() for _ in range(MAX_BATCH_RECORDS)])
    with pytest.raises(CallerError):
        ingest_records([proxy_line() for _ in range(MAX_BATCH_RECORDS + 1)])


def test_an_empty_batch_is_fine() -> None:
    assert ingest_records([]).accepted == 0


def test_control_and_proxy_records_share_one_tree(proxy_line: Line) -> None:
    write_records(2)
    ingest_records([proxy_line()])
    write_records(1)
    assert list(AuditEntry.objects.order_by("seq").values_list("seq", "source")) == [
        (0, "control"),
        (1, "control"),
        (2, "proxy/p1"),
        (3, "control"),
    ]
