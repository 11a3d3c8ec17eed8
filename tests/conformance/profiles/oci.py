"""OCI Distribution: a blob by digest, a manifest by tag."""

from __future__ import annotations

import base64
import hashlib
import json

from tests.conformance.profile import BODY, PASSWORD, USERNAME, Ask, Listing, Profile, bearer
from tests.support.raw import RawAnswer

DIGEST = f"sha256:{hashlib.sha256(BODY).hexdigest()}"
_BASIC = b"\r\nauthorization: Basic " + base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()) + b"\r\n"
_TYPE = ("Content-Type: application/vnd.oci.image.manifest.v1+json",)


def _reason_in(answer: RawAnswer) -> str:
    (error,) = json.loads(answer.body)["errors"]
    assert error["code"].isupper()
    assert error["message"]
    assert answer.headers[b"docker-distribution-api-version"] == b"registry/2.0"
    return str(error["detail"]["reason"])


PROFILE = Profile(
    kind="oci", slug="demo", repository="llm/tiny",
    read=Ask("GET", f"/v2/demo/llm/tiny/blobs/{DIGEST}"),
    forwarded=f"GET /v2/llm/tiny/blobs/{DIGEST} HTTP/1.1".encode(),
    answered=(b"Docker-Content-Digest: " + DIGEST.encode(),),
    write=Ask("PUT", "/v2/demo/llm/tiny/manifests/v1", b"{}", _TYPE),
    written=b"HTTP/1.1 201 Created\r\nLocation: /v2/llm/tiny/manifests/v1\r\nContent-Length: 0\r\n\r\n",
    foreign=(
        Ask("GET", f"/v2/demo/llm/frontier/blobs/{DIGEST}"), Ask("GET", f"/v2/demo/llm/tiny-2/blobs/{DIGEST}"),
        Ask("GET", f"/v2/demo/llm/blobs/{DIGEST}"), Ask("GET", "/v2/demo/llm/frontier/tags/list"),
    ),
    unknown=(
        Ask("GET", "/v2/demo/llm/tiny/_oci/ext/discover"), Ask("GET", "/v2/search?q=tiny"), Ask("GET", "/metrics"),
        Ask("GET", "/debug/vars"), Ask("GET", "/v2/_oci/ext/discover"), Ask("PATCH", "/v2/demo/llm/tiny/manifests/v1"),
    ),
    twins=(
        f"/V2/demo/llm/tiny/blobs/{DIGEST}", f"/v1/demo/llm/tiny/blobs/{DIGEST}", f"/v2/demo/LLM/tiny/blobs/{DIGEST}",
        f"/v2/demo/llm/tiny/Blobs/{DIGEST}", f"/v2/demo/llm/tiny/blobs/{DIGEST.upper()}",
        f"/v2/demo/llm/tiny/blobs/{DIGEST}/", f"/v2/demo/llm/tiny/blobs/{DIGEST}?a=b", f"/demo/llm/tiny/blobs/{DIGEST}",
        f"/v2/llm/tiny/blobs/{DIGEST}", f"/v2/demo/llm/tiny/blobs/uploads/{DIGEST}",
    ),
    listing=Listing(
        Ask("GET", "/v2/_catalog"), json.dumps({"repositories": ["llm/tiny", "llm/frontier"]}).encode(),
        b"demo/llm/tiny", b"frontier",
    ),
    inside=r"/v2/llm/tiny/(manifests|blobs|tags|referrers)/.*",
    show=bearer, reason_in=_reason_in, shows_credential=lambda head: _BASIC in head, follows=True,
)  # fmt: skip
