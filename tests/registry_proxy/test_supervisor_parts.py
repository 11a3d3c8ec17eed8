"""The small parts of the parent: its orders, what it starts workers with, how it paces, whose ports it takes."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from registry_proxy.metering import merge_pages
from registry_proxy.orders import Accept, Door, Drain, Inherited, Order, read_order, write_order
from registry_proxy.settings import Address, SettingsError
from registry_proxy.supervisor import doors as doors_module
from registry_proxy.supervisor.doors import Doors
from registry_proxy.supervisor.pacing import CALM_S, LONGEST_S, Pacing
from registry_proxy.supervisor.patience import wait_for_silence
from registry_proxy.supervisor.plan import make_plan

ORDERS = st.one_of(
    st.builds(Accept, st.frozensets(st.integers(0, 63), max_size=8)),
    st.builds(Drain, st.integers(0, 86_400).map(float), is_handover=st.booleans()),
)


@given(ORDERS)
def test_order_is_read_as_it_was_written(order: Order) -> None:
    line = write_order(order)
    assert line.endswith(b"\n")
    assert read_order(line) == order


@pytest.mark.parametrize("line", [b"\n", b"dance 3\n"])
def test_order_of_a_newer_parent_is_passed_over(line: bytes) -> None:
    assert read_order(line) is None


def test_inheritance_survives_the_command_line(tmp_path: Path) -> None:
    inherited = Inherited(7, tmp_path / "1.1.sock", (Door(3, 4), Door(5)))
    assert Inherited.from_argument(inherited.to_argument()) == inherited
    assert [door.descriptors for door in inherited.doors] == [(3, 4), (5,)]


# -- the plan


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {
        "JIT_CONTROL_URL": "http://127.0.0.1:1", "JIT_PUBLIC_URL": "http://127.0.0.1:1",
        "JIT_SPOOL_DIR": str(tmp_path), "JIT_REDIS_URL": "redis://127.0.0.1:1",
        "JIT_PROXY_SECRET": "s" * 32, "JIT_VIEW_KEY": "00" * 32, "JIT_PROXY_ID": "edge",
    }  # fmt: skip


def test_file_wins_over_the_environment_and_the_command_line_over_both(environ: dict[str, str], tmp_path: Path) -> None:
    told = tmp_path / "proxy.env"
    told.write_text("\n# people read this\nJIT_PROXY_WORKERS=3\nJIT_PROXY_DRAIN_S=7\n", encoding="utf-8")
    environ |= {"JIT_PROXY_ENV_FILE": str(told), "JIT_PROXY_DRAIN_S": "9", "JIT_PROXY_WORKERS": "2"}
    plan = make_plan(environ)
    assert (plan.workers, plan.settings.limits.drain_s) == (3, 7)
    assert make_plan(environ, 5).workers == 5
    assert plan.worker_environment(1) == {**environ, "JIT_PROXY_WORKERS": "3", "JIT_PROXY_DRAIN_S": "7",
                                          "JIT_PROXY_ID": "edge-2"}  # fmt: skip


def test_without_a_word_there_is_one_worker(environ: dict[str, str]) -> None:
    assert make_plan(environ).workers == 1


@pytest.mark.parametrize(
    ("line", "sentence"),
    [("PATH=/tmp", "line 1"), ("JIT_PROXY_DRAIN_S 3", "line 1"), ("JIT_PROXY_WORKERS=many", "JIT_PROXY_WORKERS"),
     ("JIT_PROXY_WORKERS=65", "between 1 and 64"), (f"JIT_PROXY_ID={'x' * 39}", "leaves no room")],
)  # fmt: skip
def test_file_that_cannot_be_used_is_named_without_its_values(
    environ: dict[str, str], tmp_path: Path, line: str, sentence: str
) -> None:
    told = tmp_path / "proxy.env"
    told.write_text(line, encoding="utf-8")
    with pytest.raises(SettingsError, match=sentence):
        make_plan(environ | {"JIT_PROXY_ENV_FILE": str(told)})


# -- pacing


def test_pauses_grow_while_lives_are_short_and_start_over_after_a_long_one() -> None:
    pacing = Pacing()
    pauses = [pacing.next(0.5) for _ in range(12)]
    assert pauses == sorted(pauses)
    assert pauses[0] < 1
    assert pauses[-1] == LONGEST_S
    assert pacing.next(CALM_S) == 0
    assert pacing.next(0.5) == pauses[0]


# -- doors


def test_new_doors_take_no_connection_before_they_are_opened() -> None:
    doors = Doors(Address("127.0.0.1", 0), None)
    try:
        doors.grow(1)
        doors.open()
        doors.grow(3)
        assert (len(doors), len(doors.all)) == (1, 3)
        clients = [socket.create_connection(("127.0.0.1", doors.ports[0]), timeout=5) for _ in range(32)]
        queued = _accept_all(doors.all[0].plain)
        assert queued == len(clients)
        doors.forget_unopened()
        assert len(doors.all) == 1
    finally:
        doors.close()
        for client in clients:
            client.close()


def _accept_all(fd: int) -> int:
    listener = socket.socket(fileno=os.dup(fd))
    count = 0
    with listener:
        listener.setblocking(False)
        while True:
            try:
                connection, _ = listener.accept()
            except BlockingIOError:
                return count
            connection.close()
            count += 1


def test_port_with_a_listener_is_not_free_even_if_it_would_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doors_module, "TAKEN_FOR_S", 0.0)
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        stranger.bind(("127.0.0.1", 0))
        doors = Doors(Address("127.0.0.1", stranger.getsockname()[1]), None)
        stranger.listen()
        with pytest.raises(OSError, match="in use"):
            asyncio.run(doors.wait_until_free())
    asyncio.run(doors.wait_until_free())


# -- several pages as one


def test_merged_page_has_each_family_once_and_each_sample_with_its_worker() -> None:
    page = (
        b'# HELP a_total What.\n# TYPE a_total counter\na_total{reason="x"} %d\n# HELP g Now.\n# TYPE g gauge\ng %d\n'
    )
    merged = merge_pages({"1.1": page % (3, 1), "2.1": page % (4, 2), "3.1": b"not a page at all {"})
    families = {family.name: family for family in text_string_to_metric_families(merged.decode())}
    assert families.keys() == {"a", "g"}
    assert _values(families["a"].samples) == {("1.1", "x"): 3, ("2.1", "x"): 4}
    assert _values(families["g"].samples) == {("1.1", ""): 1, ("2.1", ""): 2}
    assert merged.count(b"# TYPE a_total counter") == 1


def _values(samples: object) -> Mapping[tuple[str, str], float]:
    return {(item.labels["worker"], item.labels.get("reason", "")): item.value for item in samples}  # type: ignore[attr-defined]


# -- patience


def listen(told: list[bool], *, answered_before: bool = False) -> list[bool]:
    """What is left of the answers when patience with 9 s is at its end; each question takes a second."""
    heard, answered, now = iter(told), [answered_before], [0.0]

    async def ask() -> bool:
        now[0] += 1
        is_heard = next(heard)
        answered.append(is_heard)
        return is_heard

    asyncio.run(wait_for_silence(ask, lambda: any(answered), 9, every_s=0, monotonic=lambda: now[0]))
    return list(heard)


def test_silence_is_counted_from_the_last_answer_and_never_before_the_first() -> None:
    """A worker that is still starting, or slow for a moment, is left alone."""
    pause, silence = [False] * 9, [False] * 10
    assert listen([False] * 30 + [True, *pause, True, *pause, True, *silence, True]) == [True]


def test_an_answer_to_somebody_else_is_a_first_answer() -> None:
    """It served, and froze before it was looked at for the first time."""
    assert listen([False] * 11, answered_before=True) == [False]
