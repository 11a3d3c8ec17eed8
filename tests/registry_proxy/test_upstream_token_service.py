"""A real registry whose token service is on another host: open when an operator named that host, else shut."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from jit_access.connectors.base import Endpoint, Permanent
from jit_access.connectors.oci.connector import OCIConnector
from jit_access.core.secret import Secret
from jit_access.domain.reasons import Reason
from jit_access.domain.scopes import ResourceScope
from tests.support.gateway import ALL, Gateway, Held, running_gateway
from tests.support.registry import MANIFEST_TYPE, Registry, call, digest_of, manifest_of, start_registry
from tests.support.token_service import TokenService, running_token_service

USERNAME, PASSWORD = "robot", "canary-upstream-password"
LAYER = b"weights " * 100_000


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TokenService]:
    with running_token_service(tmp_path_factory.mktemp("tokens"), USERNAME, PASSWORD) as running:
        yield running


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, service: TokenService) -> Iterator[Registry]:
    running = start_registry(tmp_path_factory.mktemp("registry"), more=service.registry_config)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with running_gateway(tmp_path_factory.mktemp("gateway")) as running:
        yield running


def ask(gateway: Gateway, held: Held, method: str, path: str, body: bytes = b"") -> tuple[int, dict[str, str], bytes]:
    headers = {"Authorization": f"Bearer {held.token}"} | (
        {"Content-Type": MANIFEST_TYPE, "Accept": MANIFEST_TYPE} if "/manifests/" in path else {}
    )
    return call(gateway.host, method, path, body, headers)


def push_blob(gateway: Gateway, held: Held, body: bytes) -> str:
    status, headers, _ = ask(gateway, held, "POST", "/v2/demo/llm/a/blobs/uploads/")
    assert status == 202
    place = headers["location"].removeprefix(gateway.url)
    assert ask(gateway, held, "PUT", f"{place}&digest={digest_of(body)}", body)[0] == 201
    return digest_of(body)


def test_push_and_pull_where_the_service_is_named(gateway: Gateway, guarded: Registry, service: TokenService) -> None:
    gateway.add_target("demo", guarded.base_url, USERNAME, PASSWORD, token_origins=(service.url,))
    held, before = gateway.grant("demo", ResourceScope("llm/a", ALL)), len(service.asked)
    config, layer = push_blob(gateway, held, b"{}"), push_blob(gateway, held, LAYER)
    manifest = manifest_of(config, [layer], (LAYER,))
    assert ask(gateway, held, "PUT", "/v2/demo/llm/a/manifests/v1", manifest)[0] == 201
    assert ask(gateway, held, "GET", "/v2/demo/llm/a/manifests/v1")[2] == manifest
    assert ask(gateway, held, "GET", f"/v2/demo/llm/a/blobs/{layer}")[2] == LAYER
    assert len(service.asked) - before == 2  # one for each scope: to push, to pull
    assert PASSWORD not in json.dumps(gateway.records())


def test_the_same_registry_is_shut_where_nobody_named_it(
    gateway: Gateway, guarded: Registry, service: TokenService
) -> None:
    gateway.add_target("demo", guarded.base_url, USERNAME, PASSWORD, redirect_origins=(service.url,))
    held = gateway.grant("demo", ResourceScope("llm/a", ALL))
    before = len(service.asked)
    status, _, body = ask(gateway, held, "GET", "/v2/demo/llm/a/manifests/v1")
    assert (status, json.loads(body)["errors"][0]["detail"]["reason"]) == (502, "upstream-redirect-refused")
    assert len(service.asked) == before


@pytest.mark.parametrize("is_named", [True, False])
def test_the_control_plane_keeps_to_the_same_rule(guarded: Registry, service: TokenService, is_named: bool) -> None:
    places = (service.url,) if is_named else ()
    connector = OCIConnector(Endpoint("demo", guarded.base_url, USERNAME, Secret(PASSWORD), True, places))
    before = len(service.asked)
    try:
        if is_named:
            connector.check()
        else:
            with pytest.raises(Permanent) as caught:
                connector.check()
            assert caught.value.reason is Reason.UPSTREAM_REDIRECT_REFUSED
    finally:
        connector.close()
    assert len(service.asked) - before == int(is_named)


def test_a_wrong_credential_is_told_as_such(gateway: Gateway, guarded: Registry, service: TokenService) -> None:
    gateway.add_target("demo", guarded.base_url, USERNAME, "wrong", token_origins=(service.url,))
    held = gateway.grant("demo", ResourceScope("llm/a", ALL))
    status, _, body = ask(gateway, held, "GET", "/v2/demo/llm/a/manifests/v1")
    assert (status, json.loads(body)["errors"][0]["detail"]["reason"]) == (502, "upstream-refused-credential")
