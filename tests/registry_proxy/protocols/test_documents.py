"""Answers of registries that are nested deep: what is read can be written, and what is not read is refused in words."""

from __future__ import annotations

import http.client
import json
from pathlib import Path

import pytest

from jit_access.domain.scopes import ResourceScope
from registry_proxy.protocols.answers import dump_json
from registry_proxy.protocols.documents import MAX_DEPTH, read_document
from tests.support.gateway import ALL, running_gateway
from tests.support.raw import ScriptedUpstream

COMMITS = "hf/target/api/models/Org/Name/commits/main"
LOOK = "mlflow/target/api/2.0/mlflow/registered-models/get?name=mine"


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 980, 5000, 100_000])
def test_what_is_read_can_be_written(depth: int) -> None:
    deepest = nested(MAX_DEPTH)
    assert dump_json(read_document(deepest)).decode().strip() == deepest
    objects = '{"a":' * depth + "1" + "}" * depth
    for text in (nested(depth), objects, nested(depth).encode()):
        with pytest.raises(ValueError, match=r"."):
            read_document(text)


def test_each_object_is_seen() -> None:
    found = read_document('{"a":{"b":1}}', each_object=lambda item: {**item, "seen": True})
    assert found == {"a": {"b": 1, "seen": True}, "seen": True}


@pytest.mark.parametrize(
    ("kind", "repository", "path"), [("hf", "models/Org/Name", COMMITS), ("mlflow", "models/mine", LOOK)]
)
def test_a_deep_answer_is_refused_in_words_and_recorded(tmp_path: Path, kind: str, repository: str, path: str) -> None:
    """980 is where Python reads what it cannot write."""

    def answer(depth: int) -> bytes:
        body = f'{{"registered_model":{{"name":"mine","x":{nested(depth)}}}}}'.encode()
        return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)

    with running_gateway(tmp_path) as gateway, ScriptedUpstream(answer(5)) as upstream:
        gateway.add_target("target", upstream.url, kind=kind)
        held = gateway.grant("target", ResourceScope(repository, ALL))
        for depth, status in ((5, 200), *((depth, 502) for depth in (70, 900, 940, 960, 980, 990, 5000))):
            upstream.answer = answer(depth)
            connection = http.client.HTTPConnection(gateway.host, timeout=30)
            connection.request("GET", f"/{path}", headers={"Authorization": f"Bearer {held.token}"})
            told = connection.getresponse()
            body = told.read()
            connection.close()
            assert told.status == status, depth
            assert status == 200 or json.loads(body)["reason"] == "upstream-broken"
        record = gateway.wait_record("proxy.request.refused", reason="upstream-broken")
        assert (record["grant"], record["status"]) == (held.view.grant_id, 502)
