"""Session views: read back exactly, refused on anything odd, and closed at every edge of time."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jit_access.domain.operations import Operation, Staleness
from jit_access.domain.reasons import Reason
from jit_access.domain.scopes import ResourceScope, make_scope
from jit_access.domain.session_view import (
    MAX_WIRE_BYTES,
    LeaseFacts,
    LockedLease,
    RepositoryFacts,
    SessionView,
    ViewRejected,
    ViewState,
    check_signature,
    decode_view,
    encode_view,
    sign_text,
)
from tests.domain.strategies import views

LEASE = LeaseFacts("lse_a", "ab" * 32, 180.0)
VIEW = SessionView(
    grant_id="grt_a",
    epoch=3,
    state=ViewState.OPEN,
    reason=Reason.GRANTED,
    actor_id="usr_ada",
    actor_name="Ada Okafor",
    actor_kind="person",
    target="demo-registry",
    scope=make_scope([ResourceScope("llm/tiny-llama", frozenset({Operation.PULL}))]),
    repositories=(RepositoryFacts("llm/tiny-llama", "sensitive", True, Staleness.STRICT),),
    leases=(LEASE,),
    valid_from=100.0,
    valid_until=200.0,
    rule="research-pull",
)
KEY = b"k" * 32


@given(views)
def test_a_view_is_read_back_as_it_was(view: SessionView) -> None:
    assert decode_view(encode_view(view)) == view
    assert encode_view(decode_view(encode_view(view))) == encode_view(view)


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        (99.999, Reason.GRANT_NOT_STARTED),
        (100.0, None),
        (179.999, None),
        (180.0, Reason.TOKEN_EXPIRED),
        (199.999, Reason.TOKEN_EXPIRED),
        (200.0, Reason.GRANT_EXPIRED),
        (1e12, Reason.GRANT_EXPIRED),
    ],
)
def test_time_is_half_open_without_leeway(now: float, reason: Reason | None) -> None:
    assert VIEW.refusal_at(now, LEASE) is reason


@pytest.mark.parametrize("state", [ViewState.PAUSED, ViewState.CLOSED])
def test_only_an_open_view_allows_and_the_others_say_why(state: ViewState) -> None:
    assert VIEW.refusal_at(150.0, LEASE) is None
    assert replace(VIEW, state=state, reason=Reason.GRANT_REVOKED).refusal_at(150.0, LEASE) is Reason.GRANT_REVOKED
    # A closed view that claims to be granted is a bug of ours, and still closed.
    assert replace(VIEW, state=state, reason=Reason.GRANTED).refusal_at(150.0, LEASE) is Reason.GRANT_NOT_ACTIVE


def changed(**changes: object) -> str:
    return json.dumps(json.loads(encode_view(VIEW)) | changes)


@pytest.mark.parametrize("name", sorted(json.loads(encode_view(VIEW))))
def test_a_missing_field_is_refused(name: str) -> None:
    body = json.loads(encode_view(VIEW))
    del body[name]
    with pytest.raises(ViewRejected):
        decode_view(json.dumps(body))


@pytest.mark.parametrize(
    "changes",
    [
        {"v": 2},
        {"state": "ajar"},
        {"reason": "because"},
        {"epoch": "3"},
        {"epoch": True},
        {"epoch": 3.5},
        {"actor_id": None},
        {"scope": []},
        {"scope": [{"repository": "a", "operations": ["everything"]}]},
        {"repositories": [{"name": "a"}]},
        {"repositories": None},
        {"leases": [["lse_a"]]},
        {"leases": [{"lease_id": "a", "token_hash": "b", "valid_until": float("nan")}]},
        {"valid_until": float("nan")},
        {"valid_until": float("inf")},
        {"valid_until": "200"},
        {"valid_until": True},
        {"valid_from": None},
    ],
)
def test_a_field_of_another_kind_is_refused(changes: dict[str, object]) -> None:
    """An end that is NaN would never come: every comparison with it is false."""
    assert decode_view(changed()) == VIEW
    with pytest.raises(ViewRejected):
        decode_view(changed(**changes))


LIMITED = replace(VIEW, request_budget=2000, requests_used=14, refused_files=("*.gguf", "pickle"))


def as_read_before_limits(view: SessionView) -> SessionView:
    """The reader of the first version: it looks at no field that it does not know."""
    body = json.loads(encode_view(view))
    body.pop("limits", None)
    return decode_view(json.dumps(body))


@pytest.mark.parametrize(
    "limits", [{"request_budget": 1}, {"refused_files": ("pickle",)}, {"request_budget": 1, "refused_files": ("code",)}]
)
def test_reader_that_knows_no_limits_serves_nothing_that_has_some(limits: dict[str, Any]) -> None:
    """A process of the version before, during an upgrade: it would not hold them, so it finds the view paused."""
    assert as_read_before_limits(VIEW) == VIEW
    seen = as_read_before_limits(replace(VIEW, **limits))
    assert (seen.state, seen.refusal_at(150.0, LEASE)) == (ViewState.PAUSED, Reason.DRAINING)


def test_reader_that_knows_no_limits_is_told_why_one_is_closed() -> None:
    shut = replace(LIMITED, state=ViewState.CLOSED, reason=Reason.GRANT_REVOKED)
    assert as_read_before_limits(shut).refusal_at(150.0, LEASE) is Reason.GRANT_REVOKED
    assert decode_view(encode_view(shut)) == shut


def test_view_without_limits_is_written_as_it_always_was() -> None:
    assert "limits" not in json.loads(encode_view(VIEW))
    assert not {"request_budget", "requests_used", "refused_files"} & json.loads(encode_view(VIEW)).keys()


def with_limits(**changes: object) -> str:
    body = json.loads(encode_view(LIMITED))
    return json.dumps(body | {"limits": body["limits"] | changes})


@pytest.mark.parametrize("changes", [{"max_streams": 3}, {"refused_files": ["onnx"]}, {"refused_files": [5]}])
def test_limit_that_is_not_known_here_pauses_the_view(changes: dict[str, object]) -> None:
    """Of a newer control plane, and this process is the older one."""
    assert decode_view(with_limits()) == LIMITED
    assert decode_view(with_limits(**changes)).refusal_at(150.0, LEASE) is Reason.DRAINING


@pytest.mark.parametrize(
    "changes",
    [
        {"request_budget": "2000"}, {"request_budget": None}, {"requests_used": 1.5}, {"refused_files": "pickle"},
        {"refused_files": None}, {"state": "ajar"}, {"reason": "because"},
    ],
)  # fmt: skip
def test_limit_of_another_kind_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ViewRejected):
        decode_view(with_limits(**changes))


@pytest.mark.parametrize("changes", [{"state": "open"}, {"limits": None}, {"limits": []}, {"limits": {}}])
def test_limits_that_nobody_wrote_so_are_refused(changes: dict[str, object]) -> None:
    """Open to all readers and limited at once would be served without the limits by some of them."""
    body = json.loads(encode_view(LIMITED))
    with pytest.raises(ViewRejected):
        decode_view(json.dumps(body | changes))


@given(st.text() | st.recursive(st.none() | st.integers(), st.lists).map(json.dumps))
def test_any_other_text_is_refused_with_one_error(text: str) -> None:
    with pytest.raises(ViewRejected):
        decode_view(text)


@pytest.mark.parametrize("text", ["[" * 100_000, " " * (MAX_WIRE_BYTES + 1)])
def test_depth_and_size_are_bounded(text: str) -> None:
    with pytest.raises(ViewRejected):
        decode_view(text)


@given(views, st.data())
def test_a_signature_fits_one_text_and_one_key(view: SessionView, data: Any) -> None:
    text = encode_view(view)
    signature = sign_text(text, KEY)
    check_signature(text, signature, KEY)
    index = data.draw(st.integers(0, len(text) - 1))
    for other, key, made in (
        (text[:index] + text[index + 1 :] + "x", KEY, signature),
        (text, b"j" * 32, signature),
        (text, KEY, signature[:-1]),
        (text, KEY, ""),
        (text, KEY, "é"),
    ):
        with pytest.raises(ViewRejected):
            check_signature(other, made, key)


def locked_view(**changes: object) -> SessionView:
    facts: dict[str, object] = {"state": ViewState.PAUSED, "reason": Reason.LOCKED, "reopens_at": 150.0}
    return replace(VIEW, **(facts | changes))  # type: ignore[arg-type]  # a test's own words


@pytest.mark.parametrize(
    ("now", "reason"), [(149.999, Reason.LOCKED), (150.0, None), (180.0, Reason.TOKEN_EXPIRED), (99.0, Reason.LOCKED)]
)
def test_a_pause_by_a_lock_ends_at_its_end_by_comparison(now: float, reason: Reason | None) -> None:
    assert locked_view().refusal_at(now, LEASE) is reason
    assert decode_view(encode_view(locked_view())) == locked_view()


def test_a_pause_without_an_end_and_one_by_hand_do_not_end_by_themselves() -> None:
    assert locked_view(reopens_at=0.0).refusal_at(170.0, LEASE) is Reason.LOCKED
    by_hand = locked_view(reason=Reason.GRANT_SUSPENDED)
    assert by_hand.refusal_at(170.0, LEASE) is Reason.GRANT_SUSPENDED
    assert locked_view(state=ViewState.CLOSED).refusal_at(170.0, LEASE) is Reason.LOCKED


def test_a_locked_token_is_refused_and_the_other_is_not() -> None:
    view = replace(VIEW, locked_leases=(LockedLease("lse_a", 150.0),))
    other = LeaseFacts("lse_b", "cd" * 32, 180.0)
    assert view.refusal_at(149.0, LEASE) is Reason.LOCKED
    assert view.refusal_at(149.0, other) is None
    assert view.refusal_at(150.0, LEASE) is None
    assert replace(VIEW, locked_leases=(LockedLease("lse_a", 0.0),)).refusal_at(170.0, LEASE) is Reason.LOCKED
    assert decode_view(encode_view(view)) == view


def test_readers_of_before_find_what_locks_touch_closed_in_words_that_they_know() -> None:
    """ADR 0021: an older proxy must neither serve it nor stumble over a code that it never heard of."""
    for view in (locked_view(), locked_view(reopens_at=0.0), replace(VIEW, locked_leases=(LockedLease("lse_a", 0.0),))):
        told = json.loads(encode_view(view))
        assert told["state"] == ViewState.PAUSED
        assert told["reason"] in {Reason.GRANT_SUSPENDED, Reason.DRAINING}


def test_limits_of_before_there_were_locks_are_read_still() -> None:
    told = json.loads(encode_view(replace(VIEW, request_budget=7)))
    del told["limits"]["locked_leases"], told["limits"]["reopens_at"]
    assert decode_view(json.dumps(told)) == replace(VIEW, request_budget=7)


def test_the_name_of_an_envelope_travels_and_limits_nothing() -> None:
    """Readers of before pass over it: a grant under an envelope is open to them as any other."""
    named = replace(VIEW, envelope="env_aaaaaaaaaaaaaaaaaaaa")
    assert decode_view(encode_view(named)) == named
    assert not named.has_limits
    assert "envelope" not in json.loads(encode_view(VIEW))
