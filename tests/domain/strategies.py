"""Valid values of the domain, drawn at random."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from jit_access.domain.audit_record import AuditRecord, clean_text
from jit_access.domain.operations import Operation, Staleness, Tier
from jit_access.domain.reasons import Reason
from jit_access.domain.scopes import ResourceScope, Scope, make_scope
from jit_access.domain.session_view import LeaseFacts, RepositoryFacts, SessionView, ViewState

# Small pools where equal values must meet; numbers as text where they need not. Regular expressions draw slowly.
names = st.sampled_from(
    ["a", "llm/tiny-llama", "llm/frontier", "tools/base-image", "a0/b-c/d_e", "x.y", "z__z", "n" * 200]
)
tags = st.sampled_from(["latest", "v1", "v1.2", "V1", "_x", "a-b.c", "t" * 128])
patterns = tags | st.sampled_from(["*", "v?", "v1.*", "?", "*-*"])
digests = st.integers(0, 3).map(lambda number: f"sha256:{number:064x}")
files = st.sampled_from(["config.json", "*.safetensors", "weights/", "a/*", "*"])
texts = st.text(max_size=60).map(clean_text)
wholes = st.integers(0, 2**63 - 1)
instants = st.floats(0, 4e9)
operations = st.frozensets(st.sampled_from(Operation), min_size=1)


def resources(name: st.SearchStrategy[str] = names) -> st.SearchStrategy[ResourceScope]:
    return st.builds(
        ResourceScope,
        name,
        operations,
        st.lists(patterns, unique=True, max_size=4).map(lambda found: tuple(sorted(found))),
        st.lists(digests, unique=True, max_size=3).map(lambda found: tuple(sorted(found))),
        # Only a hub's repositories have files; these names are among those that can be either.
        st.just(())
        if name is names
        else st.lists(files, unique=True, max_size=3).map(lambda found: tuple(sorted(found))),
    )


scopes: st.SearchStrategy[Scope] = st.lists(
    resources(), min_size=1, max_size=5, unique_by=lambda resource: resource.repository
).map(make_scope)

_TEXT_FIELDS = (
    *("actor_kind", "actor_id", "actor_name", "request", "grant", "lease", "target", "repository"),
    *("operation", "reference", "decision", "reason", "rule", "exchange", "trace", "address"),
)

records = st.builds(
    AuditRecord,
    id=st.integers(0, 2**128 - 1).map(lambda number: f"rec_{number:032x}"),
    at=st.datetimes().map(lambda moment: moment.strftime("%Y").zfill(4) + moment.strftime("-%m-%dT%H:%M:%S.%fZ")),
    source=texts,
    kind=texts,
    **dict.fromkeys(_TEXT_FIELDS, texts),
    **dict.fromkeys(("status", "bytes_in", "bytes_out", "duration_ms"), wholes),
    detail=st.dictionaries(texts, texts | st.booleans() | st.integers(-(10**30), 10**30), max_size=6),
)

views = st.builds(
    SessionView,
    grant_id=texts,
    epoch=st.integers(0, 10**9),
    state=st.sampled_from(ViewState),
    reason=st.sampled_from(Reason),
    actor_id=texts,
    actor_name=texts,
    actor_kind=texts,
    target=texts,
    scope=scopes,
    repositories=st.lists(
        st.builds(
            RepositoryFacts,
            names,
            st.sampled_from([str(tier) for tier in Tier]),
            st.booleans(),
            st.sampled_from(Staleness),
        ),
        max_size=3,
    ).map(tuple),
    leases=st.lists(st.builds(LeaseFacts, texts, texts, instants), max_size=3).map(tuple),
    valid_from=instants,
    valid_until=instants,
    rule=texts,
    risk=st.integers(0, 100),
    byte_budget=wholes,
    bytes_used=wholes,
    request_budget=wholes,
    requests_used=wholes,
    envelope=st.sampled_from(["", "env_aaaaaaaaaaaaaaaaaaaa"]),
    refused_files=st.lists(st.sampled_from(["*.gguf", "code", "pickle", "weights/"]), unique=True, max_size=3).map(
        lambda words: tuple(sorted(words))
    ),
).map(lambda view: view if view.has_limits else replace(view, requests_used=0))  # nothing counts them then
