"""Many writers at once: no gap, no fork, nothing twice. SQLite serialises writers, so only PostgreSQL can race."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier

import pytest
from django.db import connection, transaction

from jit_access.audit import services
from jit_access.audit.models import AuditEntry, AuditHead, Checkpoint
from jit_access.audit.recorder import audited
from jit_access.audit.verification import verify
from tests.audit.conftest import ADA, write_records

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]
WRITERS = 8
ROUNDS = 15


def at_once(work: Callable[[int], object]) -> list[object]:
    """Run `work` in as many threads as there are writers, all released together."""
    barrier = Barrier(WRITERS)

    def run(number: int) -> object:
        try:
            barrier.wait(timeout=60)
            return work(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(WRITERS) as pool:
        return list(pool.map(run, range(WRITERS)))


def test_parallel_writers_make_one_log_without_gaps() -> None:
    at_once(lambda number: [write_records(number % 3 + 1) for _ in range(ROUNDS)])
    expected = sum(number % 3 + 1 for number in range(WRITERS)) * ROUNDS
    report = verify()
    assert report.fault is None
    assert report.records == AuditHead.objects.get().size == expected
    assert list(AuditEntry.objects.order_by("seq").values_list("seq", flat=True)) == list(range(expected))


def test_rollbacks_between_writers_leave_no_gap() -> None:
    def work(number: int) -> None:
        for turn in range(ROUNDS):
            with suppress(LookupError), audited(actor=ADA) as audit:
                audit.record("a.b")
                if (number + turn) % 3 == 0:
                    raise LookupError

    at_once(work)
    report = verify()
    assert report.fault is None
    assert report.records == sum((number + turn) % 3 != 0 for number in range(WRITERS) for turn in range(ROUNDS))


def test_one_batch_sent_by_all_is_stored_once(proxy_line: Callable[..., bytes]) -> None:
    lines = [proxy_line() for _ in range(40)]
    results = at_once(lambda _number: services.ingest_records(lines))
    assert AuditEntry.objects.count() == 40
    assert sorted(result.accepted for result in results) == [0] * (WRITERS - 1) + [40]  # type: ignore[attr-defined]
    assert all(result.accepted + result.duplicates == 40 for result in results)  # type: ignore[attr-defined]
    assert verify().is_intact


def test_checkpoints_by_all_are_one() -> None:
    write_records(5)
    made = at_once(lambda _number: services.write_checkpoint())
    assert Checkpoint.objects.count() == 1
    assert sum(checkpoint is not None for checkpoint in made) == 1


def test_row_locks_taken_before_the_head_do_not_deadlock() -> None:
    """The head is locked last, so writers that hold different rows wait in a line, never in a circle."""
    write_records(1)
    services.write_checkpoint()

    def work(number: int) -> None:
        for turn in range(ROUNDS):
            with audited(actor=ADA) as audit, transaction.atomic():
                # Any rows do: two advisory locks in one order, which is each room's own duty.
                with connection.cursor() as cursor:
                    cursor.execute("SELECT pg_advisory_xact_lock(%s)", [(number + turn) % 4])
                audit.record("a.b")

    at_once(work)
    assert verify().is_intact


def test_verification_sees_one_state_while_others_write() -> None:
    """Without one snapshot the rows would be newer than the head, and an honest log would look forged."""
    write_records(20)

    def work(number: int) -> list[str]:
        if number % 2:
            return [report.fault.sentence for report in (verify() for _ in range(ROUNDS)) if report.fault]
        for _ in range(ROUNDS):
            write_records(2)
        return []

    assert [found for found in at_once(work) if found] == []
