"""What a lock covers, axis by axis, each beside what it leaves alone."""

from __future__ import annotations

import pytest

from jit_access.domain.locks import Ground, LockAxis, LockFacts, covers

GROUND = Ground(
    grants=frozenset({"grt_b", "grt_a"}),
    accounts=frozenset({"usr_bot", "usr_owner"}),
    sessions=frozenset({"ses_a"}),
    devices=frozenset({"dev_a"}),
    target="tgt_a",
    resources=frozenset({"llm/tiny", "llm/big"}),
    tiers=frozenset({"critical"}),
)


@pytest.mark.parametrize(
    ("axis", "key", "other"),
    [
        (LockAxis.GRANT, "grt_a", "grt_c"),
        (LockAxis.SESSION, "ses_a", "ses_b"),
        (LockAxis.PERSON, "usr_owner", "usr_other"),
        (LockAxis.AGENT, "usr_bot", "usr_other"),
        (LockAxis.TARGET, "tgt_a", "tgt_b"),
        (LockAxis.TIER, "critical", "standard"),
    ],
)
def test_a_lock_covers_what_it_names_and_nothing_else(axis: LockAxis, key: str, other: str) -> None:
    assert covers(LockFacts(axis, key), GROUND)
    assert not covers(LockFacts(axis, other), GROUND)
    assert not covers(LockFacts(axis, key), Ground())


def test_a_device_is_named_by_what_its_cookie_hashes_to() -> None:
    assert covers(LockFacts(LockAxis.DEVICE, "dev_any", "dev_a"), GROUND)
    assert not covers(LockFacts(LockAxis.DEVICE, "dev_a", "dev_b"), GROUND)
    assert not covers(LockFacts(LockAxis.DEVICE, "dev_a"), Ground(devices=frozenset({""})))


def test_a_repository_is_named_with_its_target() -> None:
    assert covers(LockFacts(LockAxis.RESOURCE, "tgt_a", "llm/tiny"), GROUND)
    assert not covers(LockFacts(LockAxis.RESOURCE, "tgt_b", "llm/tiny"), GROUND)
    assert not covers(LockFacts(LockAxis.RESOURCE, "tgt_a", "llm"), GROUND)


@pytest.mark.parametrize(("locked", "is_covered"), [("models", True), ("models/a", True), ("models/a/b", True),
                                                    ("models/ab", False), ("model", False)])  # fmt: skip
def test_names_in_a_store_lie_within_one_another(locked: str, *, is_covered: bool) -> None:
    store = Ground(target="tgt_s", resources=frozenset({"models/a"}), nests=True)
    assert covers(LockFacts(LockAxis.RESOURCE, "tgt_s", locked), store) is is_covered


def test_an_empty_key_covers_nothing() -> None:
    """A grant that was started in no session must not be named by a lock on no session."""
    assert not covers(LockFacts(LockAxis.TARGET, ""), Ground())
    assert not covers(LockFacts(LockAxis.SESSION, ""), Ground(sessions=frozenset({""})))


def test_a_lock_on_a_token_leaves_the_grant_alone() -> None:
    assert not covers(LockFacts(LockAxis.CREDENTIAL, "lse_a"), GROUND)
