"""Grants for some tags or digests only, before a real registry."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from jit_access.domain.scopes import ResourceScope
from tests.support.gateway import ALL, PULL, Gateway, Held, running_gateway
from tests.support.registry import MANIFEST_TYPE, Registry, call, digest_of, manifest_of, registry  # noqa: F401

ACCEPT = {"Accept": f"{MANIFEST_TYPE}, application/vnd.oci.image.index.v1+json"}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, registry: Registry) -> Iterator[Gateway]:  # noqa: F811
    with running_gateway(tmp_path_factory.mktemp("references")) as running:
        running.add_target("demo", registry.base_url)
        yield running


@pytest.fixture(scope="module")
def pinned(registry: Registry) -> dict[str, tuple[str, str]]:  # noqa: F811
    """Tags of one repository: name -> manifest digest, layer digest."""
    pushed = {tag: registry.push_artifact("pinned", tag, f"weights of {tag}".encode()) for tag in ("v1", "v2", "w1")}
    return {tag: (manifest, layers[0]) for tag, (manifest, layers) in pushed.items()}


def get(gateway: Gateway, held: Held, tail: str, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
    headers = ACCEPT | {"Authorization": f"Bearer {held.token}"}
    return call(gateway.host, method, f"/v2/demo/pinned/{tail}", headers=headers)


def test_tag_grant_opens_its_tag_and_what_hangs_on_it(gateway: Gateway, pinned: dict[str, tuple[str, str]]) -> None:
    held = gateway.grant("demo", ResourceScope("pinned", PULL, tags=("v1",)))
    manifest, layer = pinned["v1"]
    assert get(gateway, held, "manifests/v1")[0] == 200
    assert get(gateway, held, f"manifests/{manifest}")[0] == 200
    assert get(gateway, held, f"blobs/{layer}")[2] == b"weights of v1"
    refused = get(gateway, held, "manifests/v2")
    assert (refused[0], b"reference-not-granted" in refused[2]) == (403, True)


def test_blob_opens_without_its_manifest_having_been_read(
    gateway: Gateway, pinned: dict[str, tuple[str, str]]
) -> None:  # fmt: skip
    """Another process served the manifest, or this one was restarted: the gateway looks for itself."""
    for tags in (("v1",), ("v*",)):
        held = gateway.grant("demo", ResourceScope("pinned", PULL, tags=tags))
        assert get(gateway, held, f"blobs/{pinned['v1'][1]}")[0] == 200


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_ungranted_digest_is_as_unknown_as_any(
    method: str, gateway: Gateway, pinned: dict[str, tuple[str, str]]
) -> None:
    """Case 16: same status, same body but for the digest asked for, same fields."""
    held = gateway.grant("demo", ResourceScope("pinned", PULL, tags=("v1",)))
    for kind, foreign in (("blobs", pinned["v2"][1]), ("manifests", pinned["v2"][0])):
        unknown = digest_of(kind.encode())
        answers = []
        for digest in (foreign, unknown):
            status, headers, body = get(gateway, held, f"{kind}/{digest}", method)
            headers.pop("x-request-id")
            answers.append((status, headers, body.replace(digest.encode(), b"D")))
        assert answers[0] == answers[1]
        assert answers[0][0] == 404
    gateway.wait_record("proxy.request.refused", grant=held.view.grant_id, reason="reference-not-granted")


def test_digest_grant_opens_by_digest_and_by_a_tag_that_names_it(
    gateway: Gateway, pinned: dict[str, tuple[str, str]]
) -> None:  # fmt: skip
    manifest, layer = pinned["v1"]
    held = gateway.grant("demo", ResourceScope("pinned", PULL, digests=(manifest,)))
    for tail in (f"manifests/{manifest}", "manifests/v1", f"blobs/{layer}"):
        assert get(gateway, held, tail)[0] == 200, tail
    assert get(gateway, held, "manifests/v1", "HEAD")[0] == 200
    assert get(gateway, held, "manifests/v2")[0] == 403
    assert get(gateway, held, "manifests/v2", "HEAD")[0] == 403
    assert get(gateway, held, f"blobs/{pinned['v2'][1]}")[0] == 404


def test_tag_list_shows_granted_tags_only(gateway: Gateway, pinned: dict[str, tuple[str, str]]) -> None:
    some = gateway.grant("demo", ResourceScope("pinned", PULL, tags=("v?",)))
    every = gateway.grant("demo", ResourceScope("pinned", PULL))
    assert json.loads(get(gateway, some, "tags/list")[2])["tags"] == ["v1", "v2"]
    assert {"v1", "v2", "w1"} <= set(json.loads(get(gateway, every, "tags/list")[2])["tags"])


def test_child_of_a_granted_index_opens(gateway: Gateway, registry: Registry) -> None:  # noqa: F811
    config = registry.push_blob("pinned", b"{}")
    layer = registry.push_blob("pinned", b"layer of a child")
    child = manifest_of(config, [layer], (b"layer of a child",))
    registry.call("PUT", f"/v2/pinned/manifests/{digest_of(child)}", child, {"Content-Type": MANIFEST_TYPE})
    kind = "application/vnd.oci.image.index.v1+json"
    entry = {"mediaType": MANIFEST_TYPE, "digest": digest_of(child), "size": len(child)}
    index = json.dumps({"schemaVersion": 2, "mediaType": kind, "manifests": [entry]}).encode()
    assert registry.call("PUT", "/v2/pinned/manifests/multi", index, {"Content-Type": kind})[0] == 201
    held = gateway.grant("demo", ResourceScope("pinned", PULL, tags=("multi",)))
    assert get(gateway, held, f"blobs/{layer}")[2] == b"layer of a child"
    assert get(gateway, held, f"manifests/{digest_of(child)}")[0] == 200


def test_push_and_delete_keep_to_the_granted_tags(gateway: Gateway, pinned: dict[str, tuple[str, str]]) -> None:
    held = gateway.grant("demo", ResourceScope("pinned", ALL, tags=("new",)))
    config = get(gateway, held, "blobs/uploads/", "POST")
    assert config[0] == 202
    body = b"{}"
    headers = {"Authorization": f"Bearer {held.token}", "Content-Type": MANIFEST_TYPE}
    assert call(gateway.host, "PUT", "/v2/demo/pinned/manifests/v1", body, headers)[0] == 403
    assert call(gateway.host, "PUT", f"/v2/demo/pinned/manifests/{digest_of(body)}?tag=v1", body, headers)[0] == 403
    assert call(gateway.host, "DELETE", f"/v2/demo/pinned/manifests/{pinned['v2'][0]}", b"", headers)[0] == 403
    assert get(gateway, held, "manifests/new")[0] == 404
