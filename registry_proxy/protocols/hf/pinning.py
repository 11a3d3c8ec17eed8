"""Holds a grant that is limited to revisions to the commits that these meant.

Its requests go the way of every other, after the record of the request that needs them is durable.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from urllib.parse import quote

from jit_access.domain.errors import GatewayError
from jit_access.domain.reasons import Reason
from jit_access.domain.scopes import ResourceScope
from registry_proxy.protocols.asked import Asked
from registry_proxy.protocols.dialect import Fetch, Fetched, Learned, Pin, Pinned, Preparation, Prepared, Step
from registry_proxy.protocols.documents import read_document
from registry_proxy.protocols.hf.errors import upstream_answer
from registry_proxy.protocols.hf.names import is_commit
from registry_proxy.protocols.hf.pins import PinKey, PinStore
from registry_proxy.protocols.upstream_request import UpstreamRequest
from registry_proxy.protocols.wanted import RefKind

MAX_INFO_BYTES = 8 * 1024 * 1024
MAX_REFS = 500  # what the control plane takes at once
_GLOB = frozenset("*?")
_REF_LISTS = ("branches", "tags", "converts", "pullRequests")
_NOT_GRANTED = Prepared(Reason.REFERENCE_NOT_GRANTED)
_BROKEN = Prepared(Reason.UPSTREAM_BROKEN)


def pin(asked: Asked, resource: ResourceScope, store: PinStore, monotonic: Callable[[], float]) -> Preparation:
    """Go on with the commit in the place of the revision, or refuse."""
    wanted, memory = asked.classified.wanted[0], _Memory(asked, resource, store)
    if wanted.reference_kind is RefKind.NONE:
        return Prepared()
    if wanted.reference_kind is RefKind.COMMIT:
        return (yield from _known_commit(memory, monotonic))
    if not resource.covers_tag(wanted.reference):  # the gate lets it pass where a scope names digests
        return _NOT_GRANTED
    commit = store.commit_of(memory.key, wanted.reference)
    if not commit:
        yield from memory.settle({})  # another process may have met it before
        commit = store.commit_of(memory.key, wanted.reference)
    if not commit:
        fetched = yield from _info(asked, wanted.reference)
        if fetched.head.status != 200:
            return Prepared(answer=upstream_answer(fetched.head))
        yield from memory.settle({wanted.reference: _sha(fetched.body)})
        commit = store.commit_of(memory.key, wanted.reference)
    if not commit:
        return _BROKEN
    asked.notes["commit"] = commit
    asked.classified = replace(asked.classified, upstream_target=_with_commit(asked, commit))
    return Prepared()


def _known_commit(memory: _Memory, monotonic: Callable[[], float]) -> Preparation:
    """A commit is open when the scope names it, or when a revision of this grant meant it."""
    asked, resource, store = memory.asked, memory.resource, memory.store
    commit = asked.classified.wanted[0].reference
    if commit not in resource.tags and not store.holds(memory.key, commit):
        yield from memory.settle({})
        if not store.holds(memory.key, commit) and store.may_resolve(memory.key, monotonic()):
            yield from _resolve_all(memory)
        if not store.holds(memory.key, commit):
            return _NOT_GRANTED
    asked.notes["commit"] = commit
    return Prepared()


@dataclass(frozen=True, slots=True)
class _Memory:
    """What a grant's revisions mean: decided at the control plane, kept here so that it is asked once (ADR 0017)."""

    asked: Asked
    resource: ResourceScope
    store: PinStore

    @property
    def key(self) -> PinKey:
        """Under which the pins of a grant are remembered."""
        view = self.asked.admitted().view
        return (view.grant_id, view.target, self.resource.repository)

    def settle(self, names: Mapping[str, str]) -> Generator[Step, Learned, None]:
        """Have these stand, where nothing stood yet; learn what stands."""
        known = {name: commit for name, commit in names.items() if commit}
        learned = yield Pin(self.resource.repository, known)
        for name, commit in learned.names.items() if isinstance(learned, Pinned) else ():
            if is_commit(commit):
                self.store.pin(self.key, name, commit)


def _with_commit(asked: Asked, commit: str) -> bytes:
    """The same request for a commit. What `info` leaves unsaid is the default revision."""
    classified, wanted = asked.classified, asked.classified.wanted[0]
    path, _, query = classified.upstream_target.partition(b"?")
    if classified.route == "info":
        path += b"/revision/" + commit.encode()
    else:
        word = b"/" + classified.route.encode() + b"/"
        before, found, behind = path.partition(word)
        _, slash, tail = behind.partition(b"/")
        path = before + found + commit.encode() + slash + tail
    asked.notes["revision"] = wanted.reference
    return path + b"?" + query if query else path


def _resolve_all(memory: _Memory) -> Generator[Step, Learned, None]:
    """Pin every revision that the scope names and that was not used yet."""
    asked, resource, found = memory.asked, memory.resource, dict[str, str]()
    for name in (tag for tag in resource.tags if not _GLOB & set(tag) and not is_commit(tag)):
        if not memory.store.commit_of(memory.key, name):
            fetched = yield from _info(asked, name)
            found[name] = _sha(fetched.body) if fetched.head.status == 200 else ""
    if any(_GLOB & set(tag) for tag in resource.tags):
        fetched = yield from _get(asked, "refs?include_prs=1")
        listed = _refs(fetched.body) if fetched.head.status == 200 else []
        found |= {name: commit for name, commit in listed[:MAX_REFS] if resource.covers_tag(name)}
    if found:
        yield from memory.settle(found)


def _info(asked: Asked, revision: str) -> Generator[Step, Learned, Fetched]:
    return (yield from _get(asked, f"revision/{quote(revision, safe='')}"))


def _get(asked: Asked, tail: str) -> Generator[Step, Learned, Fetched]:
    facts = asked.facts
    request = UpstreamRequest(
        "GET", f"/api/{asked.classified.repository}/{tail}".encode("ascii"), ((b"accept", b"application/json"),), 0, (),
        follows_redirects=False, origin=facts.origin, request_id=facts.exchange_id, traceparent=facts.traceparent,
    )  # fmt: skip
    learned = yield Fetch(request, MAX_INFO_BYTES)
    if not isinstance(learned, Fetched):
        raise GatewayError(Reason.INTERNAL_ERROR, "something else was asked of the hub")
    return learned


def _sha(body: bytes) -> str:
    document = _object(body)
    sha = document.get("sha")
    return sha if isinstance(sha, str) and is_commit(sha) else ""


def _refs(body: bytes) -> list[tuple[str, str]]:
    """Names as clients ask for them, and their commits."""
    document, found = _object(body), []
    for name in _REF_LISTS:
        items = document.get(name)
        for item in items if isinstance(items, list) else ():
            revision, commit = (item.get("name"), item.get("targetCommit")) if isinstance(item, dict) else (None, None)
            if isinstance(revision, str) and isinstance(commit, str) and is_commit(commit):
                found.append((_asked_name(name, item, revision), commit))
    return found


def _asked_name(listed_in: str, item: dict[str, object], name: str) -> str:
    """Branches and tags go by their name, all else by its ref."""
    return name if listed_in in ("branches", "tags") else str(item.get("ref", name))


def _object(body: bytes) -> dict[str, object]:
    try:
        document = read_document(body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
