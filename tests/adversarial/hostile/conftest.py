"""One gateway for all cases; each case sets its own hostile registry behind it."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator

import pytest

from registry_proxy.settings import Limits
from tests.adversarial.hostile.stage import OK, Stage
from tests.adversarial.hostile.upstream import HostileUpstream, Script, answering
from tests.support.gateway import Gateway, running_gateway

Serve = Callable[[Script], HostileUpstream]


@pytest.fixture(scope="session")
def hostile_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    limits = Limits(idle_body_deadline_s=0.6)  # so a body has to move 614 bytes in each window
    with running_gateway(tmp_path_factory.mktemp("hostile"), limits=limits) as running:
        yield running


@pytest.fixture(scope="session")
def control() -> Iterator[HostileUpstream]:
    with HostileUpstream(answering(OK)) as upstream:
        yield upstream


@pytest.fixture
def serve() -> Iterator[Serve]:
    with contextlib.ExitStack() as stack:
        yield lambda script: stack.enter_context(HostileUpstream(script))


@pytest.fixture
def stage(
    hostile_gateway: Gateway, control: HostileUpstream, caplog: pytest.LogCaptureFixture
) -> Iterator[Stage]:  # fmt: skip
    caplog.set_level(logging.DEBUG)
    case = Stage(hostile_gateway, control)
    yield case
    case.check_afterwards(caplog.text + "".join(str(record.__dict__) for record in caplog.records))
