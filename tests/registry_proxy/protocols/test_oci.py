"""The table of routes: what each request asks of the gate, and what is forwarded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jit_access.domain.operations import Operation
from jit_access.domain.reasons import Reason
from registry_proxy.protocols.oci.routes import classify
from registry_proxy.protocols.refusals import Unclassified
from registry_proxy.protocols.wanted import RefKind, Wanted

D = "sha256:" + "a" * 64
PULL, PUSH, DELETE = Operation.PULL, Operation.PUSH, Operation.DELETE


def asked(method: str, target: str) -> list[tuple[str, Operation, str, RefKind]]:
    wanted = classify(method, target.encode(), b"").wanted
    assert all(item.target == "demo" for item in wanted)
    return [(item.repository, item.operation, item.reference, item.reference_kind) for item in wanted]


@pytest.mark.parametrize(
    ("method", "target", "wanted", "forwarded"),
    [
        ("GET", "/v2/demo/llm/tiny/manifests/v1", [("llm/tiny", PULL, "v1", RefKind.TAG)],
         "/v2/llm/tiny/manifests/v1"),
        ("HEAD", f"/v2/demo/a/manifests/{D}", [("a", PULL, D, RefKind.DIGEST)], f"/v2/a/manifests/{D}"),
        ("PUT", "/v2/demo/a/manifests/v1", [("a", PUSH, "v1", RefKind.TAG)], "/v2/a/manifests/v1"),
        ("PUT", f"/v2/demo/a/manifests/{D}?tag=x&tag=y",
         [("a", PUSH, D, RefKind.DIGEST), ("a", PUSH, "x", RefKind.TAG), ("a", PUSH, "y", RefKind.TAG)],
         f"/v2/a/manifests/{D}?tag=x&tag=y"),
        ("DELETE", "/v2/demo/a/manifests/v1", [("a", DELETE, "v1", RefKind.TAG)], "/v2/a/manifests/v1"),
        ("DELETE", f"/v2/demo/a/blobs/{D}", [("a", DELETE, D, RefKind.BLOB)], f"/v2/a/blobs/{D}"),
        ("GET", f"/v2/demo/a/blobs/{D}?ns=docker.io", [("a", PULL, D, RefKind.BLOB)], f"/v2/a/blobs/{D}"),
        ("GET", "/v2/demo/a/tags/list?n=5&last=b", [("a", PULL, "", RefKind.NONE)], "/v2/a/tags/list?n=5&last=b"),
        ("GET", f"/v2/demo/a/referrers/{D}", [("a", PULL, D, RefKind.DIGEST)], f"/v2/a/referrers/{D}"),
        ("POST", "/v2/demo/a/blobs/uploads/", [("a", PUSH, "", RefKind.NONE)], "/v2/a/blobs/uploads/"),
        ("POST", f"/v2/demo/a/blobs/uploads/?mount={D}&from=demo/b",
         [("a", PUSH, "", RefKind.NONE), ("b", PULL, D, RefKind.BLOB)],
         f"/v2/a/blobs/uploads/?mount={D}&from=b"),
        ("PATCH", "/v2/demo/a/blobs/uploads/1-2?_state=x%3D", [("a", PUSH, "", RefKind.NONE)],
         "/v2/a/blobs/uploads/1-2?_state=x%3D"),
        ("PUT", f"/v2/demo/a/blobs/uploads/1-2?_state=x&digest={D}", [("a", PUSH, D, RefKind.NONE)],
         f"/v2/a/blobs/uploads/1-2?_state=x&digest={D}"),
        ("DELETE", "/v2/demo/a/blobs/uploads/1-2", [("a", PUSH, "", RefKind.NONE)], "/v2/a/blobs/uploads/1-2"),
    ],
)  # fmt: skip
def test_route_asks_and_forwards(method: str, target: str, wanted: list[object], forwarded: str) -> None:
    assert asked(method, target) == wanted
    assert classify(method, target.encode(), b"").upstream_target == forwarded.encode()


@pytest.mark.parametrize(
    "query",
    [f"?mount={D}", f"?mount={D}&from=other/b", f"?mount={D}&from=b", "?from=demo/b", f"?mount={D}&from=demo/../b"],
)
def test_mount_without_a_source_of_this_target_becomes_an_upload(query: str) -> None:
    """moby#20387 and the spec's anonymous mount: the registry must not be asked to find a blob by itself."""
    classified = classify("POST", f"/v2/demo/a/blobs/uploads/{query}".encode(), b"")
    assert classified.upstream_target == b"/v2/a/blobs/uploads/"
    assert classified.wanted == (Wanted("demo", "a", PUSH),)


def test_mount_keeps_the_upload_it_can_fall_back_to() -> None:
    classified = classify("POST", f"/v2/demo/a/blobs/uploads/?mount={D}&from=demo/b".encode(), b"")
    assert classified.fallback is not None
    assert classified.fallback.upstream_target == b"/v2/a/blobs/uploads/"


@pytest.mark.parametrize(
    ("method", "target", "status", "reason"),
    [
        ("GET", "/v2/demo/a/manifests/x?tag=y", 400, Reason.MALFORMED_REQUEST),
        ("PUT", "/v2/demo/a/manifests/x?tag=y", 400, Reason.MALFORMED_REQUEST),
        ("POST", f"/v2/demo/a/blobs/uploads/?mount={D}&mount={D}", 400, Reason.MALFORMED_REQUEST),
        ("PATCH", f"/v2/demo/a/blobs/uploads/1?mount={D}&from=b", 400, Reason.MALFORMED_REQUEST),
        ("PATCH", f"/v2/demo/a/blobs/uploads/1?digest={D}", 400, Reason.MALFORMED_REQUEST),
        ("PUT", "/v2/demo/a/blobs/uploads/1?digest=x", 400, Reason.DIGEST_INVALID),
        ("GET", "/v2/Demo/a/manifests/x", 400, Reason.NAME_INVALID),
        ("POST", "/v2/demo/a/blobs/uploads", 400, Reason.DIGEST_INVALID),
        ("GET", "/v2/demo/a/blobs/uploads/", 405, Reason.METHOD_NOT_ALLOWED),
        ("GET", "/token/", 404, Reason.ROUTE_UNKNOWN),
    ],
)
def test_what_is_not_in_the_table_is_refused(method: str, target: str, status: int, reason: Reason) -> None:
    with pytest.raises(Unclassified) as caught:
        classify(method, target.encode(), b"")
    assert (caught.value.http_status, caught.value.reason) == (status, reason)


@pytest.mark.parametrize("kind", [b"application/x-www-form-urlencoded", b"multipart/form-data; boundary=x"])
def test_form_body_is_refused_on_uploads_and_taken_at_token(kind: bytes) -> None:
    """distribution reads `mount` and `from` from a form body too (FormValue)."""
    with pytest.raises(Unclassified) as caught:
        classify("POST", b"/v2/demo/a/blobs/uploads/", kind)
    assert caught.value.reason is Reason.FORM_BODY_REFUSED
    assert classify("POST", b"/token", kind).route == "token"


_SEGMENT = st.sampled_from(
    ["demo", "a", "b-c", "v2", "manifests", "blobs", "uploads", "tags", "list", "referrers", D, "x.y", "A", "_catalog"]
)


@given(st.sampled_from(["GET", "PUT", "POST", "DELETE", "PATCH", "HEAD"]), st.lists(_SEGMENT, max_size=8))
def test_forwarded_path_is_the_asked_path_without_the_target(method: str, segments: list[str]) -> None:
    """I7: what was judged is what is forwarded, byte for byte."""
    path = "/v2/" + "/".join(segments)
    try:
        classified = classify(method, path.encode(), b"")
    except Unclassified:
        return
    if classified.upstream_target:
        assert path == f"/v2/{classified.target}/{classified.upstream_target.decode().removeprefix('/v2/')}"
        assert classified.upstream_target.startswith(f"/v2/{classified.wanted[0].repository}/".encode())
