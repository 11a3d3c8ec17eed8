"""Paths, routes, fields, scopes and bodies: what each means, and what means nothing here."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jit_access.domain.operations import Operation
from jit_access.domain.plain_xml import BadXML, parse, render
from jit_access.domain.reasons import Reason
from jit_access.domain.scopes import ResourceScope, make_scope
from jit_access.domain.signing_secrets import derive_secret
from registry_proxy.protocols.asked import ExchangeFacts
from registry_proxy.protocols.http1 import RequestHead
from registry_proxy.protocols.refusals import Unclassified
from registry_proxy.protocols.s3.bodies import read_complete, read_delete
from registry_proxy.protocols.s3.calls import key_questions, questions, read_call
from registry_proxy.protocols.s3.errors import gate_answer
from registry_proxy.protocols.s3.fields import check_fields, forwarded
from registry_proxy.protocols.s3.listings import clean_list
from registry_proxy.protocols.s3.names import bucket_of, parse_path
from registry_proxy.protocols.s3.noting import note_versions
from registry_proxy.protocols.s3.queries import parse_query
from registry_proxy.protocols.s3.uploads import UploadSeal
from registry_proxy.protocols.wanted import Wanted

PULL, PUSH, DELETE = Operation.PULL, Operation.PUSH, Operation.DELETE
SCOPE = make_scope([ResourceScope("models/llama", frozenset({PULL, PUSH})), ResourceScope("data", frozenset({DELETE}))])


def head(method: str, target: str, *fields: tuple[str, str], length: int = 0) -> RequestHead:
    pairs = tuple((name.encode(), value.encode()) for name, value in fields)
    return RequestHead(method, target.encode(), pairs, b"gateway", length, True, False)


def ask(method: str, target: str, *fields: tuple[str, str]) -> tuple[str, list[tuple[str, str, str]], str]:
    """Route, questions, and what is forwarded. Raises what the call holds back."""
    call = read_call(head(method, target, *fields), parse_path(target.partition("?")[0]))
    if call.refused is not None:
        raise call.refused
    wanted = questions(call, SCOPE)
    return (call.route.name, [(item.repository, item.operation.value, item.reference) for item in wanted],
            call.target().decode())  # fmt: skip


LLAMA = "models/llama"


@pytest.mark.parametrize(
    ("method", "target", "route", "wanted", "forwarded"),
    [
        ("GET", "/s3/st/models/llama/a%20b", "get-object", [(LLAMA, "pull", "llama/a b")], "/models/llama/a%20b"),
        ("GET", "/s3/st/models/llama/k?versionId=a%2Fb&x-id=GetObject", "get-object", [(LLAMA, "pull", "llama/k")],
         "/models/llama/k?versionId=a%2Fb"),
        ("HEAD", "/s3/st/models/llama/k", "head-object", [(LLAMA, "pull", "llama/k")], "/models/llama/k"),
        ("PUT", "/s3/st/models/llama/k", "put-object", [(LLAMA, "push", "llama/k")], "/models/llama/k"),
        ("PUT", "/s3/st/models/llama/k?partNumber=2&uploadId=x", "upload-part", [(LLAMA, "push", "llama/k")],
         "/models/llama/k?partNumber=2&uploadId=x"),
        ("POST", "/s3/st/models/llama/k?uploads", "create-upload", [(LLAMA, "push", "llama/k")],
         "/models/llama/k?uploads="),
        ("DELETE", "/s3/st/models/llama/k", "delete-object", [(LLAMA, "delete", "llama/k")], "/models/llama/k"),
        ("DELETE", "/s3/st/models/llama/k?uploadId=x", "abort-upload", [(LLAMA, "push", "llama/k")],
         "/models/llama/k?uploadId=x"),
        ("GET", "/s3/st/models?list-type=2&prefix=llama%2Fx", "list-objects-v2", [(LLAMA, "pull", "llama/x")],
         "/models?list-type=2&prefix=llama%2Fx"),
        ("GET", "/s3/st/models/?prefix=llama", "list-objects", [("models", "pull", "llama")], "/models?prefix=llama"),
        ("GET", "/s3/st/models", "list-objects", [("models", "pull", "")], "/models"),
        ("GET", "/s3/st/models/frontier/k", "get-object", [("models", "pull", "frontier/k")], "/models/frontier/k"),
        ("GET", "/s3/st/models/llama2/k", "get-object", [("models", "pull", "llama2/k")], "/models/llama2/k"),
        ("PUT", "/s3/st/models/llama/k?partNumber=10000&uploadId=x", "upload-part", [(LLAMA, "push", "llama/k")],
         "/models/llama/k?partNumber=10000&uploadId=x"),
        ("GET", "/s3/st/models?max-keys=0", "list-objects", [("models", "pull", "")], "/models?max-keys=0"),
        ("GET", "/s3/st/models?location", "location", [(LLAMA, "pull", "")], "/models?location="),
        ("GET", "/s3/st/", "list-buckets", [], "/"),
        ("POST", "/s3/st/data?delete", "delete-objects", [("data", "delete", "")], "/data?delete="),
    ],
)  # fmt: skip
def test_request_asks_and_forwards(
    method: str, target: str, route: str, wanted: list[object], forwarded: str
) -> None:  # fmt: skip
    assert ask(method, target) == (route, wanted, forwarded)


SUB_RESOURCES = [
    "acl", "analytics", "cors", "encryption", "intelligent-tiering", "inventory", "lifecycle", "logging", "metrics",
    "notification", "object-lock", "ownershipControls", "policy", "policyStatus", "publicAccessBlock", "replication",
    "requestPayment", "tagging", "versioning", "versions", "website", "uploads", "accelerate", "torrent",
    "legal-hold", "retention", "restore", "select", "attributes", "session", "metadataTable",
]  # fmt: skip


@pytest.mark.parametrize("word", SUB_RESOURCES)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD"])
def test_sub_resources_of_administrators_are_no_routes(method: str, word: str) -> None:
    for level in ("models", "models/llama/k"):
        for query in (word, f"{word}=", f"{word}&x-id=GetObject", f"{word}&versionId=1", word.upper()):
            with pytest.raises(Unclassified) as caught:
                ask(method, f"/s3/st/{level}?{query}")
            assert caught.value.reason in (Reason.ROUTE_UNKNOWN, Reason.METHOD_NOT_ALLOWED)


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("DELETE", "/s3/st/models/llama/k?versionId=1"),
        ("PUT", "/s3/st/models"), ("DELETE", "/s3/st/models"), ("POST", "/s3/st/models"), ("PUT", "/s3/st/"),
        ("POST", "/s3/st/models/llama/k"), ("PATCH", "/s3/st/models/llama/k"),
        ("GET", "/s3/st/models?list-type=1"), ("GET", "/s3/st/models?list-type=2&fetch-owner=true"),
        ("GET", "/s3/st/models?prefix=llama%2F..%2Ffrontier"), ("GET", "/s3/st/models?prefix=llama%2F%2Fx"),
        ("PUT", "/s3/st/models/llama/k?partNumber=0&uploadId=x"), ("PUT", "/s3/st/models/llama/k?partNumber=1"),
        ("PUT", "/s3/st/models/llama/k?partNumber=02&uploadId=x"),
        ("PUT", "/s3/st/models/llama/k?partNumber=10001&uploadId=x"),
        ("PUT", "/s3/st/models/llama/k?partNumber=%D9%A2&uploadId=x"), ("GET", "/s3/st/models?max-keys=010"),
        ("GET", "/s3/st/models/llama/k?partNumber=02"), ("GET", "/s3/st/models/llama/k?partNumber="),
        ("GET", "/s3/st/models/llama/k?response-content-type=text%2Fhtml"),
    ],
)  # fmt: skip
def test_twins_of_routes_are_refused(method: str, target: str) -> None:
    with pytest.raises(Unclassified):
        ask(method, target)


@pytest.mark.parametrize(
    "path",
    ["/s3", "/s3/", "/s3/Store/b", "/s3/st/ab", "/s3/st/Models/k", "/s3/st/a..b/k", "/s3/st/10.0.0.1/k",
     "/s3/st/models/llama%2Fk", "/s3/st/models/%FF", "/s3/st/models/a%00b", "/s3/st/models/a%0Ab",
     "/s3/st/models/llama/%2E%2E/k", "/s3/st/models/a%5Cb", "/s3/st/models/llama//k", "/S3/st/models/k"],
)  # fmt: skip
def test_paths_with_another_reading_are_refused(path: str) -> None:
    with pytest.raises(Unclassified):
        parse_path(path)


@pytest.mark.parametrize(
    ("host", "bucket"),
    [
        ("models.s3.example", "models"), ("models.s3.example:8443", "models"), ("MODELS.S3.Example", "models"),
        ("my.models.s3.example", "my.models"), ("s3.example", ""), ("s3.example:8443", ""), ("other.example", ""),
        ("models.s3.example.evil", ""), ("models-s3.example", ""), ("127.0.0.1:8080", ""), ("[::1]:8080", ""),
    ],
)  # fmt: skip
def test_bucket_in_the_host(host: str, bucket: str) -> None:
    assert bucket_of(host.encode(), "s3.example") == bucket
    assert bucket_of(host.encode(), "") == ""


@pytest.mark.parametrize(
    ("path", "place"),
    [("/s3/st", ("models", "")), ("/s3/st/", ("models", "")), ("/s3/st/k", ("models", "k")),
     ("/s3/st/models/llama/k", ("models", "models/llama/k"))],
)  # fmt: skip
def test_path_behind_a_host_that_names_the_bucket(path: str, place: tuple[str, str]) -> None:
    found = parse_path(path, "models")
    assert (found.target, found.bucket, found.key) == ("st", *place)


@pytest.mark.parametrize("bucket", ["a", "Models", "10.0.0.1", "a_b", "x" * 64])
def test_a_host_that_can_be_no_bucket_is_refused(bucket: str) -> None:
    with pytest.raises(Unclassified, match="bucket"):
        parse_path("/s3/st/k", bucket)


@pytest.mark.parametrize("raw", ["a=1&a=2", "a+b=1", "prefix=a+b", "%zz=1", "=1", "a=%FF", "a=%00", "acl&ACL", "a&&b"])
def test_queries_with_another_reading_are_refused(raw: str) -> None:
    with pytest.raises(Unclassified):
        parse_query(raw)


@pytest.mark.parametrize(
    "name",
    ["x-amz-acl", "x-amz-grant-read", "x-amz-tagging", "x-amz-object-lock-mode", "x-amz-server-side-encryption",
     "x-amz-server-side-encryption-customer-key", "x-amz-website-redirect-location", "x-amz-storage-class",
     "x-amz-bypass-governance-retention", "x-amz-expected-bucket-owner", "x-amz-request-payer", "x-amz-new"],
)  # fmt: skip
def test_fields_that_hand_rights_away_are_refused(name: str) -> None:
    ask("PUT", "/s3/st/models/llama/k", ("x-amz-meta-a", "1"))
    with pytest.raises(Unclassified, match=name):
        ask("PUT", "/s3/st/models/llama/k", (name, "1"))


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("/models/llama/a%20b", (LLAMA, "pull", "llama/a b")),
        ("models/llama%2Fk?versionId=1", (LLAMA, "pull", "llama/k")),
        ("models/frontier/k", ("models", "pull", "frontier/k")),
        ("data/k", ("data", "pull", "k")),
    ],
)
def test_copy_asks_for_its_source(source: str, wanted: tuple[str, str, str]) -> None:
    route, asked, _ = ask("PUT", "/s3/st/models/llama/k", ("x-amz-copy-source", source))
    assert (route, asked) == ("copy-object", [(LLAMA, "push", "llama/k"), wanted])


@pytest.mark.parametrize(
    "source",
    ["models", "models/", "/models/llama/../frontier/k", "models/llama%252Fk", "arn:aws:s3:::models/llama/k",
     "models/llama/k?acl", "models/llama/k?", "//models/llama/k", "models/llama/k?versionId=1&versionId=2"],
)  # fmt: skip
def test_doubtful_sources_of_a_copy_are_refused(source: str) -> None:
    with pytest.raises(Unclassified):
        ask("PUT", "/s3/st/models/llama/k", ("x-amz-copy-source", source))


def test_copy_is_no_read() -> None:
    for method in ("GET", "DELETE"):
        with pytest.raises(Unclassified):
            ask(method, "/s3/st/models/llama/k", ("x-amz-copy-source", "models/llama/k"))


def test_scope_with_tags_covers_no_key() -> None:
    scope = make_scope([ResourceScope("models", frozenset({PULL}), tags=("v1",))])
    call = read_call(head("GET", "/s3/st/models/k"), parse_path("/s3/st/models/k"))
    assert scope.find(questions(call, scope)[0].repository) is None


def test_closest_part_of_a_grant_with_the_operation_answers() -> None:
    scope = make_scope([
        ResourceScope("models", frozenset({PULL})), ResourceScope("models/llama", frozenset({PUSH})),
    ])  # fmt: skip
    for method, name in (("GET", "models"), ("PUT", "models/llama"), ("DELETE", "models/llama")):
        call = read_call(head(method, "/s3/st/models/llama/k"), parse_path("/s3/st/models/llama/k"))
        assert questions(call, scope)[0].repository == name


# -- bodies


def test_batch_is_written_anew_and_each_key_asked_for() -> None:
    keys, body = read_delete(
        b"<Delete><Object><Key>a &amp; b</Key></Object><Object><Key>llama/x</Key></Object></Delete>"
    )
    assert keys == ("a & b", "llama/x")
    assert [node.word("Key") for node in parse(body).all("Object")] == list(keys)
    call = read_call(head("POST", "/s3/st/models?delete"), parse_path("/s3/st/models"))
    assert [item.repository for item in key_questions(call, SCOPE, keys)] == ["models", "models/llama"]


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{}", b"<Delete/>", b"<Other><Object><Key>a</Key></Object></Other>",
        b"<Delete><Object><Key>a</Key><VersionId>1</VersionId></Object></Delete>",
        b"<Delete><Object><Key>a</Key><Key>b</Key></Object></Delete>",
        b"<Delete><Object><Key>a</Key></Object><Object><Key>a</Key></Object></Delete>",
        b"<Delete><Object><Key>llama/../b</Key></Object></Delete>",
        b"<Delete><Object><Key>a</Key></Object><Bypass>true</Bypass></Delete>",
        b"<!DOCTYPE d [<!ENTITY e 'frontier/k'>]><Delete><Object><Key>&e;</Key></Object></Delete>",
        b"<Delete><Object><Key>a<!-- -->b</Key></Object></Delete>",
        b"<Delete><Object><Key><![CDATA[a]]></Key></Object></Delete>",
        '<?xml version="1.0" encoding="utf-16"?><Delete/>'.encode("utf-16"),
        b"<Delete><Object><Key>a</Key></Object></Delete><Delete/>",
        b"<Delete>" + b"<a>" * 3000 + b"</a>" * 3000 + b"</Delete>",
    ],
)  # fmt: skip
def test_batch_with_another_reading_is_refused(body: bytes) -> None:
    with pytest.raises(Unclassified):
        read_delete(body)


def test_declared_encoding_does_not_count() -> None:
    body = b'<?xml version="1.0" encoding="cp037"?><Delete><Object><Key>a</Key></Object></Delete>'
    assert read_delete(body)[0] == ("a",)


def test_list_of_parts_is_written_anew() -> None:
    part = "<Part><PartNumber>1</PartNumber><ETag>&quot;ab&quot;</ETag><ChecksumCRC32>AAAAAA==</ChecksumCRC32></Part>"
    again = parse(read_complete(f"<CompleteMultipartUpload>{part}</CompleteMultipartUpload>".encode()))
    assert again.children[0].word("ETag") == '"ab"'
    for bad in ("", part.replace(">1<", ">0<"), part.replace("&quot;ab", "a b"), part + "<x/>"):
        with pytest.raises(Unclassified):
            read_complete(f"<CompleteMultipartUpload>{bad}</CompleteMultipartUpload>".encode())


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_or_read(body: bytes) -> None:
    for read in (read_delete, read_complete):
        try:
            read(body)
        except Unclassified:
            continue


@given(st.text(max_size=60))
def test_text_survives_being_written(text: str) -> None:
    try:
        node = parse(f"<a><b>{text.replace('&', '&amp;').replace('<', '&lt;').replace('>', '&gt;')}</b></a>".encode())
    except (BadXML, UnicodeEncodeError):
        return
    assert parse(render(node)) == node


# -- what records say


def test_records_name_the_source_of_a_copy_and_the_version_that_is_read() -> None:
    def noted(method: str, target: str, *fields: tuple[str, str]) -> dict[str, str]:
        notes: dict[str, str] = {}
        note_versions(notes, read_call(head(method, target, *fields), parse_path(target.partition("?")[0])))
        return notes

    long = "k" * 300
    copied = noted("PUT", "/s3/st/models/llama/k", ("x-amz-copy-source", "/models/llama/a%20b?versionId=v%2F1"))
    assert copied == {"copied_from": "models/llama/a b", "copied_version": "v/1"}
    assert noted("GET", "/s3/st/models/llama/k?versionId=v1") == {"version": "v1"}
    assert noted("GET", "/s3/st/models/llama/k") == {}
    one, other = (noted("PUT", "/s3/st/models/llama/k", ("x-amz-copy-source", f"models/{long}{n}")) for n in "12")
    assert one["copied_from_sha256"] != other["copied_from_sha256"]


# -- what the store lists


def test_listing_shows_the_grant_alone() -> None:
    listed = b"""<ListBucketResult><Name>models</Name><Prefix>llama/</Prefix><EncodingType>url</EncodingType>
    <KeyCount>3</KeyCount><Owner><ID>x</ID></Owner>
    <Contents><Key>llama/a+b%2Bc</Key><Size>1</Size><Owner><ID>x</ID></Owner></Contents>
    <Contents><Key>frontier/k</Key></Contents><Contents><Key>llama2/k</Key></Contents>
    <CommonPrefixes><Prefix>llama/sub/</Prefix></CommonPrefixes><CommonPrefixes><Prefix>secret/</Prefix></CommonPrefixes>
    </ListBucketResult>"""
    text = clean_list(listed, SCOPE, "models").decode()
    assert "llama/a+b%2Bc" in text
    assert "llama/sub/" in text
    assert "<KeyCount>2</KeyCount>" in text
    for word in ("frontier", "llama2", "secret", "Owner"):
        assert word not in text


# -- uploads and secrets


def test_upload_id_opens_for_its_session_and_object_alone() -> None:
    seal = UploadSeal(b"k" * 32, "hash", ("st", "models", "llama/k"))
    closed = seal.close("upstream~id+/=")
    assert seal.open(closed) == "upstream~id+/="
    others = [
        UploadSeal(b"j" * 32, "hash", seal.place), UploadSeal(b"k" * 32, "hash2", seal.place),
        *(UploadSeal(b"k" * 32, "hash", place) for place in (
            ("su", "models", "llama/k"), ("st", "models2", "llama/k"), ("st", "models", "llama/l"),
            ("st", "modelsl", "lama/k"))),
    ]  # fmt: skip
    assert [other.open(closed) for other in others] == [None] * len(others)
    for text in ("", "x", "upstream", closed[:-2] + "AA", closed + "A", "é", "a" * 2000):
        assert seal.open(text) is None


@pytest.mark.parametrize("upload_id", ["a", "ab", "abc"])
def test_upload_id_has_one_spelling(upload_id: str) -> None:
    seal = UploadSeal(b"k" * 32, "hash", ("st", "models", "llama/k"))
    closed = seal.close(upload_id)
    assert seal.open(closed) == upload_id
    letters = string.ascii_letters + string.digits + "-_"
    others = [closed[:-1] + letter for letter in letters if letter != closed[-1]]
    padded = [closed + "=" * count for count in range(1, 5)]
    for text in (*others, *padded, closed + "\n", f" {closed}", closed.replace("-", "+").replace("_", "/") + "="):
        assert seal.open(text) is None


def test_secret_depends_on_all_it_is_derived_from() -> None:
    base = {"view_key": b"k" * 32, "lease_id": "lse_1", "token_hash": "ab"}
    secret = derive_secret(**base)  # type: ignore[arg-type]  # three named texts
    assert len(secret) == 40
    for change in ({"view_key": b"j" * 32}, {"lease_id": "lse_2"}, {"token_hash": "abc"}):
        assert derive_secret(**{**base, **change}) != secret  # type: ignore[arg-type]


def test_a_refused_batch_names_what_is_not_covered() -> None:
    facts = ExchangeFacts("exc_1", b"https://gateway", "https://access.example", "127.0.0.1")
    wanted = (Wanted("st", "models", DELETE),)
    few = gate_answer(Reason.OUT_OF_SCOPE, facts, wanted, ("frontier/<a>", "frontier/ü")).body.decode()
    assert "Nothing was deleted. Not covered: frontier/&lt;a&gt;, frontier/ü. Request access at https://access" in few
    many = gate_answer(Reason.OPERATION_NOT_GRANTED, facts, wanted, tuple(f"k{n}" for n in range(23))).body.decode()
    assert "k18, k19, and 3 more." in many
    assert "k20" not in many
    assert "Nothing was deleted" not in gate_answer(Reason.GRANT_REVOKED, facts, wanted, ("k",)).body.decode()


def test_a_checksum_of_a_body_that_is_written_anew_stays_here() -> None:
    """It would be wrong at the store: boto3 sends one with each batch."""
    asked = head("POST", "/s3/st/models?delete", ("x-amz-checksum-crc32", "AAAAAA=="), ("content-md5", "x"))
    check_fields(asked, "delete-objects")
    assert forwarded(asked, "delete-objects") == []
    assert forwarded(asked, "put-object") == list(asked.headers)
