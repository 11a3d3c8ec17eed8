"""Records go with their change: in one transaction, in order, signed once, or not at all."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from django.db import DatabaseError, transaction

from jit_access.audit import services
from jit_access.audit.errors import LogBroken
from jit_access.audit.merkle import CompactRange, leaf_hash
from jit_access.audit.models import AuditEntry, AuditHead
from jit_access.audit.recorder import audited
from jit_access.audit.signing import head_text, load_signer
from jit_access.core import clock, request_id
from jit_access.domain.actors import NOBODY
from jit_access.domain.audit_record import MAX_RECORD_BYTES, decode_record
from jit_access.domain.decisions import deny
from jit_access.domain.reasons import Reason
from tests.audit.conftest import ADA, BEN, write_records
from tests.support.append_only import without_triggers

pytestmark = pytest.mark.django_db


def kinds() -> list[str]:
    return list(AuditEntry.objects.order_by("seq").values_list("kind", flat=True))


def test_records_are_appended_in_order_with_their_columns() -> None:
    with audited(actor=ADA) as audit:
        first = audit.record("request.made", request="req_1", target="demo-registry", repository="llm/tiny-llama")
        audit.record("grant.started", grant="grt_1", operation="pull", reason=Reason.GRANTED, detail={"lasts_s": 3600})
    entries = list(AuditEntry.objects.order_by("seq"))
    assert [entry.seq for entry in entries] == [0, 1]
    assert entries[0].record_id == first
    assert (entries[0].actor_id, entries[0].actor_name, entries[0].source) == ("usr_ada", "Ada Okafor", "control")
    assert (entries[1].grant, entries[1].operation, entries[1].reason) == ("grt_1", "pull", "granted")
    record = decode_record(entries[1].body.encode())
    assert record.detail == {"lasts_s": 3600}
    assert record.at == clock.format_instant(entries[1].at)


def test_one_transaction_is_signed_once_and_the_head_fits() -> None:
    write_records(3)
    head = AuditHead.objects.get()
    assert head.size == 3
    assert load_signer().verifier.holds(
        head_text(head.size, head.root, clock.format_instant(head.at)), head.signature, load_signer().key_id
    )


def test_a_rollback_drops_the_records_with_the_change() -> None:
    write_records(1)
    with suppress(RuntimeError), audited(actor=ADA) as audit:
        audit.record("grant.started")
        raise RuntimeError
    assert AuditEntry.objects.count() == 1
    assert AuditHead.objects.get().size == 1


def test_nested_use_joins_the_outermost_and_keeps_each_actor() -> None:
    with audited(actor=ADA) as outer:
        outer.record("a")
        with audited(actor=BEN) as inner:
            inner.record("b")
            assert AuditEntry.objects.count() == 0  # nothing is written before the outermost ends
        outer.record("c")
    assert kinds() == ["a", "b", "c"]
    assert list(AuditEntry.objects.order_by("seq").values_list("actor_id", flat=True)) == [
        "usr_ada",
        "usr_ben",
        "usr_ada",
    ]


def test_a_nested_failure_that_is_handled_drops_only_its_own_records() -> None:
    with audited(actor=ADA) as outer:
        outer.record("a")
        with suppress(RuntimeError), audited(actor=BEN) as inner:
            inner.record("b")
            raise RuntimeError
        outer.record("c")
    assert kinds() == ["a", "c"]


def test_nothing_recorded_writes_nothing() -> None:
    with audited(actor=ADA):
        pass
    assert AuditEntry.objects.count() == 0


def test_the_next_transaction_starts_empty_after_a_failure() -> None:
    with suppress(RuntimeError), audited(actor=ADA) as audit:
        audit.record("lost")
        raise RuntimeError
    write_records(1, kind="kept")
    assert kinds() == ["kept"]


def test_a_refusal_survives_the_rollback_that_follows_it() -> None:
    with suppress(RuntimeError), audited(actor=ADA) as audit:
        audit.record("grant.started")
        services.record_refusal(actor=ADA, kind="grant.refused", reason=Reason.NO_RULE_ALLOWS, grant="grt_1")
        raise RuntimeError
    entry = AuditEntry.objects.get()
    assert (entry.kind, entry.decision, entry.reason, entry.grant) == (
        "grant.refused",
        "deny",
        "no-rule-allows",
        "grt_1",
    )


def test_a_refusal_in_a_nested_failure_survives_the_outer_success() -> None:
    with audited(actor=ADA) as outer:
        outer.record("a")
        with suppress(RuntimeError), audited(actor=BEN):
            services.record_refusal(actor=BEN, kind="b.refused", reason=Reason.OWN_REQUEST)
            raise RuntimeError
    assert kinds() == ["a", "b.refused"]


def test_a_refusal_outside_is_written_at_once() -> None:
    record_id = services.record_refusal(
        actor=NOBODY, kind="sign_in.refused", reason=Reason.SIGN_IN_FAILED, address="::1"
    )
    entry = AuditEntry.objects.get(record_id=record_id)
    assert json.loads(entry.body)["address"] == "::1"


def test_a_decision_brings_its_word_reason_and_rule() -> None:
    with audited(actor=ADA) as audit:
        audit.record("request.refused", decision=deny(Reason.FORBIDDEN_BY_RULE, "no-agents"))
    record = decode_record(AuditEntry.objects.get().body.encode())
    assert (record.decision, record.reason, record.rule) == ("deny", "forbidden-by-rule", "no-agents")


def test_unsafe_text_is_shown_not_obeyed_and_long_text_is_cut_to_its_column() -> None:
    with audited(actor=ADA) as audit:
        audit.record("x.y", repository="a\u202eb\n" + "c" * 500, detail={"why\n": "line\nbreak"})
    entry = AuditEntry.objects.get()
    record = decode_record(entry.body.encode())
    assert record.repository.startswith("a\\u202eb\\u000ac")
    assert entry.repository == record.repository[:200]
    assert record.detail == {"why\\u000a": "line\\u000abreak"}


def test_a_record_larger_than_allowed_is_a_bug_and_stops_the_change() -> None:
    with pytest.raises(ValueError, match="larger"), audited(actor=ADA) as audit:
        audit.record("x.y", detail={f"k{number}": "v" * 1000 for number in range(MAX_RECORD_BYTES // 1000 + 1)})
    assert AuditEntry.objects.count() == 0


def test_a_detail_of_another_type_is_refused() -> None:
    with pytest.raises(TypeError), audited(actor=ADA) as audit:
        audit.record("x.y", detail={"ratio": 0.5})  # type: ignore[dict-item]


def test_the_request_id_is_carried_as_trace() -> None:
    request_id.bind_request_id("abcdefgh12345678")
    write_records(1)
    assert json.loads(AuditEntry.objects.get().body)["trace"] == "abcdefgh12345678"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"size": 2}, "peaks"),
        ({"root": "00" * 32}, "root"),
        ({"signature": "AAAA"}, "signature"),
        ({"peaks": ["zz"]}, "peaks"),
        ({"size": 0, "peaks": [], "root": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}, "empty"),
    ],
)
def test_a_forged_head_is_never_extended_nor_signed(changes: dict[str, object], says: str) -> None:
    """Else the next honest record would sign the forgery."""
    write_records(3)
    AuditHead.objects.update(**changes)
    with pytest.raises(LogBroken, match=says), audited(actor=ADA) as audit:
        audit.record("after")
    assert AuditEntry.objects.count() == 3


def test_a_matching_head_over_an_edited_past_is_not_extended() -> None:
    write_records(3)
    with without_triggers():
        AuditEntry.objects.filter(seq=1).update(body="{}", leaf_hash=leaf_hash(b"{}").hex())
    tree = CompactRange()
    for leaf in AuditEntry.objects.order_by("seq").values_list("leaf_hash", flat=True):
        tree.append(bytes.fromhex(leaf))
    AuditHead.objects.update(root=tree.root().hex(), peaks=[peak.hex() for peak in tree.peaks])
    with pytest.raises(LogBroken, match="signature"):
        write_records(1)


CHANGES = {
    "update": lambda: AuditEntry.objects.filter(seq=0).update(kind="forged"),
    "delete": lambda: AuditEntry.objects.filter(seq=0).delete(),
    "insert over": lambda: AuditEntry.objects.bulk_create([AuditEntry.objects.get(seq=0)]),
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_database_refuses_changes_to_entries(change: str) -> None:
    write_records(2)
    with pytest.raises(DatabaseError, match=r"accepts inserts only|duplicate key"), transaction.atomic():
        CHANGES[change]()
    assert kinds() == ["grant.started", "grant.started"]
