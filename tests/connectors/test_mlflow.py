"""The connector for tracking servers, against answers as MLflow 3.17 gives them, and against others."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from jit_access.connectors.base import AlreadyGone, Endpoint, EntitlementFacts, Permanent, Retryable
from jit_access.connectors.mlflow import connector as module
from jit_access.connectors.registry import connected
from jit_access.domain.reasons import Reason
from registry_proxy.control_client.target_facts import TargetFacts
from registry_proxy.protocols.mlflow.dialect import MlflowDialect
from registry_proxy.settings import Secret as ProxySecret
from registry_proxy.upstream.credential import own_authorization
from tests.connectors.hostile import PASSWORD, Script, hostile_server, respond

pytestmark = pytest.mark.django_db  # the clock

MODELS = ["llama-ft", "Qwen_2.5", "with space", "a--b", "x" * 250]


def server(**other: bytes) -> Script:
    """Two models a page, two experiments; `other` replaces an answer by the last word of its path."""

    def answer(path: str, _request: bytes) -> Iterator[bytes]:
        parts = urlsplit(path)
        query, route = parse_qs(parts.query), parts.path.removeprefix("/api/2.0/mlflow/")
        word = route.rpartition("/")[2] if route.startswith("registered-models") else route.partition("/")[0]
        if word in other:
            yield other[word]
        elif route == "registered-models/search":
            begin = int(query.get("page_token", ["0"])[0])
            body: dict[str, object] = {"registered_models": [{"name": name} for name in MODELS[begin : begin + 2]]}
            if begin + 2 < len(MODELS):
                body["next_page_token"] = str(begin + 2)
            yield respond(body=json.dumps(body).encode())
        elif route == "experiments/search":
            yield respond(body=b'{"experiments":[{"experiment_id":"0"},{"experiment_id":"../1"}]}')
        elif route == "experiments/get" and query["experiment_id"] in (["0"], ["8"]):
            title = {"0": "Fraud scores", "8": "a\n\x1b[31m"}[query["experiment_id"][0]]
            yield respond(body=json.dumps({"experiment": {"name": title}}).encode())
        elif route == "registered-models/get" and query["name"] == ["llama-ft"]:
            versions = [{"version": "9"}, {"version": "10"}, {"version": "x"}]
            yield respond(body=json.dumps({"registered_model": {"latest_versions": versions}}).encode())
        elif parts.path.startswith("/api/2.0/mlflow-artifacts/"):
            yield respond(body=b'{"files":[]}')
        else:
            yield respond("404 Not Found", b'{"error_code":"RESOURCE_DOES_NOT_EXIST"}')

    return answer


def test_a_server_is_checked_with_the_credential() -> None:
    with hostile_server(server()) as peer, connected("mlflow", peer.endpoint()) as connector:
        connector.check()
        basic = base64.b64encode(f"gateway:{PASSWORD}".encode())
        assert all(b"Basic " + basic in request for request in peer.requests)
    with hostile_server(server()) as peer:
        with connected("mlflow", replace(peer.endpoint(), username="")) as connector:
            connector.check()
        assert all(f"Bearer {PASSWORD}".encode() in request for request in peer.requests)


@pytest.mark.parametrize(
    ("other", "error", "reason"),
    [
        ({"search": respond("401 Unauthorized")}, Permanent, Reason.UPSTREAM_REFUSED_CREDENTIAL),
        ({"search": respond("403 Forbidden")}, Permanent, Reason.UPSTREAM_REFUSED_CREDENTIAL),
        ({"search": respond("500 Oops")}, Retryable, None),
        ({"search": respond("404 Not Found")}, Permanent, Reason.UPSTREAM_BROKEN),
        ({"search": respond(body=b"<html>")}, Permanent, Reason.UPSTREAM_BROKEN),
        ({"search": respond(body=b"[]")}, Permanent, Reason.UPSTREAM_BROKEN),
        ({"": respond("503 Disabled")}, Permanent, Reason.UPSTREAM_BROKEN),
    ],
)
def test_what_is_no_server_for_us_is_said(
    other: dict[str, bytes], error: type[Permanent | Retryable], reason: Reason | None
) -> None:
    with hostile_server(server(**other)) as peer, connected("mlflow", peer.endpoint()) as connector:
        with pytest.raises(error) as caught:
            connector.check()
        assert reason is None or caught.value.reason is reason
        assert PASSWORD not in str(caught.value)


def test_models_and_experiments_are_listed_as_scopes_name_them(monkeypatch: pytest.MonkeyPatch) -> None:
    with hostile_server(server()) as peer, connected("mlflow", peer.endpoint()) as connector:
        listing = connector.list_repositories()
        assert listing.names == ("models/llama-ft", "models/Qwen_2.5", "experiments/0")
        assert (listing.is_complete, listing.unusable) == (True, 4)
        monkeypatch.setattr(module, "MAX_PAGES", 1)
        assert connector.list_repositories().is_complete is False


def test_a_model_is_described_by_its_newest_version() -> None:
    with hostile_server(server()) as peer, connected("mlflow", peer.endpoint()) as connector:
        told = connector.describe_repository("models/llama-ft")
        assert (told.latest_tag, told.size_bytes) == ("10", None)
        for gone in ("models/gone", "experiments/9"):
            with pytest.raises(AlreadyGone):
                connector.describe_repository(gone)


def test_an_experiment_is_described_by_its_name() -> None:
    with hostile_server(server()) as peer, connected("mlflow", peer.endpoint()) as connector:
        assert connector.describe_repository("experiments/0").title == "Fraud scores"
        assert connector.describe_repository("experiments/8").title == ""  # nothing that a terminal would obey


def test_a_server_keeps_nothing_per_grant() -> None:
    with hostile_server(server()) as peer:
        endpoint: Endpoint = peer.endpoint()
        facts = EntitlementFacts("usr_ada", "models/llama-ft", "pull")
        with connected("mlflow", endpoint) as connector:
            assert not connector.ensure_access(facts).is_changed
            assert not connector.remove_access(facts).is_changed
        assert not peer.requests


@pytest.mark.parametrize(
    ("username", "password", "field"),
    [
        ("", "x", b"Bearer x"),
        ("gateway", "x", b"Basic " + base64.b64encode(b"gateway:x")),
        ("gateway", "", b"Basic " + base64.b64encode(b"gateway:")),
        ("", "", None),
    ],
)
def test_the_proxy_shows_a_token_where_there_is_no_name(username: str, password: str, field: bytes | None) -> None:
    target = TargetFacts("t", "mlflow", "http://tracking.example", username, ProxySecret(password), False, (), ())
    assert own_authorization(target, MlflowDialect.sign_in.shown) == field
