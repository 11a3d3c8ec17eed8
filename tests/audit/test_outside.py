"""Nobody fills the log from outside, and still each kind of refusal is in it."""

from __future__ import annotations

import json

import pytest

from jit_access.audit.models import AuditEntry
from jit_access.audit.outside import FREE, FREE_TOGETHER, record_outside_refusal
from jit_access.domain.actors import NOBODY
from jit_access.domain.reasons import Reason

pytestmark = pytest.mark.django_db


def refuse(times: int, *, address: str = "192.0.2.1", reason: Reason = Reason.TOKEN_UNKNOWN) -> int:
    return [
        record_outside_refusal(
            actor=NOBODY, kind="api.refused", reason=reason, address=address, detail={"token_id": "x"}
        )
        for _ in range(times)
    ][-1]


def test_the_first_ones_are_written_each_then_only_doublings() -> None:
    assert refuse(100) == 100
    details = [json.loads(body)["detail"] for body in AuditEntry.objects.order_by("seq").values_list("body", flat=True)]
    assert details[:FREE] == [{"token_id": "x"}] * FREE
    assert [detail["within_a_minute"] for detail in details[FREE:]] == [16, 32, 64]


def test_another_reason_or_network_is_still_written() -> None:
    refuse(100)
    before = AuditEntry.objects.count()
    refuse(1, reason=Reason.TOKEN_MALFORMED)
    refuse(1, address="192.0.2.2")
    assert AuditEntry.objects.count() == before + 2


def test_changing_the_address_buys_no_more() -> None:
    for number in range(4 * FREE_TOGETHER):
        refuse(1, address=f"198.51.{number // 256}.{number % 256}")
    assert AuditEntry.objects.count() <= FREE_TOGETHER + 3
