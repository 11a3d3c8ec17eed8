"""A kept blob is another way to the same bytes: decided, recorded, counted and cut as if the registry sent them."""

from __future__ import annotations

import hashlib
import os
import socket
import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from jit_access.demo.stack.certificates import ensure_certificates
from jit_access.domain.reasons import Reason
from jit_access.domain.scopes import ResourceScope
from registry_proxy.blob_cache.cache import SMALL_BYTES
from registry_proxy.blob_cache.store import BlobKey, Store
from registry_proxy.settings import Limits
from tests.support.gateway import ALL, PULL, Gateway, Held, running_gateway
from tests.support.processes import wait_for
from tests.support.raw import RawAnswer, ScriptedUpstream, read_answer
from tests.support.registry import MANIFEST_TYPE, digest_of, manifest_of

SMALL = b"a small blob"
LARGE = os.urandom(1024 * 1024) * 6 + b"and a tail"
FIELDS = b"Content-Type: application/octet-stream\r\nDate: Mon, 23 Nov 2026 10:00:00 GMT\r\n"


class Shelf:
    """A registry that holds what a test put there, and remembers what it was asked."""

    def __init__(self) -> None:
        self.held: dict[tuple[str, str], bytes] = {}
        self.upstream = ScriptedUpstream(self._answer)

    def put(self, repository: str, body: bytes, *, digest: str = "") -> str:
        digest = digest or digest_of(body)
        self.held[repository, digest] = body
        return digest

    @property
    def asked(self) -> list[str]:
        """Method and path of every request, oldest first."""
        lines = (head.split(b"\r\n")[0].decode() for head in self.upstream.requests)
        return [line.removesuffix(" HTTP/1.1") for line in lines]

    def _answer(self, connection: socket.socket, head: bytes) -> None:
        method, path, _ = head.split(b" ", 2)
        repository, _, rest = path.decode().removeprefix("/v2/").partition("/")
        kind, _, reference = rest.partition("/")
        body = self.held.get((repository, reference))
        if method == b"DELETE":
            self.held.pop((repository, reference), None)
            connection.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
        elif body is None:
            connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        else:
            fields = FIELDS if kind == "blobs" else f"Content-Type: {MANIFEST_TYPE}\r\n".encode()
            named = f"Docker-Content-Digest: {reference}\r\n" if ":" in reference else ""
            start = b"HTTP/1.1 200 OK\r\n" + fields + named.encode() + b"Content-Length: %d\r\n\r\n" % len(body)
            connection.sendall(start + (b"" if method == b"HEAD" else body))


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    shelf = Shelf()
    with shelf.upstream:
        yield shelf


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    ensure_certificates(folder)
    return folder


@pytest.fixture
def gateway(tmp_path: Path, shelf: Shelf, tls: Path) -> Iterator[Gateway]:
    certificate = tls / "localhost.pem", tls / "localhost.key"
    with running_gateway(tmp_path, tls=certificate, cache=tmp_path / "cache") as running:
        running.add_target("demo", shelf.upstream.url)
        yield running


def connect(gateway: Gateway, tls: Path | None = None) -> socket.socket:
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
    client.settimeout(60)
    client.connect(("127.0.0.1", gateway.tls_port if tls else gateway.port))
    if tls is None:
        return client
    context = ssl.create_default_context(cafile=tls / "ca.pem")
    return context.wrap_socket(client, server_hostname="localhost", suppress_ragged_eofs=False)


def request(held: Held, repository: str, digest: str, *more: str, method: str = "GET") -> bytes:
    lines = (
        f"{method} /v2/demo/{repository}/blobs/{digest} HTTP/1.1",
        "Host: gw",
        f"Authorization: Bearer {held.token}",
    )
    return "\r\n".join((*lines, *more, "", "")).encode()


def get(gateway: Gateway, raw: bytes, tls: Path | None = None) -> RawAnswer:
    with connect(gateway, tls) as client:
        client.sendall(raw)
        return read_answer(client, is_head=raw.startswith(b"HEAD"))


def fill(gateway: Gateway, held: Held, repository: str, digest: str) -> RawAnswer:
    """The first pull of a body; returns when it is kept."""
    before = fills(gateway)["stored"]
    answer = get(gateway, request(held, repository, digest))
    wait_for(lambda: fills(gateway)["stored"] == before + 1, "the body is kept")
    return answer


def fills(gateway: Gateway) -> dict[str, int]:
    return dict(_cache(gateway).fills)


def counts(gateway: Gateway) -> tuple[int, int]:
    """Hits and misses."""
    requests = _cache(gateway).requests
    return requests["hit"], requests["miss"]


def _cache(gateway: Gateway):  # type: ignore[no-untyped-def]
    assert gateway.server is not None
    assert gateway.server.services.cache is not None
    return gateway.server.services.cache


# -- the same bytes


@pytest.mark.parametrize("body", [b"", SMALL, b"x" * SMALL_BYTES, LARGE], ids=["empty", "small", "limit", "large"])
@pytest.mark.parametrize("is_tls", [False, True], ids=["plain", "tls"])
def test_second_pull_is_the_same_and_asks_no_registry(
    gateway: Gateway, shelf: Shelf, tls: Path, body: bytes, is_tls: bool
) -> None:
    digest, held = shelf.put("a", body), gateway.grant("demo", ResourceScope("a", PULL))
    first = fill(gateway, held, "a", digest)
    for _ in range(2):
        again = get(gateway, request(held, "a", digest), tls if is_tls else None)
        assert (again.status, hashlib.sha256(again.body).digest()) == (200, hashlib.sha256(body).digest())
        same = (b"content-type", b"docker-content-digest", b"content-length")
        assert [again.headers[name] for name in same] == [first.headers[name] for name in same]
        assert b"date" not in again.headers
    assert shelf.asked == [f"GET /v2/a/blobs/{digest}"]
    assert counts(gateway) == (2, 1)


def test_hit_is_recorded_as_one_and_counted_in_bytes(gateway: Gateway, shelf: Shelf) -> None:
    held = gateway.grant("demo", ResourceScope("a", PULL))
    for body in (SMALL, LARGE):
        digest = shelf.put("a", body)
        exchanges = [fill(gateway, held, "a", digest), get(gateway, request(held, "a", digest))]
        ids = [answer.headers[b"x-request-id"].decode() for answer in exchanges]
        ended = [gateway.wait_record("proxy.transfer.completed", exchange=name) for name in ids]
        allowed = [gateway.wait_record("proxy.request.allowed", exchange=name) for name in ids]
        assert [record["detail"].get("cache") for record in ended] == [None, "hit"]  # type: ignore[attr-defined]
        assert {(record["bytes_out"], record["status"], record["reference"]) for record in ended} == {
            (len(body), 200, digest)
        }
        assert {record["grant"] for record in (*ended, *allowed)} == {held.view.grant_id}


def test_kept_connection_goes_on_after_a_hit(gateway: Gateway, shelf: Shelf) -> None:
    held, large, small = gateway.grant("demo", ResourceScope("a", PULL)), shelf.put("a", LARGE), shelf.put("a", SMALL)
    fill(gateway, held, "a", large)
    fill(gateway, held, "a", small)
    with connect(gateway) as client:
        for digest, body in ((large, LARGE), (small, SMALL), (large, LARGE)):
            client.sendall(request(held, "a", digest))
            assert read_answer(client).body == body
    assert counts(gateway)[0] == 3


@pytest.mark.parametrize("field", ["Range: bytes=0-3", 'If-None-Match: "x"', "If-Modified-Since: x"])
def test_part_or_condition_is_the_registrys_to_answer(gateway: Gateway, shelf: Shelf, field: str) -> None:
    digest, held = shelf.put("a", SMALL), gateway.grant("demo", ResourceScope("a", PULL))
    fill(gateway, held, "a", digest)
    assert get(gateway, request(held, "a", digest, field)).status == 200
    assert len(shelf.asked) == 2
    assert get(gateway, request(held, "a", digest, method="HEAD")).status == 200
    assert len(shelf.asked) == 3
    assert counts(gateway) == (0, 1)


# -- who may have them


def test_repository_outside_the_grant_is_refused_as_ever(gateway: Gateway, shelf: Shelf) -> None:
    digest, holder = shelf.put("a", SMALL), gateway.grant("demo", ResourceScope("a", PULL))
    fill(gateway, holder, "a", digest)
    stranger = gateway.grant("demo", ResourceScope("b", PULL))
    assert get(gateway, request(stranger, "a", digest)).status == 403
    assert get(gateway, request(holder, "a", digest)).body == SMALL


def test_digest_of_another_repository_is_not_served_unless_the_registry_holds_it_there(
    gateway: Gateway, shelf: Shelf
) -> None:
    """A person with a grant on b names the digest of a blob in a: the bytes are here, and must not leave."""
    digest, of_a = shelf.put("a", LARGE), gateway.grant("demo", ResourceScope("a", PULL))
    fill(gateway, of_a, "a", digest)
    of_b = gateway.grant("demo", ResourceScope("b", PULL))
    assert get(gateway, request(of_b, "b", digest)).status == 404
    assert shelf.asked[1:] == [f"HEAD /v2/b/blobs/{digest}", f"GET /v2/b/blobs/{digest}"]
    shelf.put("b", LARGE)
    assert get(gateway, request(of_b, "b", digest)).body == LARGE
    assert get(gateway, request(of_b, "b", digest)).body == LARGE
    assert shelf.asked[3:] == [f"HEAD /v2/b/blobs/{digest}"]


def test_same_digest_at_another_target_is_another_body(gateway: Gateway, shelf: Shelf) -> None:
    digest, held = shelf.put("a", SMALL), gateway.grant("demo", ResourceScope("a", PULL))
    fill(gateway, held, "a", digest)
    other = Shelf()
    with other.upstream:
        gateway.add_target("other", other.upstream.url)
        elsewhere = gateway.grant("other", ResourceScope("a", PULL))
        path = request(elsewhere, "a", digest).replace(b"/v2/demo/", b"/v2/other/")
        assert get(gateway, path).status == 404
        other.put("a", SMALL)
        assert get(gateway, path).body == SMALL
    assert counts(gateway)[0] == 0


def test_restricted_scope_gets_only_what_it_reaches(gateway: Gateway, shelf: Shelf) -> None:
    reached, hidden = shelf.put("a", SMALL), shelf.put("a", LARGE)
    config = shelf.put("a", b"{}")
    shelf.held["a", "v1"] = manifest_of(config, [reached], (SMALL,))
    everything = gateway.grant("demo", ResourceScope("a", PULL))
    for digest in (reached, hidden):
        fill(gateway, everything, "a", digest)
    by_tag = gateway.grant("demo", ResourceScope("a", PULL, tags=("v1",)))
    assert get(gateway, request(by_tag, "a", hidden)).status == 404
    assert get(gateway, request(by_tag, "a", reached)).body == SMALL
    assert counts(gateway) == (1, 2)


def test_no_record_no_hit(tmp_path: Path, shelf: Shelf) -> None:
    digest, cache = shelf.put("a", SMALL), tmp_path / "cache"
    with running_gateway(tmp_path / "one", cache=cache) as running:
        running.add_target("demo", shelf.upstream.url)
        fill(running, running.grant("demo", ResourceScope("a", PULL)), "a", digest)
    with running_gateway(tmp_path / "two", cache=cache, limits=replace(Limits(), spool_bytes=1)) as full:
        full.add_target("demo", shelf.upstream.url)
        held = full.grant("demo", ResourceScope("a", PULL))
        full.collector.close()
        wait_for(lambda: get(full, request(held, "a", digest)).status == 503, "nothing can be recorded")
        hits = counts(full)[0]
        assert get(full, request(held, "a", digest)).status == 503
        assert counts(full)[0] == hits


@pytest.mark.parametrize("is_tls", [False, True], ids=["plain", "tls"])
def test_running_hit_is_cut_when_the_grant_ends(gateway: Gateway, shelf: Shelf, tls: Path, is_tls: bool) -> None:
    digest, held = shelf.put("a", LARGE), gateway.grant("demo", ResourceScope("a", PULL))
    fill(gateway, held, "a", digest)
    with connect(gateway, tls if is_tls else None) as client:
        client.sendall(request(held, "a", digest))
        received = b""
        while len(received) < 256 * 1024:
            received += client.recv(64 * 1024)
        gateway.revoke(held)
        with pytest.raises((ConnectionResetError, ssl.SSLError)):
            _read_until_the_end(client, len(received))
    cut = gateway.wait_record("proxy.transfer.cut", grant=held.view.grant_id)
    assert cut["reason"] == Reason.GRANT_REVOKED
    assert cut["detail"]["cache"] == "hit"  # type: ignore[index]
    assert 0 < int(str(cut["bytes_out"])) < len(LARGE)


def _read_until_the_end(client: socket.socket, received: int) -> None:
    """Raises when it ends by a reset; an end of stream before the last byte is what must not happen."""
    while piece := client.recv(1024 * 1024):
        received += len(piece)
    assert received >= len(LARGE), "a clean end in the middle"


# -- what is kept


def test_body_that_is_not_its_digest_is_never_kept(gateway: Gateway, shelf: Shelf) -> None:
    held, digest = gateway.grant("demo", ResourceScope("a", PULL)), digest_of(SMALL)
    shelf.put("a", b"something else", digest=digest)
    assert get(gateway, request(held, "a", digest)).body == b"something else"
    wait_for(lambda: fills(gateway)["mismatch"] == 1, "it was looked at")
    shelf.put("a", SMALL)
    assert get(gateway, request(held, "a", digest)).body == SMALL
    assert counts(gateway) == (0, 2)


def test_body_that_a_client_did_not_wait_for_is_not_kept(gateway: Gateway, shelf: Shelf) -> None:
    held, body = gateway.grant("demo", ResourceScope("a", PULL)), LARGE * 3
    digest = shelf.put("a", body)
    with connect(gateway) as client:
        client.sendall(request(held, "a", digest))
        assert client.recv(4096).startswith(b"HTTP/1.1 200")
    wait_for(lambda: fills(gateway)["dropped"] == 1, "it was given up")
    assert fills(gateway)["stored"] == 0
    fill(gateway, held, "a", digest)
    assert get(gateway, request(held, "a", digest)).body == body


def test_deleted_digest_is_forgotten(gateway: Gateway, shelf: Shelf) -> None:
    digest, held = shelf.put("a", SMALL), gateway.grant("demo", ResourceScope("a", ALL))
    fill(gateway, held, "a", digest)
    assert get(gateway, request(held, "a", digest)).body == SMALL
    assert get(gateway, request(held, "a", digest, method="DELETE")).status == 202
    assert get(gateway, request(held, "a", digest)).status == 404


def test_restart_keeps_what_is_whole_and_nothing_else(tmp_path: Path, shelf: Shelf) -> None:
    cache, whole, short = tmp_path / "cache", shelf.put("a", SMALL), shelf.put("a", LARGE)
    with running_gateway(tmp_path / "one", cache=cache) as running:
        running.add_target("demo", shelf.upstream.url)
        held = running.grant("demo", ResourceScope("a", PULL))
        fill(running, held, "a", whole)
        fill(running, held, "a", short)
    (path,) = cache.glob(f"blobs/*/{short.replace(':', '-')}")
    with path.open("r+b") as file:
        file.truncate(len(LARGE) - 1)
    with running_gateway(tmp_path / "two", cache=cache) as again:
        again.add_target("demo", shelf.upstream.url)
        held = again.grant("demo", ResourceScope("a", PULL))
        assert get(again, request(held, "a", whole)).body == SMALL
        assert get(again, request(held, "a", short)).body == LARGE
        assert counts(again) == (1, 1)


def test_old_proof_is_renewed_by_a_head(tmp_path: Path, shelf: Shelf) -> None:
    digest = shelf.put("a", LARGE)
    limits = replace(Limits(), cache_proof_s=0)
    with running_gateway(tmp_path, cache=tmp_path / "cache", limits=limits) as running:
        running.add_target("demo", shelf.upstream.url)
        held = running.grant("demo", ResourceScope("a", PULL))
        fill(running, held, "a", digest)
        assert get(running, request(held, "a", digest)).body == LARGE
        assert shelf.asked[1] == f"HEAD /v2/a/blobs/{digest}"


# -- the folder


def key_of(body: bytes, repository: str = "a") -> BlobKey:
    return BlobKey.of("demo", "http://registry", repository, digest_of(body))


def keep(store: Store, body: bytes) -> BlobKey | None:
    draft, key = store.begin(len(body)), key_of(body)
    if draft is None:
        return None
    draft.write(body)
    store.keep(key, draft)
    return key


def disk_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_bound_holds_and_what_was_read_last_stays(tmp_path: Path) -> None:
    store = Store(tmp_path, 3_000)
    bodies = [bytes([number]) * 1_000 for number in range(3)]
    keys = [keep(store, body) for body in bodies]
    for age, key in zip((300, 200, 100), keys, strict=True):
        assert key is not None
        path = tmp_path / "blobs" / key.place / key.file_name
        os.utime(path, (path.stat().st_mtime - age,) * 2)
    assert keys[0] is not None
    fd = store.open(keys[0], 1_000)  # read again: now the newest
    assert fd is not None
    os.close(fd)
    assert keep(store, b"new" * 300) is not None
    assert [store.size(key) for key in keys if key is not None] == [1_000, None, 1_000]
    assert disk_bytes(tmp_path / "blobs") <= 3_000
    assert store.begin(3_001) is None


def test_drafts_of_all_workers_count_and_those_of_the_dead_do_not(tmp_path: Path) -> None:
    one, other = Store(tmp_path, 3_000), Store(tmp_path, 3_000)
    draft = one.begin(2_000)
    assert draft is not None
    assert other.begin(2_000) is None
    (path,) = (tmp_path / "drafts").iterdir()
    os.utime(path, (path.stat().st_mtime - 3_600,) * 2)
    assert other.begin(2_000) is None  # old, but somebody holds it
    draft.close()  # as a SIGKILL does
    assert other.begin(2_000) is not None
    assert not path.exists()


def test_evicted_body_that_is_being_read_is_read_to_its_end(tmp_path: Path) -> None:
    store = Store(tmp_path, 1_000)
    key = keep(store, b"a" * 1_000)
    assert key is not None
    fd = store.open(key, 1_000)
    assert fd is not None
    assert keep(store, b"b" * 1_000) is not None
    assert store.size(key) is None
    assert os.pread(fd, 2_000, 0) == b"a" * 1_000
    os.close(fd)


def test_names_of_clients_are_no_paths(tmp_path: Path) -> None:
    key = BlobKey.of("demo", "http://registry", "../../etc", digest_of(b""))
    store = Store(tmp_path / "cache", 1_000)
    store.prove(key, 0, ())
    assert not [path for path in tmp_path.rglob("*") if "etc" in path.name]
    assert store.proof(key) is not None
