"""What passes, and what of a request makes it not pass: each refusal beside its twin, over every protocol.

A refusal reaches the registry with no byte, leaves one record with its reason, and is said in the protocol's own form.
"""

from __future__ import annotations

import pytest

from jit_access.domain.reasons import Reason
from jit_access.domain.session_view import LeaseFacts
from jit_access.domain.tokens import hash_token
from tests.adversarial.hostile.upstream import Peer
from tests.conformance.conftest import ALL
from tests.conformance.profile import BODY, Ask, Key, spellings
from tests.conformance.stage import ALLOWED, Stage
from tests.support.gateway import PUBLIC_URL, PUSH, Held, new_token, steady_now

# What a client has no business to say to a registry.
STRAY = (
    "Cookie: session=canary-cookie", "X-Forwarded-For: 203.0.113.7", "X-Forwarded-Host: evil.example",
    "Forwarded: for=canary-forwarded", "X-Api-Key: canary-key", "Proxy-Authorization: Basic canary-proxy",
    "X-Remote-User: canary-user", "Impersonate-User: canary-admin", "X_Remote_User: canary-twin",
    "X-HTTP-Method-Override: DELETE",
)  # fmt: skip
ROUTE = (
    Reason.ROUTE_UNKNOWN, Reason.METHOD_NOT_ALLOWED, Reason.OPERATION_NOT_GRANTED, Reason.MALFORMED_REQUEST,
    Reason.NAME_INVALID,
)  # fmt: skip
NOT_YOURS = (Reason.OUT_OF_SCOPE, Reason.TARGET_UNKNOWN)
PATH = (
    Reason.MALFORMED_REQUEST, Reason.ROUTE_UNKNOWN, Reason.NAME_INVALID, Reason.DIGEST_INVALID, Reason.OUT_OF_SCOPE,
    Reason.METHOD_NOT_ALLOWED, Reason.INVALID_INPUT, Reason.UPLOAD_UNKNOWN,
)  # fmt: skip


def test_read_passes(stage: Stage) -> None:
    held = stage.grant()
    before = len(stage.registry.heads)
    answer = stage.ask(held, stage.profile.read, *STRAY)
    assert (answer.status, answer.body) == (200, BODY)
    heads = [head for head in stage.registry.heads[before:] if head.startswith(stage.profile.forwarded)]
    assert len(heads) == 1, stage.registry.heads[before:]
    stage.check_allowed(held)


def test_write_passes_with_push(stage: Stage) -> None:
    held, write = stage.grant(PUSH), stage.profile.write
    answer = stage.ask(held, write)
    assert answer.status in (200, 201)
    assert write.body in stage.registry.everything
    kinds = [record["kind"] for record in stage.new_records()]
    assert kinds == [ALLOWED, "proxy.transfer.completed"]


def test_write_is_refused_without(stage: Stage) -> None:
    held, weight = stage.grant(), stage.registry.weight
    answer = stage.ask(held, stage.profile.write)
    record = stage.check_refused(answer, Reason.OPERATION_NOT_GRANTED, status=403)
    assert record["grant"] == held.view.grant_id
    assert stage.registry.weight == weight


def test_own_credential_goes_and_the_client_s_stays(stage: Stage) -> None:
    """What a client says of itself, of others or of its way here is not passed on."""
    before = len(stage.registry.heads)
    assert stage.ask(stage.grant(), stage.profile.read, *STRAY).status == 200
    head = next(item for item in stage.registry.heads[before:] if item.startswith(stage.profile.forwarded))
    assert stage.profile.shows_credential(head)
    assert head.lower().count(b"\r\nauthorization:") == 1
    for word in (b"canary-c", b"canary-f", b"canary-k", b"canary-proxy", b"canary-user", b"canary-a", b"canary-t",
                 b"203.0.113.7", b"evil.example", b"method-override"):  # fmt: skip
        assert word not in head.lower()


def test_what_a_registry_says_of_itself_stays(stage: Stage) -> None:
    async def chatty(peer: Peer, _head: bytes) -> None:
        fields = b"Set-Cookie: canary-cookie=1\r\nServer: canary/1\r\nX-Internal-Host: canary\r\nX-Canary: 1\r\n"
        await peer.send(stage.registry.whole().replace(b"\r\n", b"\r\n" + fields, 1))

    stage.registry.play = chatty
    answer = stage.ask(stage.grant(), stage.profile.read)
    assert (answer.status, answer.body) == (200, BODY)
    assert not [item for item in answer.headers.items() if b"canary" in item[0].lower() + item[1]]


def test_unknown_routes_are_refused(stage: Stage) -> None:
    stage.refuses(stage.grant(PUSH), stage.profile.unknown, *ROUTE)


def test_foreign_resources_are_refused(stage: Stage) -> None:
    held = stage.grant(PUSH)
    records = stage.refuses(held, stage.profile.foreign, *NOT_YOURS)
    assert {record["grant"] for record in records} == {held.view.grant_id}
    assert {record["status"] for record in records} == {403}


def test_refusal_says_where_to_ask(stage: Stage) -> None:
    answer = stage.ask(stage.grant(PUSH), stage.profile.foreign[0])
    assert f"{PUBLIC_URL}/request?resource={stage.profile.slug}/".encode() in answer.body


@pytest.mark.parametrize("stage", [kind for kind, profile in ALL.items() if profile.listing], indirect=True)
def test_listing_holds_what_is_granted_and_nothing_else(stage: Stage) -> None:
    """Whatever the registry lists."""
    listing = stage.profile.listing
    assert listing is not None
    said = listing.answer()

    async def lists(peer: Peer, _head: bytes) -> None:
        await peer.send(said)

    stage.registry.play = lists
    answer = stage.ask(stage.grant(), listing.ask)
    assert answer.status == 200, answer
    assert listing.seen in answer.body
    assert listing.hidden not in answer.body.lower()


@pytest.mark.parametrize(
    ("fields", "body"),
    [
        (("Content-Length: 1",), b"x"), (("Content-Length: 1", "Transfer-Encoding: chunked"), b"0\r\n\r\n"),
        (("Transfer-Encoding: chunked",), b"1\r\nx\r\n0\r\n\r\n"), (("Content-Length: +0",), b""),
        (("Connection: upgrade", "Upgrade: h2c"), b""), (("Connection: host",), b""), (("Host: evil.example",), b""),
        (("Authorization: Bearer x", "Authorization: Bearer y"), b""), ((" Folded: x",), b""),
    ],
)  # fmt: skip
def test_two_readings_of_a_request_are_none(stage: Stage, fields: tuple[str, ...], body: bytes) -> None:
    """The edge is one for all protocols; its no is in the words of each."""
    weight = stage.registry.weight
    raw = stage.raw(stage.key(stage.grant()), stage.profile.read, *fields) + body
    stage.check_refused(stage.send(raw), Reason.MALFORMED_REQUEST, status=400)
    assert stage.registry.weight == weight


def test_twins_of_the_route_are_refused(stage: Stage) -> None:
    stage.refuses(stage.grant(), map(stage.profile.read.at, stage.profile.twins), *PATH)


def test_other_spellings_are_refused(stage: Stage) -> None:
    read = stage.profile.read
    stage.refuses(stage.grant(), map(read.at, spellings(read.path)), *PATH)


# -- what a rule may add


def test_refused_kind_of_file(stage: Stage) -> None:
    """Where files have names. The file beside it passes."""
    held = stage.grant()
    stage.gateway.change(held, refused_files=("pickle",))
    assert stage.ask(held, stage.profile.read).status == 200
    stage.check_allowed(held)
    if stage.profile.pickle:
        (record,) = stage.refuses(held, [stage.profile.read.at(stage.profile.pickle)], Reason.FILE_TYPE_REFUSED)
        assert record["grant"] == held.view.grant_id


def test_request_budget_counts_each_request_once(stage: Stage) -> None:
    held = stage.grant()
    stage.gateway.change(held, request_budget=2)
    for _ in range(2):
        assert stage.ask(held, stage.profile.read).status == 200
        stage.check_allowed(held)
    stage.refuses(held, [stage.profile.read], Reason.REQUEST_BUDGET_SPENT)


# -- tokens


def refuse(stage: Stage, key: Key | None, *reasons: str, ask: Ask | None = None) -> dict[str, object]:
    weight = stage.registry.weight
    answer = stage.send(stage.raw(key, ask or stage.profile.read, "Connection: close"))
    record = stage.check_refused(answer, *reasons)
    assert answer.status in (401, 403)
    assert stage.registry.weight == weight
    return record


def test_no_token(stage: Stage) -> None:
    refuse(stage, None, Reason.TOKEN_MISSING)


@pytest.mark.parametrize(
    ("token", "reason"), [("jita_grant_nonsense", Reason.TOKEN_MALFORMED), ("", Reason.TOKEN_UNKNOWN)]
)
def test_token_of_nobody(stage: Stage, token: str, reason: Reason) -> None:
    held = stage.grant()
    key = stage.key(held)
    refuse(stage, Key(token or new_token(), key.lease, key.secret, key.host), reason)


def test_token_of_another_grant(stage: Stage) -> None:
    """Of the same target, for another repository: it is as good as none here."""
    other = stage.grant(repository=f"{stage.profile.repository}-other")
    record = refuse(stage, stage.key(other), Reason.OUT_OF_SCOPE)
    assert record["grant"] == other.view.grant_id


def test_token_of_another_target(stage: Stage) -> None:
    """Of the same kind and with the same repository in it; there, the same token opens it."""
    second = f"{stage.profile.slug}-two"
    other = stage.grant(slug=second)
    assert stage.ask(other, stage.profile.read_at(second)).status == 200
    stage.new_records()
    refuse(stage, stage.key(other), Reason.OUT_OF_SCOPE)


def test_token_of_another_protocol(stage: Stage) -> None:
    """A target has one door: the same name would mean another thing by this one."""
    slug = next(item.slug for item in ALL.values() if item.kind != stage.profile.kind)
    other = stage.grant(slug=slug)
    refuse(stage, stage.key(other), Reason.OUT_OF_SCOPE, ask=stage.profile.read_at(slug))


def test_expired_grant(stage: Stage) -> None:
    held = stage.grant()
    assert stage.ask(held, stage.profile.read).status == 200
    stage.new_records()
    stage.gateway.change(held, valid_until=steady_now() - 1)
    refuse(stage, stage.key(held), Reason.GRANT_EXPIRED)


def test_expired_token(stage: Stage) -> None:
    """The grant goes on, this token of it does not."""
    held = stage.grant()
    (lease,) = held.view.leases
    stage.gateway.change(held, leases=(LeaseFacts(lease.lease_id, lease.token_hash, steady_now() - 1),))
    refuse(stage, stage.key(held), Reason.TOKEN_EXPIRED)


def test_revoked_grant_on_a_connection_that_is_open(stage: Stage) -> None:
    held = stage.grant()
    with stage.connect() as client:
        assert stage.ask_on(client, held, stage.profile.read).status == 200
        stage.new_records()
        weight = stage.registry.weight
        stage.gateway.revoke(held)
        stage.check_refused(stage.ask_on(client, held, stage.profile.read), Reason.GRANT_REVOKED)
        assert stage.registry.weight == weight


def test_token_that_was_replaced(stage: Stage) -> None:
    held = stage.grant()
    before = stage.key(held)
    fresh = new_token()
    stage.gateway.change(held, leases=(LeaseFacts("lse_2", hash_token(fresh), steady_now() + 60),))
    after = Held(fresh, held.view)
    assert stage.ask(after, stage.profile.read).status == 200
    stage.new_records()
    refuse(stage, before, Reason.TOKEN_UNKNOWN, Reason.TOKEN_REVOKED)
