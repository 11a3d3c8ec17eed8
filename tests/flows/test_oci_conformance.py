"""The same list of requests to the registry directly and through the gateway: results must be equal.

Acceptance rule of the conformance suite of distribution-spec: gateway result = direct result. What may differ is
what has to: hosts in Location, and fields that name the server.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest

from jit_access.domain.scopes import ResourceScope
from tests.support.gateway import ALL, Gateway, running_gateway
from tests.support.registry import MANIFEST_TYPE, Registry, call, digest_of, manifest_of, registry  # noqa: F401

COMPARED = ("content-type", "content-range", "docker-content-digest", "docker-distribution-api-version", "range",
            "accept-ranges", "etag", "content-length")  # fmt: skip
BLOB = b"a layer of some length" * 100
OTHER = b"another layer"
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, registry: Registry) -> Iterator[Gateway]:  # noqa: F811
    with running_gateway(tmp_path_factory.mktemp("conformance")) as running:
        running.add_target("demo", registry.base_url)
        yield running


@dataclass(slots=True)
class Way:
    """One way to the registry. `seen` collects what is compared."""

    host: str
    prefix: str
    headers: dict[str, str]
    seen: list[object] = field(default_factory=list)

    def ask(self, method: str, tail: str, body: bytes = b"", **headers: str) -> dict[str, str]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._send(method, f"/v2/{self.prefix}/{tail}", body, named)

    def follow(self, method: str, location: str, body: bytes = b"", query: str = "", **headers: str) -> dict[str, str]:
        place = urlsplit(location)
        assert place.netloc in ("", self.host)
        pairs = "&".join(filter(None, (place.query, query)))
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._send(method, place.path + (f"?{pairs}" if pairs else ""), body, named)

    def _send(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> dict[str, str]:
        status, got, data = call(self.host, method, path, body, self.headers | headers)
        shown = {name: got[name] for name in COMPARED if name in got}
        if method not in ("GET", "HEAD") or status >= 400:
            shown.pop("content-length", None)
        self.seen.append((method, status, shown, self._without_names(data)))
        return got

    def _without_names(self, data: bytes) -> object:
        try:
            document = json.loads(data)
        except ValueError:
            return data
        if isinstance(document, dict) and "errors" in document:
            return [error["code"] for error in document["errors"]]
        return document


def monolithic_upload(way: Way) -> None:
    got = way.ask("POST", "blobs/uploads/")
    way.follow("PUT", got["location"], BLOB, f"digest={digest_of(BLOB)}", Content_Type="application/octet-stream")
    way.ask("HEAD", f"blobs/{digest_of(BLOB)}")
    way.ask("GET", f"blobs/{digest_of(BLOB)}")


def single_post_upload(way: Way) -> None:
    way.ask("POST", f"blobs/uploads/?digest={digest_of(OTHER)}", OTHER, Content_Type="application/octet-stream")


def chunked_upload(way: Way) -> None:
    location = way.ask("POST", "blobs/uploads/", Content_Length="0")["location"]
    half = len(BLOB) // 2
    for start, piece in ((0, BLOB[:half]), (half, BLOB[half:])):
        got = way.follow("PATCH", location, piece, Content_Type="application/octet-stream",
                         Content_Range=f"{start}-{start + len(piece) - 1}")  # fmt: skip
        location = got["location"]
    way.follow("GET", location)
    way.follow("PUT", location, query=f"digest={digest_of(BLOB)}")


def upload_with_a_wrong_digest(way: Way) -> None:
    got = way.ask("POST", "blobs/uploads/")
    way.follow("PUT", got["location"], BLOB, f"digest={digest_of(OTHER)}")


def cancelled_upload(way: Way) -> None:
    got = way.ask("POST", "blobs/uploads/")
    way.follow("DELETE", got["location"])
    way.follow("GET", got["location"])


def ranges(way: Way) -> None:
    monolithic_upload(way)
    for value in ("bytes=0-9", "bytes=5-", "bytes=-7"):
        way.ask("GET", f"blobs/{digest_of(BLOB)}", Range=value)


def manifests(way: Way) -> None:
    monolithic_upload(way)
    location = way.ask("POST", "blobs/uploads/")["location"]
    way.follow("PUT", location, b"{}", f"digest={digest_of(b'{}')}")
    body = manifest_of(digest_of(b"{}"), [digest_of(BLOB)], (BLOB,))
    way.ask("PUT", "manifests/v1", body, Content_Type=MANIFEST_TYPE)
    way.ask("PUT", f"manifests/{digest_of(body)}", body, Content_Type=MANIFEST_TYPE)
    for reference in ("v1", digest_of(body)):
        for method in ("HEAD", "GET"):
            way.ask(method, f"manifests/{reference}", Accept=MANIFEST_TYPE)
    got = way.ask("GET", "manifests/v1", Accept=MANIFEST_TYPE)
    way.ask("GET", "manifests/v1", Accept=MANIFEST_TYPE, If_None_Match=got.get("etag", '"x"'))
    entry = {"mediaType": MANIFEST_TYPE, "digest": digest_of(body), "size": len(body)}
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [entry]}).encode()
    way.ask("PUT", "manifests/multi", index, Content_Type=INDEX_TYPE)
    way.ask("GET", "manifests/multi", Accept=INDEX_TYPE)
    way.ask("GET", "manifests/multi")
    way.ask("PUT", "manifests/broken", b"{", Content_Type=MANIFEST_TYPE)
    way.ask("GET", f"referrers/{digest_of(body)}")
    way.ask("DELETE", "manifests/v1")
    way.ask("DELETE", f"manifests/{digest_of(body)}")
    way.ask("GET", f"manifests/{digest_of(body)}", Accept=MANIFEST_TYPE)
    way.ask("DELETE", f"blobs/{digest_of(BLOB)}")
    way.ask("GET", f"blobs/{digest_of(BLOB)}")


def what_is_not_there(way: Way) -> None:
    nothing = digest_of(b"nothing")
    for method in ("GET", "HEAD"):
        way.ask(method, "manifests/none")
        way.ask(method, f"manifests/{nothing}")
        way.ask(method, f"blobs/{nothing}")
    way.ask("DELETE", f"manifests/{nothing}")
    way.ask("DELETE", f"blobs/{nothing}")
    way.ask("GET", "blobs/uploads/00000000-0000-0000-0000-000000000000")
    way.ask("GET", "tags/list")


STORIES = [monolithic_upload, single_post_upload, chunked_upload, upload_with_a_wrong_digest, cancelled_upload, ranges,
           manifests, what_is_not_there]  # fmt: skip


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_gateway_gives_what_the_registry_gives(
    story: Callable[[Way], None], gateway: Gateway, registry: Registry  # noqa: F811
) -> None:  # fmt: skip
    name = "story-" + story.__name__.replace("_", "-")
    held = gateway.grant("demo", ResourceScope(f"c/{name}", ALL))
    direct = Way(registry.host, f"d/{name}", {})
    through = Way(gateway.host, f"demo/c/{name}", {"Authorization": f"Bearer {held.token}"})
    story(direct)
    story(through)
    assert through.seen == direct.seen
