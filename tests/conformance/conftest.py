"""One gateway for all cases, one registry for each protocol. Every case runs over every protocol of the table."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from registry_proxy.protocols.dialects import Dialects, make_dialects
from registry_proxy.settings import Limits
from tests.adversarial.hostile.upstream import HostileUpstream, Script
from tests.conformance.profile import PASSWORD, USERNAME
from tests.conformance.stage import Registry, Stage
from tests.conformance.table import PROFILES
from tests.conformance.toy import TOY, ToyDialect
from tests.support.gateway import Gateway, running_gateway

Serve = Callable[[Script], HostileUpstream]
# What a stranger may write and what anybody may ask is bounded; tests/adversarial/test_limits.py looks at that.
_NO_BRAKES = Limits(
    stranger_records=10**6, stranger_records_together=10**6, requests_per_address=10**6, requests_per_grant=10**6
)
ALL = {**PROFILES, TOY.kind: TOY}


def spoken() -> Dialects:
    """The table of the product, and the toy."""
    table = make_dialects(bytes(32))  # the view key of tests.support.gateway
    return replace(table, by_prefix={**table.by_prefix, b"toy": ToyDialect()})


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("conformance")
    with running_gateway(folder, limits=_NO_BRAKES, dialects=spoken()) as running:
        yield running


@pytest.fixture(scope="session")
def registries(gateway: Gateway) -> Iterator[dict[str, Registry]]:
    with contextlib.ExitStack() as stack:
        found = {}
        for kind, profile in ALL.items():
            registry = found[kind] = Registry(profile, gateway)
            stack.enter_context(registry.upstream)
            for slug in (profile.slug, f"{profile.slug}-two"):
                gateway.add_target(slug, registry.upstream.url, USERNAME, PASSWORD, kind=kind)
        yield found


@pytest.fixture(scope="session")
def known() -> set[str]:
    return set()


@pytest.fixture(params=ALL)
def stage(
    request: pytest.FixtureRequest, gateway: Gateway, registries: dict[str, Registry], known: set[str]
) -> Iterator[Stage]:  # fmt: skip
    registry = registries[request.param]
    registry.play = registry.serve
    case = Stage(gateway, ALL[request.param], registry, known)
    yield case
    registry.play = registry.serve
    case.check_afterwards()


@pytest.fixture
def serve() -> Iterator[Serve]:
    with contextlib.ExitStack() as stack:
        yield lambda script: stack.enter_context(HostileUpstream(script))
