"""Whatever a thief of the database does, verification names the first wrong record and what is wrong with it.

The thief here owns the database: triggers are off, and everything that needs no key is recomputed.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from django.db import DatabaseError, connection, transaction
from django.db.models import F

from jit_access.audit import scan, services
from jit_access.audit.errors import LogBroken
from jit_access.audit.faults import FaultKind
from jit_access.audit.merkle import CompactRange, leaf_hash
from jit_access.audit.models import AuditEntry, AuditHead, Checkpoint
from jit_access.audit.recorder import audited
from jit_access.audit.signing import new_key_pem
from jit_access.audit.verification import verify
from tests.audit.conftest import ADA, write_records
from tests.support.append_only import without_triggers

pytestmark = pytest.mark.django_db
SIZE = 40


@pytest.fixture
def log(tmp_path: Path, settings: Any) -> str:
    """Forty records with two checkpoints, one of them in the middle. Returns the path of the witness."""
    settings.AUDIT_WITNESS_FILE = str(tmp_path / "witness.jsonl")
    write_records(25)
    services.write_checkpoint()
    write_records(SIZE - 25)
    services.write_checkpoint()
    assert verify(settings.AUDIT_WITNESS_FILE).is_intact
    return str(settings.AUDIT_WITNESS_FILE)


def entry(seq: int) -> AuditEntry:
    return AuditEntry.objects.get(seq=seq)


def edit_body(seq: int, **fields: object) -> str:
    """Change the text, and the columns with it, as a careful thief would."""
    body = json.loads(entry(seq).body) | fields
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    AuditEntry.objects.filter(seq=seq).update(body=text, **fields)
    return text


def edit_with_leaf(seq: int) -> None:
    text = edit_body(seq, grant="grt_forged")
    AuditEntry.objects.filter(seq=seq).update(leaf_hash=leaf_hash(text.encode()).hex())


def public_half(path: str) -> bytes:
    private = serialization.load_pem_private_key(Path(path).read_bytes(), None)
    return private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def rebuild_head() -> None:
    tree = CompactRange()
    for leaf in AuditEntry.objects.order_by("seq").values_list("leaf_hash", flat=True):
        tree.append(bytes.fromhex(leaf))
    AuditHead.objects.update(size=tree.size, root=tree.root().hex(), peaks=[peak.hex() for peak in tree.peaks])


CONTENT = [field.name for field in AuditEntry._meta.fields if field.name != "seq"]


def swap(first: int, second: int, names: list[str]) -> None:
    """Exchange the named columns of two rows; unique ones by way of a placeholder."""
    one, two = entry(first), entry(second)
    AuditEntry.objects.filter(seq=first).update(record_id="rec_" + "0" * 32)
    for seq, other in ((second, one), (first, two)):
        AuditEntry.objects.filter(seq=seq).update(**{name: getattr(other, name) for name in names})
    if "record_id" not in names:
        AuditEntry.objects.filter(seq=first).update(record_id=one.record_id)


def remove_and_renumber(seq: int, count: int = 1) -> None:
    AuditEntry.objects.filter(seq__gte=seq, seq__lt=seq + count).delete()
    for later in AuditEntry.objects.filter(seq__gte=seq + count).order_by("seq").values_list("seq", flat=True):
        AuditEntry.objects.filter(seq=later).update(seq=F("seq") - count)


def insert_forged(seq: int) -> None:
    for later in AuditEntry.objects.filter(seq__gte=seq).order_by("-seq").values_list("seq", flat=True):
        AuditEntry.objects.filter(seq=later).update(seq=F("seq") + 1)
    forged = entry(seq - 1)
    forged.seq = seq
    body = json.loads(forged.body) | {"id": "rec_" + "f" * 32}
    forged.record_id = body["id"]
    forged.body = json.dumps(body, sort_keys=True, separators=(",", ":"))
    forged.leaf_hash = leaf_hash(forged.body.encode()).hex()
    AuditEntry.objects.bulk_create([forged])


K = FaultKind
# name: (what the thief does, kind that is found, first wrong record, words that must be said)
DEEDS: dict[str, tuple[Callable[[], object], FaultKind, int | None, str]] = {
    "text edited": (lambda: edit_body(17, grant="grt_forged"), K.EDITED, 17, "does not hash"),
    "text edited, leaf recomputed": (lambda: edit_with_leaf(17), K.EDITED, 17, "not made by us"),
    "first record edited": (lambda: edit_with_leaf(0), K.EDITED, 0, "not made by us"),
    "last record edited, head rebuilt": (lambda: (edit_with_leaf(39), rebuild_head()), K.EDITED, 39, "not made by us"),
    "two edited: the first is named": (lambda: (edit_with_leaf(30), edit_with_leaf(5)), K.EDITED, 5, "not made by us"),
    "only a column edited": (
        lambda: AuditEntry.objects.filter(seq=9).update(actor_name="Eve"),
        K.EDITED,
        9,
        "column actor_name",
    ),
    "bytes column edited": (lambda: AuditEntry.objects.filter(seq=9).update(bytes_out=1), K.EDITED, 9, "bytes_out"),
    "instant column edited": (
        lambda: AuditEntry.objects.filter(seq=9).update(at="2020-01-01T00:00:00Z"),
        K.EDITED,
        9,
        "at",
    ),
    "leaf edited": (lambda: AuditEntry.objects.filter(seq=9).update(leaf_hash="ab" * 32), K.EDITED, 9, "does not hash"),
    "code edited": (lambda: AuditEntry.objects.filter(seq=9).update(mac="ab" * 16), K.EDITED, 9, "not made by us"),
    "text made garbage": (
        lambda: AuditEntry.objects.filter(seq=9).update(body="garbage"),
        K.EDITED,
        9,
        "does not hash",
    ),
    "one removed": (lambda: AuditEntry.objects.filter(seq=12).delete(), K.REMOVED, 12, "Record 12 was removed"),
    "several removed": (
        lambda: AuditEntry.objects.filter(seq__in=[12, 13, 14]).delete(),
        K.REMOVED,
        12,
        "Records 12 to 14 were",
    ),
    "first removed": (lambda: AuditEntry.objects.filter(seq=0).delete(), K.REMOVED, 0, "Record 0 was removed"),
    "one removed, rest renumbered": (lambda: remove_and_renumber(12), K.REMOVED, 12, "Record 12 was removed"),
    "three removed, rest renumbered": (lambda: remove_and_renumber(12, 3), K.REMOVED, 12, "Records 12 to 14 were"),
    "last but one removed, renumbered": (
        lambda: (remove_and_renumber(38), rebuild_head()),
        K.REMOVED,
        38,
        "38 was removed",
    ),
    "two swapped whole": (lambda: swap(7, 21, CONTENT), K.SWAPPED, 7, "belongs at 21"),
    "neighbours swapped whole": (lambda: swap(7, 8, CONTENT), K.SWAPPED, 7, "belongs at 8"),
    "two swapped but for their codes": (
        lambda: swap(7, 21, [name for name in CONTENT if name != "mac"]),
        K.SWAPPED,
        7,
        "belongs at 21",
    ),
    "two texts swapped": (lambda: swap(7, 21, ["body"]), K.SWAPPED, 7, "text of record 21"),
    "one inserted": (lambda: insert_forged(20), K.INSERTED, 20, "now stands at 21"),
    "one inserted at the end": (lambda: insert_forged(SIZE), K.INSERTED, SIZE, "after the end"),
    "one before the beginning": (lambda: AuditEntry.objects.filter(seq=3).update(seq=-1), K.INSERTED, -1, "beginning"),
    "tail cut": (
        lambda: AuditEntry.objects.filter(seq__gte=37).delete(),
        K.TAIL_CUT,
        37,
        "Records 37 to 39 are missing",
    ),
    "last record cut": (lambda: AuditEntry.objects.filter(seq=39).delete(), K.TAIL_CUT, 39, "Record 39 is missing"),
    "all cut": (lambda: AuditEntry.objects.all().delete(), K.TAIL_CUT, 0, "Records 0 to 39"),
    "tail cut, head rebuilt": (
        lambda: (AuditEntry.objects.filter(seq__gte=37).delete(), rebuild_head()),
        K.TAIL_CUT,
        37,
        "the checkpoint at size 40 knows",
    ),
    "head's root forged": (lambda: AuditHead.objects.update(root="ab" * 32), K.HEAD_FORGED, None, "root"),
    "head's size forged": (
        lambda: AuditHead.objects.update(size=39),
        K.HEAD_FORGED,
        39,
        "39 records, but there are 40",
    ),
    "head's signature forged": (lambda: AuditHead.objects.update(signature="AAAA"), K.HEAD_FORGED, None, "signature"),
    "head's peaks forged": (lambda: AuditHead.objects.update(peaks=["ab" * 32]), K.HEAD_FORGED, None, "peaks"),
    "head removed": (lambda: AuditHead.objects.all().delete(), K.HEAD_FORGED, None, "head is missing"),
    "checkpoint's root forged": (
        lambda: Checkpoint.objects.filter(size=25).update(root="ab" * 32),
        K.CHECKPOINT_FORGED,
        None,
        "checkpoint at size 25",
    ),
    "checkpoint invented": (
        lambda: Checkpoint.objects.filter(size=25).update(size=24),
        K.CHECKPOINT_FORGED,
        None,
        "not signed",
    ),
}


@pytest.mark.parametrize("chunk", [1000, 7], ids=["in one chunk", "over chunks"])
@pytest.mark.parametrize("deed", DEEDS)
def test_every_deed_is_found_and_named(log: str, deed: str, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "CHUNK_ROWS", chunk)
    act, kind, seq, words = DEEDS[deed]
    with without_triggers():
        act()
    fault = verify().fault
    assert fault is not None
    assert (fault.kind, fault.seq) == (kind, seq)
    assert words in fault.sentence


def test_an_untouched_log_is_intact_and_counted(log: str) -> None:
    report = verify(log)
    assert report.is_intact
    assert (report.records, report.size, report.checkpoints, report.witness_lines) == (SIZE, SIZE, 2, 2)
    assert report.root == AuditHead.objects.get().root


def test_an_empty_log_is_intact() -> None:
    report = verify()
    assert (report.is_intact, report.records) == (True, 0)


def test_records_with_escapes_or_cut_columns_are_intact() -> None:
    with audited(actor=ADA) as audit:
        audit.record("x.y", repository='a"b\\c' + "d" * 300, detail={"why": 'say "hi"', "id": "x", "at": "y"})
        audit.record("x.y", detail={"a": 1, "b": True, "c": "ä"})
        audit.record("x.y", detail={})
    assert verify().is_intact
    with without_triggers():
        AuditEntry.objects.filter(seq=0).update(repository="a")
    fault = verify().fault
    assert fault is not None
    assert "column repository" in fault.sentence


def test_a_column_that_repeats_the_escaped_text_is_still_wrong() -> None:
    """The text spells a backslash as two; a column that holds two looks the same and is not."""
    with audited(actor=ADA) as audit:
        audit.record("x.y", repository="a\\")
    assert verify().is_intact
    with without_triggers():
        AuditEntry.objects.filter(seq=0).update(repository="a\\\\")
    fault = verify().fault
    assert fault is not None
    assert "column repository" in fault.sentence


def test_setting_the_whole_log_back_is_found_by_the_witness_only(log: str) -> None:
    """An earlier state was validly signed once. That is why a witness stands outside."""
    write_records(1)
    before = AuditHead.objects.values().get()
    with audited(actor=ADA) as audit:
        audit.record("the.deed")
    services.write_checkpoint()
    with without_triggers():
        AuditEntry.objects.filter(kind="the.deed").delete()
        Checkpoint.objects.filter(size=SIZE + 2).delete()
        AuditHead.objects.update(**before)
    assert verify().is_intact
    fault = verify(log).fault
    assert fault is not None
    assert (fault.kind, fault.seq) == (FaultKind.TAIL_CUT, SIZE + 1)
    assert "witness line at size 42" in fault.sentence
    with pytest.raises(LogBroken, match="witness"):
        services.write_checkpoint()


def test_a_forged_witness_line_is_named(log: str) -> None:
    path = Path(log)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0].replace('"size":25', '"size":24'), lines[1]]) + "\n")
    fault = verify(log).fault
    assert fault is not None
    assert fault.kind == FaultKind.WITNESS_DIFFERS


def test_a_torn_witness_line_is_a_warning_and_the_next_line_stands_alone(log: str) -> None:
    path = Path(log)
    path.write_text(path.read_text()[:-20])
    write_records(1)
    services.write_checkpoint()
    report = verify(log)
    assert report.is_intact
    assert report.warnings == ["Line 2 of the witness cannot be read (torn by a crash?)."]
    assert report.witness_lines == 3  # 25, then 40 again, then 41


def test_another_key_does_not_verify(log: str, tmp_path: Path, settings: Any) -> None:
    (tmp_path / "other.pem").write_bytes(new_key_pem())
    settings.AUDIT_KEY_FILE = str(tmp_path / "other.pem")
    assert not verify().is_intact


def test_a_rotated_key_still_verifies_what_the_old_one_signed(log: str, tmp_path: Path, settings: Any) -> None:
    both = tmp_path / "both.pem"
    both.write_bytes(Path(settings.AUDIT_KEY_FILE).read_bytes() + new_key_pem())
    settings.AUDIT_KEY_FILE = str(both)
    write_records(2)
    assert services.write_checkpoint() is not None
    assert verify(log).is_intact
    with without_triggers():
        edit_with_leaf(17)
    fault = verify().fault
    assert fault is not None
    assert fault.seq == 17


def test_with_the_old_key_public_only_a_change_is_named_by_its_range(log: str, tmp_path: Path, settings: Any) -> None:
    both = tmp_path / "both.pem"
    both.write_bytes(public_half(settings.AUDIT_KEY_FILE) + new_key_pem())
    settings.AUDIT_KEY_FILE = str(both)
    write_records(2)
    assert verify(log).is_intact
    with without_triggers():
        edit_with_leaf(30)
    fault = verify().fault
    assert fault is not None
    assert (fault.kind, fault.seq) == (FaultKind.EDITED, 25)
    assert "records 25 to 39" in fault.sentence


def test_after_the_last_checkpoint_the_range_ends_at_the_head(log: str, tmp_path: Path, settings: Any) -> None:
    both = tmp_path / "both.pem"
    both.write_bytes(public_half(settings.AUDIT_KEY_FILE) + new_key_pem())
    settings.AUDIT_KEY_FILE = str(both)
    write_records(2)
    with without_triggers():
        edit_with_leaf(41)
    fault = verify().fault
    assert fault is not None
    assert (fault.kind, fault.seq) == (FaultKind.EDITED, SIZE)
    assert "records 40 to 41" in fault.sentence


def test_checkpoints_are_written_once_per_size(log: str) -> None:
    assert services.write_checkpoint() is None
    assert Checkpoint.objects.count() == 2
    assert len(Path(log).read_text().splitlines()) == 2


def test_the_witness_catches_up_after_it_was_away(log: str, settings: Any) -> None:
    settings.AUDIT_WITNESS_FILE = ""
    write_records(1)
    services.write_checkpoint()
    settings.AUDIT_WITNESS_FILE = log
    assert services.write_checkpoint() is None
    assert verify(log).witness_lines == 3


def test_checkpoints_accept_inserts_only(log: str) -> None:
    for change in (lambda: Checkpoint.objects.update(root="x"), lambda: Checkpoint.objects.all().delete()):
        with pytest.raises(DatabaseError, match="inserts only"), transaction.atomic():
            change()


def test_verification_reads_rows_once(log: str, django_assert_num_queries: Callable[..., object]) -> None:
    # head, checkpoints, rows; nothing per record
    with django_assert_num_queries(3):
        verify()
    assert connection.in_atomic_block


def begin_another_log() -> None:
    """As after a switch to another database: the same keys, another first record."""
    with without_triggers():
        AuditEntry.objects.all().delete()
        Checkpoint.objects.all().delete()
        AuditHead.objects.all().delete()
    write_records(SIZE + 5)


def test_a_witness_of_another_log_is_named_as_such(log: str) -> None:
    begin_another_log()
    assert verify().is_intact
    fault = verify(log).fault
    assert fault is not None
    assert (fault.kind, fault.seq) == (FaultKind.WITNESS_DIFFERS, None)
    assert fault.sentence.startswith("The witness file is about another log")
    assert "JIT_AUDIT_WITNESS_FILE" in fault.sentence


def test_another_log_writes_nothing_into_a_witness(log: str) -> None:
    before = Path(log).read_text()
    begin_another_log()
    with pytest.raises(LogBroken, match="about another log"):
        services.write_checkpoint()
    assert Path(log).read_text() == before


def test_a_shorter_other_log_is_named_too(log: str) -> None:
    begin_another_log()
    with without_triggers():
        AuditEntry.objects.all().delete()
        AuditHead.objects.all().delete()
    write_records(3)
    fault = verify(log).fault
    assert fault is not None
    assert "about another log" in fault.sentence


def test_lines_of_before_they_named_their_log_still_count(log: str) -> None:
    old = [json.loads(line) for line in Path(log).read_text().splitlines()]
    for line in old:
        assert len(line.pop("log")) == 64
        line["v"] = 1
    Path(log).write_text("".join(json.dumps(line) + "\n" for line in old))
    assert verify(log).is_intact
    write_records(1)
    services.write_checkpoint()
    report = verify(log)
    assert (report.is_intact, report.witness_lines, report.warnings) == (True, 3, [])
    with without_triggers():
        edit_with_leaf(3)
    assert verify(log).fault is not None
