"""Bodies in chunks: AWS's own documented examples, every way to cut them, and every way to lie in them."""

from __future__ import annotations

import base64
import hashlib
import zlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jit_access.domain import sigv4
from jit_access.domain.reasons import Reason
from registry_proxy.protocols.body_checks import BodyCheck, BodyRefused
from registry_proxy.protocols.http1 import RequestHead
from registry_proxy.protocols.refusals import Unclassified
from registry_proxy.protocols.s3.checksums import promised_by
from registry_proxy.protocols.s3.chunks import ChunkedCheck
from registry_proxy.protocols.s3.payloads import Payload, PayloadKind
from registry_proxy.protocols.s3.plain import PlainCheck
from registry_proxy.protocols.s3.proving import Proof

# Amazon S3 API reference, "Transferring payload in multiple chunks" and "Trailing headers": the same key in both.
SCOPE, AT = sigv4.CredentialScope("20130524", "us-east-1"), "20130524T000000Z"
KEY = sigv4.signing_key("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", SCOPE)
FIRST, SECOND = b"a" * 65536, b"a" * 1024
SUM = base64.b64encode(zlib.crc32(FIRST + SECOND).to_bytes(4, "big")).decode()


def proof(kind: PayloadKind, size: int = 66560, trailer: str = "", seed: str = "") -> Proof:
    return Proof(KEY, SCOPE, AT, seed, Payload(kind, kind.value, size, trailer))


SIGNED = proof(
    PayloadKind.SIGNED_CHUNKS, seed="4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
)  # fmt: skip
SIGNED_BODY = (
    b"10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n" + FIRST + b"\r\n"
    b"400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n" + SECOND + b"\r\n"
    b"0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n"
)
TRAILED = proof(
    PayloadKind.SIGNED_CHUNKS_TRAILER, trailer="x-amz-checksum-crc32c",
    seed="106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
)  # fmt: skip
TRAILED_BODY = (
    b"10000;chunk-signature=b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2\r\n" + FIRST + b"\r\n"
    b"400;chunk-signature=1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7\r\n" + SECOND + b"\r\n"
    b"0;chunk-signature=2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992\r\n"
    b"x-amz-checksum-crc32c:sOO8/Q==\r\n"
    b"x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n"
)
UNSIGNED = proof(PayloadKind.UNSIGNED_TRAILER, trailer="x-amz-checksum-crc32")
UNSIGNED_BODY = (
    b"10000\r\n" + FIRST + b"\r\n400\r\n" + SECOND + b"\r\n0\r\nx-amz-checksum-crc32:" + SUM.encode() + b"\r\n\r\n"
)
CASES = [(SIGNED, SIGNED_BODY), (TRAILED, TRAILED_BODY), (UNSIGNED, UNSIGNED_BODY)]
IDS = ["signed", "signed-trailer", "unsigned-trailer"]


def passed(check: BodyCheck, body: bytes, piece: int = 10_000) -> bytes:
    given_on = [check.feed(body[at : at + piece]) for at in range(0, len(body), piece)]
    return b"".join((*given_on, check.finish()))


def payload_of(proven: Proof, sent: bytes) -> bytes:
    """What the store makes of it."""
    if proven.payload.kind is PayloadKind.SIGNED_CHUNKS:
        return sent
    again = proof(PayloadKind.UNSIGNED_TRAILER, proven.payload.size, proven.payload.trailer)
    found, rest = b"", sent
    while not rest.startswith(b"0\r\n"):
        line, _, rest = rest.partition(b"\r\n")
        found, rest = found + rest[: int(line, 16)], rest[int(line, 16) + 2 :]
    assert passed(ChunkedCheck(again), sent)  # what we write, we would take
    return found


@pytest.mark.parametrize(("proven", "body"), CASES, ids=IDS)
@pytest.mark.parametrize("piece", [1, 17, 4096, 1_000_000])
def test_documented_body_passes_however_it_arrives(proven: Proof, body: bytes, piece: int) -> None:
    assert payload_of(proven, passed(ChunkedCheck(proven), body, piece)) == FIRST + SECOND


@pytest.mark.parametrize(("proven", "body"), CASES, ids=IDS)
def test_nothing_complete_goes_on_before_all_of_it_fits(proven: Proof, body: bytes) -> None:
    check = ChunkedCheck(proven)
    sent = check.feed(body)
    assert len(sent) < len(FIRST + SECOND) + 32
    assert not sent.endswith(b"0\r\n\r\n")
    assert len(sent + check.finish()) > len(sent)


@pytest.mark.parametrize(("proven", "body"), CASES, ids=IDS)
@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"400", b"401", None),
        (b"\r\naaaa", b"\naaaaa", None),
        (b"aaa\r\n400", b"aba\r\n400", None),
        (b"a\r\n0", b"b\r\n0", None),
        (b"\r\n\r\n", b"\r\n", Reason.MALFORMED_REQUEST),
        (b"\r\n\r\n", b"\r\nx-amz-checksum-sha1:x\r\n\r\n", Reason.MALFORMED_REQUEST),
        (b"\r\n\r\n", b"\r\n\r\nGET / HTTP/1.1\r\n\r\n", Reason.MALFORMED_REQUEST),
        (b"10000", b"+10000", Reason.MALFORMED_REQUEST),
        (b"10000", b"0x10000", Reason.MALFORMED_REQUEST),
        (b"10000", b"10000 ", Reason.MALFORMED_REQUEST),
        (b"10000", b"ffffffffff", Reason.REQUEST_TOO_LARGE),
        (b"10000", b"1" * 600, Reason.MALFORMED_REQUEST),
    ],
)
def test_every_change_is_refused(
    proven: Proof, body: bytes, old: bytes, new: bytes, reason: Reason | None
) -> None:  # fmt: skip
    assert old in body
    with pytest.raises(BodyRefused) as caught:
        passed(ChunkedCheck(proven), body.replace(old, new, 1) if old != b"\r\n\r\n" else body[:-4] + new)
    assert reason in (None, caught.value.reason)


@pytest.mark.parametrize(("proven", "body"), CASES, ids=IDS)
@pytest.mark.parametrize("piece", [1, 17, 1_000_000])
def test_a_byte_behind_the_end_is_refused_when_it_comes(proven: Proof, body: bytes, piece: int) -> None:
    """And not at the end: what is kept until then has no bound."""
    check = ChunkedCheck(proven)
    for at in range(0, len(body), piece):
        check.feed(body[at : at + piece])
    check.feed(b"")
    with pytest.raises(BodyRefused) as caught:
        check.feed(b"\0")
    assert caught.value.reason is Reason.MALFORMED_REQUEST


@pytest.mark.parametrize(
    ("proven", "begun", "least"),
    [
        (SIGNED, b"1" * 511, 100),  # the size of a chunk
        (SIGNED, SIGNED_BODY.rpartition(b"0;chunk")[0], 600),  # behind a chunk
        (UNSIGNED, UNSIGNED_BODY.partition(b"x-amz")[0] + b"x" * 511, 100),  # a trailer
        (UNSIGNED, UNSIGNED_BODY.partition(b"x-amz")[0] + b"x:" + b"y" * 500 + b"\r\n", 5_000),  # and many
    ],
)  # fmt: skip
def test_nothing_is_kept_without_a_bound(proven: Proof, begun: bytes, least: int) -> None:
    check = ChunkedCheck(proven)
    check.feed(begun)
    line = b"x:y\r\n" if begun.endswith(b"\r\n") else b"1"
    with pytest.raises(BodyRefused):
        check.feed(line * least)


@pytest.mark.parametrize("name", ["chunk-signature=0055", "chunk-signature=b6c6"])
def test_wrong_signature_of_a_chunk_is_refused(name: str) -> None:
    with pytest.raises(BodyRefused) as caught:
        passed(ChunkedCheck(SIGNED), SIGNED_BODY.replace(name.encode(), name[:-1].encode() + b"f"))
    assert caught.value.reason is Reason.SIGNATURE_INVALID


def test_wrong_signature_of_a_trailer_is_refused() -> None:
    for old, new in ((b"d81f", b"d81e"), (b"sOO8", b"sOO9")):
        with pytest.raises(BodyRefused) as caught:
            passed(ChunkedCheck(TRAILED), TRAILED_BODY.replace(old, new))
        assert caught.value.reason is Reason.SIGNATURE_INVALID


def test_wrong_checksum_is_refused() -> None:
    other = base64.b64encode(b"abcd")
    with pytest.raises(BodyRefused) as caught:
        passed(ChunkedCheck(UNSIGNED), UNSIGNED_BODY.replace(SUM.encode(), other))
    assert caught.value.reason is Reason.DIGEST_MISMATCH


def test_another_length_than_announced_is_refused() -> None:
    for size in (66559, 66561):
        short = proof(PayloadKind.UNSIGNED_TRAILER, size, "x-amz-checksum-crc32")
        with pytest.raises(BodyRefused):
            passed(ChunkedCheck(short), UNSIGNED_BODY)


@given(st.binary(max_size=200_000), st.integers(min_value=1, max_value=70_000))
def test_hash_of_a_body_is_checked_before_its_end_goes_on(body: bytes, piece: int) -> None:
    promised = (("x-amz-checksum-sha256", hashlib.sha256(body).digest()),)
    assert passed(PlainCheck(promised), body, piece) == body
    check = PlainCheck(promised)
    sent = b"".join(check.feed(part) for part in (body, b"more"))
    assert sent == body
    with pytest.raises(BodyRefused):
        check.finish()


# Catalogue of parametrised CRC algorithms (reveng): what "123456789" comes to; FIPS 180 and RFC 1321 for the others.
CHECKED = b"123456789"
VALUES = {
    "x-amz-checksum-crc32": "cbf43926", "x-amz-checksum-crc32c": "e3069283",
    "x-amz-checksum-crc64nvme": "ae8b14860a799888",
    "x-amz-checksum-sha1": "f7c3bc1d808e04732adf679965ccc34ca7ae3441",
    "x-amz-checksum-sha256": "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225",
    "content-md5": "25f9e794323b453885f5181f1b624d0b",
}  # fmt: skip


@pytest.mark.parametrize("name", list(VALUES))
def test_each_checksum_is_verified_as_the_body_goes_by(name: str) -> None:
    value = bytes.fromhex(VALUES[name])
    head = RequestHead("PUT", b"/", ((name.encode(), base64.b64encode(value)),), b"h", 9, True, False)
    promised = promised_by(head)
    assert promised == ((name, value),)
    for piece in (1, 4, 9):
        assert passed(PlainCheck(promised), CHECKED, piece) == CHECKED
    with pytest.raises(BodyRefused) as caught:
        passed(PlainCheck(promised), CHECKED[:-1] + b"8")
    assert caught.value.reason is Reason.DIGEST_MISMATCH


@pytest.mark.parametrize("name", [name for name in VALUES if name != "content-md5"])
def test_each_checksum_is_verified_behind_a_body_in_chunks(name: str) -> None:
    right = base64.b64encode(bytes.fromhex(VALUES[name]))
    proven = proof(PayloadKind.UNSIGNED_TRAILER, 9, name)
    body = b"9\r\n%b\r\n0\r\n%b:%b\r\n\r\n" % (CHECKED, name.encode(), right)
    assert payload_of(proven, passed(ChunkedCheck(proven), body)) == CHECKED
    with pytest.raises(BodyRefused) as caught:
        passed(ChunkedCheck(proven), body.replace(CHECKED, CHECKED[::-1]))
    assert caught.value.reason is Reason.DIGEST_MISMATCH


def test_a_promise_in_front_of_chunks_is_kept_too() -> None:
    payload = Payload(PayloadKind.UNSIGNED_TRAILER, "", 66560, "x-amz-checksum-crc32")
    right = (("content-md5", hashlib.md5(FIRST + SECOND).digest()),)  # noqa: S324 - a checksum
    assert passed(ChunkedCheck(Proof(KEY, SCOPE, AT, "", replace(payload, promised=right))), UNSIGNED_BODY)
    wrong = (("content-md5", bytes(16)),)
    with pytest.raises(BodyRefused):
        passed(ChunkedCheck(Proof(KEY, SCOPE, AT, "", replace(payload, promised=wrong))), UNSIGNED_BODY)


@pytest.mark.parametrize(
    "fields",
    [(("x-amz-checksum-crc32", "AAAA"),), (("x-amz-checksum-crc32", "AAAAAB=="),), (("content-md5", "x"),),
     (("x-amz-checksum-crc64nvme", "AAAAAA=="),), (("x-amz-checksum-crc32c", "!!!!!!=="),),
     (("x-amz-checksum-crc32", "AAAAAA=="), ("x-amz-checksum-sha1", base64.b64encode(bytes(20)).decode()))],
)  # fmt: skip
def test_a_promise_that_nobody_can_keep_is_refused(fields: tuple[tuple[str, str], ...]) -> None:
    pairs = tuple((name.encode(), value.encode()) for name, value in fields)
    with pytest.raises(Unclassified) as caught:
        promised_by(RequestHead("PUT", b"/", pairs, b"h", 9, True, False))
    assert caught.value.http_status == 400
