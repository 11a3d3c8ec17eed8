"""What botocore signs we verify, what we sign botocore would have signed; and each thing that breaks it does."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from jit_access.domain import sigv4
from jit_access.domain.reasons import Reason
from registry_proxy.edge.head import read_head
from registry_proxy.edge.limits import EdgeLimits
from registry_proxy.protocols.http1 import RequestHead, render_head
from registry_proxy.protocols.paths import ENCODED
from registry_proxy.protocols.refusals import Unclassified
from registry_proxy.protocols.s3.claims import read_claim, read_token
from registry_proxy.protocols.s3.payloads import PayloadKind, read_payload
from registry_proxy.protocols.s3.proving import LeaseKeys, Proof, prove
from registry_proxy.protocols.s3.queries import parse_query
from registry_proxy.protocols.s3.signing import StoreSigner
from registry_proxy.protocols.upstream_request import UpstreamRequest

KEYS = LeaseKeys("lse_1", "a-secret-of-forty-characters-derived-1234")
TOKEN = "jita_grant_x"
HOST = "gateway.example:8080"
LIMITS = EdgeLimits(paths={b"s3": ENCODED})


def signed(
    method: str = "GET", target: str = "/s3/store/models/llama/a%20b.bin", *, body: bytes = b"",
    headers: dict[str, str] | None = None, presigned_s: int = 0, credentials: Credentials | None = None,
) -> dict[str, Any]:  # fmt: skip
    """A request as botocore sends it: method, target, fields."""
    credentials = credentials or Credentials(KEYS.access_key, KEYS.secret, TOKEN)
    request = AWSRequest(method, f"https://{HOST}{target}", headers=headers or {}, data=body)
    request.context["payload_signing_enabled"] = True
    auth = S3SigV4QueryAuth(credentials, "s3", "eu-central-1", presigned_s) if presigned_s else None
    (auth or S3SigV4Auth(credentials, "s3", "eu-central-1")).add_auth(request)
    url = request.url.partition(HOST)[2]
    return {"method": method, "target": url, "headers": {"Host": HOST, **dict(request.headers.items())}, "body": body}


def head_of(request: dict[str, Any]) -> RequestHead:
    """Through the edge, as it comes in."""
    fields = tuple((name.encode(), str(value).encode()) for name, value in request["headers"].items())
    if request["body"]:
        fields += ((b"content-length", b"%d" % len(request["body"])),)
    return read_head(render_head(f"{request['method']} {request['target']} HTTP/1.1".encode(), fields), LIMITS)


def verify(request: dict[str, Any], *, after_s: float = 0.0, keys: LeaseKeys = KEYS) -> Proof:
    head = head_of(request)
    query = parse_query(head.target.partition(b"?")[2].decode())
    claim = read_claim(head, query)
    assert claim is not None
    payload = read_payload(head, is_presigned=claim.is_presigned, is_tls=True)
    at = datetime.strptime(claim.at, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    return prove(head, query, claim, payload, keys=keys, now=at + after_s)


TARGETS = [
    "/s3/store/models/llama/a%20b.bin",
    "/s3/store/models/m%C3%B6del~_-.%2A%28x%29",
    "/s3/store/models?list-type=2&prefix=llama%2F&delimiter=%2F&encoding-type=url",
    "/s3/store/models?delete",
    "/s3/store/models/k?uploads",
    "/s3/store/models/k?uploadId=a%3D&partNumber=2",
    "/s3/store/",
]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_what_botocore_signs_is_taken(method: str, target: str) -> None:
    body = b"x" * 100 if method == "PUT" else b""
    proof = verify(signed(method, target, body=body, headers={"x-amz-meta-a": "two   spaces", "Content-Type": "a/b"}))
    assert proof.payload.kind is PayloadKind.HASHED
    assert proof.payload.value == hashlib.sha256(body).hexdigest()


@pytest.mark.parametrize("target", TARGETS)
def test_what_botocore_presigns_is_taken(target: str) -> None:
    request = signed("GET", target, presigned_s=60)
    assert verify(request, after_s=59).payload.kind is PayloadKind.UNSIGNED
    assert read_token(head_of(request)) == TOKEN


def changed(request: dict[str, Any], **parts: Any) -> dict[str, Any]:
    return {**request, **parts}


def with_field(request: dict[str, Any], name: str, value: str) -> dict[str, Any]:
    return {**request, "headers": {**request["headers"], name: value}}


@pytest.mark.parametrize("presigned_s", [0, 60])
def test_any_change_of_what_was_signed_is_refused(presigned_s: int) -> None:
    target = "/s3/store/models/llama?partNumber=1"
    request = signed("GET", target, presigned_s=presigned_s)
    verify(request)
    for other in (
        changed(request, method="HEAD"),
        changed(request, target=request["target"].replace("llama", "llamb")),
        changed(request, target=request["target"].replace("partNumber=1", "partNumber=2")),
        changed(request, target=request["target"] + "&versionId=1"),
        with_field(request, "Host", "other.example"),
        with_field(request, "x-amz-copy-source", "/secret/key"),
    ):
        with pytest.raises(Unclassified) as caught:
            verify(other)
        assert caught.value.reason is Reason.SIGNATURE_INVALID


def test_signed_field_that_changed_is_refused() -> None:
    request = signed("PUT", headers={"x-amz-meta-a": "1", "Content-Type": "a/b"}, body=b"x")
    verify(request)
    verify(with_field(request, "x-amz-meta-a", " 1 "))
    for name in ("x-amz-meta-a", "Content-Type", "X-Amz-Security-Token"):
        with pytest.raises(Unclassified, match="signature-invalid"):
            verify(with_field(request, name, "2"))
    gone = {**request, "headers": {k: v for k, v in request["headers"].items() if k != "x-amz-meta-a"}}
    with pytest.raises(Unclassified, match="signature-invalid"):
        verify(gone)


def test_field_of_s3_that_comes_twice_is_refused() -> None:
    head = head_of(signed())
    for name in (b"x-amz-date", b"x-amz-security-token", b"x-amz-content-sha256"):
        twice = replace(head, headers=(*head.headers, (name, b"other")))
        with pytest.raises(Unclassified, match="malformed-request"):
            read_claim(twice, ())


def test_other_keys_are_refused() -> None:
    request = signed()
    verify(request)
    for keys in (LeaseKeys("lse_2", KEYS.secret), LeaseKeys("lse_1", KEYS.secret[:-1])):
        with pytest.raises(Unclassified, match="signature-invalid"):
            verify(request, keys=keys)


@pytest.mark.parametrize(("after_s", "is_open"), [(-301, False), (-300, True), (0, True), (300, True), (301, False)])
def test_clocks_may_differ_by_five_minutes(after_s: float, is_open: bool) -> None:
    if is_open:
        verify(signed(), after_s=after_s)
    else:
        with pytest.raises(Unclassified, match="signature-expired"):
            verify(signed(), after_s=after_s)


@pytest.mark.parametrize(
    ("expires_s", "after_s", "is_open"),
    [(600, 599, True), (600, 600, False), (600, -300, True), (600, -301, False), (604_800, 600_000, True),
     (604_801, 1, False)],
)  # fmt: skip
def test_presigned_url_lasts_as_long_as_it_says(expires_s: int, after_s: float, is_open: bool) -> None:
    request = signed("GET", presigned_s=expires_s)
    if is_open:
        verify(request, after_s=after_s)
    else:
        with pytest.raises(Unclassified, match="signature-expired"):
            verify(request, after_s=after_s)


@pytest.mark.parametrize(
    "authorization",
    [
        "AWS lse_1:c2lnbmF0dXJl",
        "Bearer x",
        "AWS4-HMAC-SHA256 Credential=lse_1/20261123/r/s3/aws4_request, SignedHeaders=host, Signature=zz",
        f"AWS4-HMAC-SHA256 Credential=lse_1/20261123/r/ec2/aws4_request, SignedHeaders=host, Signature={'a' * 64}",
        f"AWS4-HMAC-SHA256 Credential=lse_1/20261124/r/s3/aws4_request, SignedHeaders=host, Signature={'a' * 64}",
        f"AWS4-HMAC-SHA256 Credential=lse_1/20261123/r/s3/aws4_request, SignedHeaders=host;host, Signature={'a' * 64}",
        f"AWS4-ECDSA-P256-SHA256 Credential=lse_1/20261123/s3/aws4_request, SignedHeaders=host, Signature={'a' * 64}",
    ],
)
def test_other_kinds_of_signatures_are_refused(authorization: str) -> None:
    request = with_field(signed(), "Authorization", authorization)
    request["headers"]["X-Amz-Date"] = "20261123T120000Z"
    with pytest.raises(Unclassified, match="malformed-request"):
        verify(request)


def test_two_signatures_in_one_request_are_refused() -> None:
    request = signed("GET", presigned_s=60)
    verify(request)
    for name, value in (("Authorization", "AWS4-HMAC-SHA256 x"), ("x-amz-security-token", TOKEN)):
        with pytest.raises(Unclassified, match="malformed-request"):
            verify(with_field(request, name, value))


def test_body_that_is_not_signed_needs_tls() -> None:
    for value, more in (
        ("UNSIGNED-PAYLOAD", {}),
        ("STREAMING-UNSIGNED-PAYLOAD-TRAILER",
         {"x-amz-decoded-content-length": "1", "x-amz-trailer": "x-amz-checksum-crc32"}),
    ):  # fmt: skip
        headers = {"Host": HOST, "x-amz-content-sha256": value, **more}
        head = head_of({"method": "PUT", "target": "/s3/store/models/k", "headers": headers, "body": b"x"})
        assert read_payload(head, is_presigned=False, is_tls=True).value == value
        with pytest.raises(Unclassified, match="payload-unsigned"):
            read_payload(head, is_presigned=False, is_tls=False)


# -- towards the store


@pytest.mark.parametrize("target", [b"/models/llama/a%20b.bin", b"/models?delimiter=%2F&list-type=2&prefix=llama%2F"])
def test_our_signature_is_botocores(target: bytes) -> None:
    fields = ((b"x-amz-meta-a", b"1"), (b"content-type", b"a/b"))
    request = UpstreamRequest("GET", target, fields, 0, (), False, b"", "exc_1")
    digest, now = hashlib.sha256(b"").hexdigest(), 1_790_000_000.0
    host = b"s3.eu-west-1.amazonaws.com"
    sent = dict(StoreSigner(now, digest).fields(request, host, "AKIA", "secret"))
    names = "host;x-amz-content-sha256;x-amz-date;x-amz-meta-a"
    assert f"SignedHeaders={names}," in sent[b"authorization"].decode()
    reference = AWSRequest("GET", f"https://{host.decode()}{target.decode()}", headers={"x-amz-meta-a": "1"})
    reference.context["timestamp"] = sent[b"x-amz-date"].decode()
    reference.headers["X-Amz-Date"] = sent[b"x-amz-date"].decode()
    reference.headers["X-Amz-Content-SHA256"] = digest
    auth = S3SigV4Auth(Credentials("AKIA", "secret"), "s3", "eu-west-1")
    text = auth.string_to_sign(reference, auth.canonical_request(reference))
    assert sent[b"authorization"].decode().endswith(f"Signature={auth.signature(text, reference)}")


def test_open_store_gets_no_credential() -> None:
    request = UpstreamRequest("GET", b"/models/k", (), 0, (), False, b"", "exc_1")
    assert b"authorization" not in dict(StoreSigner(0.0, "UNSIGNED-PAYLOAD").fields(request, b"h", "", ""))


def test_region_comes_from_the_name_of_the_store() -> None:
    assert sigv4.region_of(b"s3.eu-west-1.amazonaws.com") == "eu-west-1"
    assert sigv4.region_of(b"minio.example:9000") == "us-east-1"


def test_documented_example_of_aws() -> None:
    """Amazon S3 API reference, "Example: GET Object" of signature version 4."""
    scope = sigv4.CredentialScope("20130524", "us-east-1")
    key = sigv4.signing_key("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", scope)
    fields = (
        (b"host", b"examplebucket.s3.amazonaws.com"), (b"range", b"bytes=0-9"),
        (b"x-amz-content-sha256", sigv4.EMPTY_SHA256.encode()), (b"x-amz-date", b"20130524T000000Z"),
    )  # fmt: skip
    names = ("host", "range", "x-amz-content-sha256", "x-amz-date")
    canonical = sigv4.canonical_request("GET", "/test.txt", (), fields, names, sigv4.EMPTY_SHA256)
    text = sigv4.string_to_sign("20130524T000000Z", scope, canonical)
    assert sigv4.sign(key, text) == "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
