"""Whatever a client makes up, whoever it is: no failure of ours, no answer that the description does not name.

Schemathesis makes the cases, as a library; Django's own client sends them. Each case is rolled back, so that the next
one meets the same world. `JIT_FUZZ_CASES` sets how many there are for each operation, role and kind.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from copy import deepcopy
from typing import Any
from urllib.parse import urlencode

import hypothesis
import pytest
import requests
import schemathesis
import yaml
from django.db import transaction
from hypothesis import strategies as st
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi import checks

from jit_access.api import throttling
from jit_access.api.described import description_text
from tests.api.caller import Caller
from tests.api.furnished import ROLES, Furnished, furnish
from tests.support.cast import Cast
from tests.support.effort import at_length

pytestmark = pytest.mark.django_db
CASES = int(os.environ.get("JIT_FUZZ_CASES", "") or at_length(4, 1))
CHECKS = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]
MODES = (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE)


@pytest.fixture
def furnished(cast: Cast) -> Furnished:
    return furnish(cast)


@contextmanager
def undone() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.mark.parametrize("role", ROLES)
def test_nothing_breaks_and_nothing_is_undocumented(furnished: Furnished, role: str) -> None:
    described = schemathesis.openapi.from_dict(yaml.safe_load(description_text()))
    caller, problems = furnished.callers[role], []
    for found in described.get_all_operations():
        operation = found.ok()
        for mode in MODES:
            known = furnished.id_for(operation.path) if "{" in operation.path else None
            problems += fuzz(operation, mode, caller, known)
    assert not problems, "\n\n".join(problems)


def fuzz(operation: Any, mode: Any, caller: Caller, known: str | None) -> list[str]:
    problems: list[str] = []
    settings = hypothesis.settings(
        max_examples=CASES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )

    @settings
    @hypothesis.given(data=st.data())
    def one(data: st.DataObject) -> None:
        case = data.draw(operation.as_strategy(generation_mode=mode))
        if known is not None and data.draw(st.booleans() if CASES > 1 else st.just(value=True)):
            case.path_parameters = dict.fromkeys(case.path_parameters or {}, known)
        with undone():
            answer = send(caller, case)
        if answer.status_code >= 500 and not (
            answer.status_code == 502 and operation.path.startswith("/api/v1/targets")
        ):
            problems.append(f"{told(case)}: {answer.status_code} {answer.content[:300]}")
        try:
            case.validate_response(answer, checks=CHECKS)
        except (Failure, FailureGroup) as failure:
            problems.append(f"{told(case)}: {answer.status_code}\n{said(failure)}\n{answer.content[:300]}")

    with suppress(hypothesis.errors.Unsatisfiable):  # there may be nothing wrong that could be sent
        one()
    return problems


def send(caller: Caller, case: Any) -> schemathesis.Response:
    throttling.forget()
    client = deepcopy_of(caller)
    body = b"" if case.media_type is None else json.dumps(case.body, default=str).encode()
    headers = {name: value for name, value in (case.headers or {}).items() if is_sendable(value)}
    answer = client.generic(
        case.method,
        case.formatted_path,
        body,
        content_type="application/json",
        headers={**headers, **caller.headers},
        QUERY_STRING=urlencode(case.query or {}, doseq=True),
    )
    asked = requests.Request(case.method, f"http://testserver{case.formatted_path}").prepare()
    told = {name.lower(): [value] for name, value in answer.items()}
    return schemathesis.Response(answer.status_code, told, answer.content, asked, elapsed=0.0, verify=False)


def deepcopy_of(caller: Caller) -> Any:
    """Answers change cookies; the next case begins with those of the furnished world."""
    client = type(caller.client)(raise_request_exception=False)
    client.cookies = deepcopy(caller.client.cookies)
    return client


def is_sendable(value: object) -> bool:
    return isinstance(value, str) and value.isprintable() and value.isascii()


def told(case: Any) -> str:
    return f"{case.method} {case.formatted_path} {case.query or ''} {str(case.body)[:300]}"


def said(failure: Failure | FailureGroup) -> str:
    each = failure.exceptions if isinstance(failure, FailureGroup) else (failure,)
    return "; ".join(f"{one.title}: {str(one.message)[:300]}" for one in each)
