"""Parent and workers as real processes: no connection is lost when a worker goes, whatever made it go."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import os
import signal
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import pytest

from jit_access.demo.stack.certificates import ensure_certificates
from jit_access.domain.reasons import Reason
from tests.support.plane import Plane, running_plane
from tests.support.processes import accepts, wait_for
from tests.support.raw import RawAnswer, read_answer
from tests.support.registry import Registry, registry  # noqa: F401 - a fixture
from tests.support.team import (
    SlowPull,
    Team,
    ask,
    connect,
    grant_pull,
    records,
    running_team,
    team_environment,
)
from tests.support.views import TARGET, make_token

pytestmark = pytest.mark.django_db(transaction=True)
BODY = os.urandom(1024 * 1024) * 24
SMALL = b"a small blob"


@pytest.fixture
def plane(live_server: Any, settings: Any) -> Iterator[Plane]:
    with running_plane(live_server.url, settings) as running:
        yield running


@pytest.fixture(scope="module")
def big(registry: Registry) -> str:  # noqa: F811
    registry.push_blob("big", SMALL)
    return registry.push_blob("big", BODY)


@pytest.fixture
def start_team(
    plane: Plane, registry: Registry, big: str, certificates: Path, tmp_path: Path  # noqa: F811
) -> Iterator[Callable[..., Team]]:  # fmt: skip
    with contextlib.ExitStack() as stack:

        def start(workers: int = 2, **more: str) -> Team:
            token, env = make_token(), team_environment(plane, tmp_path, **more)
            grant_pull(token, registry, "big")
            team = stack.enter_context(running_team(env, tmp_path, token, workers))
            team.ca_file = certificates / "ca.pem"
            return team

        yield start


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    ensure_certificates(folder)
    return folder


@pytest.fixture
def team(start_team: Callable[..., Team], certificates: Path) -> Team:
    return start_team(**tls_environment(certificates))


def tls_environment(folder: Path) -> dict[str, str]:
    return {
        "JIT_PROXY_TLS_LISTEN": "127.0.0.1:0",
        "JIT_PROXY_TLS_CERT": str(folder / "localhost.pem"),
        "JIT_PROXY_TLS_KEY": str(folder / "localhost.key"),
    }


def small_path() -> str:
    return f"/v2/{TARGET}/big/blobs/sha256:{hashlib.sha256(SMALL).hexdigest()}"


def is_starved(answer: RawAnswer) -> bool:
    """A worker that got no processor for a second has not heard of the control plane, and refuses, rightly."""
    return answer.status == 503 and b'"control-plane-lost"' in answer.body


def pull_small(team: Team) -> bool:
    """On a connection of its own. Raises what a client would see."""
    with connect(team.port) as client:
        client.sendall(ask(team, small_path(), "Connection: close"))
        answer = read_answer(client)
    return (answer.status == 200 and answer.body == SMALL) or is_starved(answer)


class Clients:
    """New connections one after another, and one that is kept, until told to stop. Whatever goes wrong is kept."""

    def __init__(self, team: Team, count: int = 3) -> None:
        self._team = team
        self._stop = threading.Event()
        self.served = 0
        self.wrong: list[BaseException | str] = []
        self._threads = [threading.Thread(target=self._run, args=(self._once,)) for _ in range(count)]
        self._threads.append(threading.Thread(target=self._run, args=(self._kept,)))
        self._threads.append(threading.Thread(target=self._run, args=(self._over_tls,)))

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def wait_for_more(self, count: int) -> None:
        aim = self.served + count
        wait_for(lambda: self.served >= aim or self.wrong, "clients were served")

    def _run(self, work: Callable[[], None]) -> None:
        while not self._stop.is_set() and not self.wrong:
            try:
                work()
            except (OSError, AssertionError, http.client.HTTPException) as exc:
                self.wrong.append(exc)

    def _once(self) -> None:
        assert pull_small(self._team)
        self.served += 1

    def _over_tls(self) -> None:
        """A handshake takes its time: the worker may have been told to leave when it is over."""
        context = ssl.create_default_context(cafile=self._team.ca_file)
        with connect(self._team.tls_port) as plain, context.wrap_socket(plain, server_hostname="localhost") as client:
            client.sendall(ask(self._team, small_path(), "Connection: close"))
            answer = read_answer(client)
        assert answer.body == SMALL or is_starved(answer)
        self.served += 1

    def _kept(self) -> None:
        """Reused until an answer says `Connection: close`, as HTTP clients do."""
        with connect(self._team.port) as client:
            is_kept = True
            while is_kept and not self._stop.is_set():
                client.sendall(ask(self._team, small_path()))
                answer = read_answer(client)
                assert answer.body == SMALL or is_starved(answer)
                self.served += 1
                is_kept = answer.headers[b"connection"] == b"keep-alive"


def test_two_restarts_under_load_lose_nothing(team: Team, big: str) -> None:
    first = team.pids()
    with SlowPull(team, "big", big) as running, Clients(team) as clients:
        for _ in range(2):
            clients.wait_for_more(20)
            team.restart()
        clients.wait_for_more(20)
        clients.stop()
        assert clients.wrong == []
        assert team.metric('jit_proxy_restarts_total{outcome="done"}') == 2
        wait_for(lambda: len(team.pids()) == 3, "of the old ones, only the worker that moves the long pull is left")
        assert len(set(first) & set(team.pids())) == 1
        assert running.read_to_the_end() == BODY
    wait_for(lambda: not set(first) & set(team.pids()), "the last old worker left")
    assert team.pids().keys() == {"1.3", "2.3"}


def test_connections_that_were_open_before_a_restart_are_still_served(team: Team) -> None:
    """One between two requests, one before its first: neither did anything wrong."""
    old = set(team.pids())
    with connect(team.port) as kept, connect(team.port) as new:
        kept.sendall(ask(team, small_path()))
        assert read_answer(kept).headers[b"connection"] == b"keep-alive"
        team.restart()
        for client in (kept, new):
            client.sendall(ask(team, small_path()))
            answer = read_answer(client)
            assert (answer.body, answer.headers[b"connection"]) == (SMALL, b"close")
    wait_for(lambda: not old & set(team.pids()), "nothing holds the old workers any more")


def test_restart_that_cannot_work_changes_nothing(start_team: Callable[..., Team], tmp_path: Path) -> None:
    """And the one after it, with what was wrong mended, does what was asked: one more worker."""
    told = tmp_path / "proxy.env"
    told.write_text("# limits\nJIT_PROXY_WORKERS=2\n", encoding="utf-8")
    team = start_team(0, JIT_PROXY_ENV_FILE=str(told))
    before = team.pids()
    assert len(before) == 2
    (tmp_path / "a-file").write_text("", encoding="utf-8")
    for wrong in ("JIT_PROXY_IDLE_BODY_S=soon", f"JIT_SPOOL_DIR={tmp_path / 'a-file' / 'spool'}"):
        told.write_text(f"JIT_PROXY_WORKERS=3\n{wrong}\n", encoding="utf-8")
        team.restart()
        wait_for(lambda: team.pids() == before, "only the old workers run")
        assert all(pull_small(team) for _ in range(10))
    assert team.metric('jit_proxy_restarts_total{outcome="failed"}') == 2
    told.write_text("JIT_PROXY_WORKERS=3\n", encoding="utf-8")
    team.restart()
    wait_for(lambda: len(team.pids()) == 3 and not set(before) & set(team.pids()), "three new workers run")
    assert all(pull_small(team) for _ in range(20))


def test_fewer_workers_serve_every_door(start_team: Callable[..., Team], tmp_path: Path) -> None:
    """The kernel goes on to queue connections at the doors of slots that are gone."""
    told = tmp_path / "proxy.env"
    told.write_text("JIT_PROXY_WORKERS=3\n", encoding="utf-8")
    team = start_team(0, JIT_PROXY_ENV_FILE=str(told))
    told.write_text("JIT_PROXY_WORKERS=1\n", encoding="utf-8")
    team.restart()
    wait_for(lambda: list(team.pids()) == ["1.2"], "one worker runs")
    assert all(pull_small(team) for _ in range(30))


def test_killed_worker_loses_no_queued_connection(team: Team) -> None:
    """Both are stopped, so that connections wait in their queues; then one is killed with what it has not accepted."""
    pids = team.pids()
    for pid in pids.values():
        os.kill(pid, signal.SIGSTOP)
    clients = [connect(team.port) for _ in range(24)]
    for client in clients:
        client.sendall(ask(team, small_path(), "Connection: close"))
    os.kill(pids["1.1"], signal.SIGKILL)
    wait_for(lambda: "1.1" not in team.pids(), "its parent noticed")
    os.kill(pids["2.1"], signal.SIGCONT)
    for client in clients:
        assert read_answer(client).body == SMALL
        client.close()
    wait_for(lambda: "1.2" in team.pids(), "another one was started")
    wait_for(lambda: team.metric('jit_proxy_workers{state="serving"}') == 2, "it serves")
    assert team.metric('jit_proxy_worker_exits_total{kind="unexpected"}') == 1


def test_frozen_worker_is_replaced(start_team: Callable[..., Team]) -> None:
    """It still holds its door: every other client would wait for an answer that never comes."""
    team = start_team(JIT_PROXY_WORKER_SILENCE_S="10")
    frozen = team.pids()["1.1"]
    os.kill(frozen, signal.SIGSTOP)
    wait_for(lambda: "1.2" in team.pids(), "another one was started", timeout_s=90)
    wait_for(lambda: team.metric('jit_proxy_workers{state="serving"}') == 2, "it serves")
    assert "1.1" not in team.pids()
    assert all(pull_small(team) for _ in range(20))


def test_records_of_a_killed_worker_reach_the_log(team: Team, big: str) -> None:
    with contextlib.ExitStack() as pulls:
        for _ in range(6):
            pulls.enter_context(SlowPull(team, "big", big))
        for pid in team.pids().values():
            os.kill(pid, signal.SIGKILL)
    wait_for(lambda: len(records(kind="proxy.request.allowed", reference=big)) == 6, "every allow is logged")
    sources = {record["source"] for record in records(kind="proxy.request.allowed", reference=big)}
    assert sources <= {"proxy/team-1", "proxy/team-2"}


def test_sigterm_lets_a_pull_end_and_refuses_new_clients(team: Team, big: str) -> None:
    with SlowPull(team, "big", big) as running:
        team.signal(signal.SIGTERM)
        wait_for(lambda: not accepts(team.port), "new clients are refused")
        assert running.read_to_the_end() == BODY
    assert team.wait_end() == 0


def test_sigterm_cuts_at_the_deadline_with_a_record(start_team: Callable[..., Team], big: str) -> None:
    team = start_team(JIT_PROXY_DRAIN_S="1")
    with SlowPull(team, "big", big) as running:
        team.signal(signal.SIGTERM)
        assert team.wait_end() == 0
        with pytest.raises(ConnectionError):
            running.read_to_the_end()
    (cut,) = records(kind="proxy.transfer.cut", reference=big)
    assert cut["reason"] == Reason.DRAINING


def test_second_sigterm_cuts_at_once_with_a_record(start_team: Callable[..., Team], big: str) -> None:
    team = start_team(JIT_PROXY_DRAIN_S="600")
    with SlowPull(team, "big", big) as running:
        team.signal(signal.SIGTERM)
        wait_for(lambda: not accepts(team.port), "the first one was heard")
        team.signal(signal.SIGTERM)
        assert team.wait_end() == 0
        with pytest.raises(ConnectionError):
            running.read_to_the_end()
    (cut,) = records(kind="proxy.transfer.cut", reference=big)
    assert cut["reason"] == Reason.DRAINING


def test_group_signal_drains_once(start_team: Callable[..., Team], big: str) -> None:
    """systemd and terminals send it to parent and workers alike; that must not count as the second one."""
    team = start_team(JIT_PROXY_DRAIN_S="600")
    with SlowPull(team, "big", big) as running:
        os.killpg(team.child.process.pid, signal.SIGTERM)
        wait_for(lambda: not accepts(team.port), "new clients are refused")
        assert running.read_to_the_end() == BODY
    assert team.wait_end() == 0


def test_workers_leave_with_their_parent_and_the_port_is_free_again(
    team: Team, plane: Plane, big: str, tmp_path: Path
) -> None:
    again = team_environment(plane, tmp_path, JIT_PROXY_LISTEN=team.host)
    folder = tmp_path / "again"
    folder.mkdir()
    with SlowPull(team, "big", big) as running:
        team.signal(signal.SIGKILL)
        with running_team(again, folder, team.token) as successor:
            assert all(pull_small(successor) for _ in range(20))
        assert running.read_to_the_end() == BODY


def test_one_page_tells_of_all_workers(team: Team, plane: Plane) -> None:
    assert team.admin("/healthz").status_code == 200
    ready = team.admin("/readyz").json()
    assert ready == {"status": "ready", "reasons": [], "workers": {"1.1": ["ready"], "2.1": ["ready"]}}
    wait_for(lambda: all(pull_small(team) for _ in range(4)) and _has_both(team), "both workers served")
    plane.stop_publisher()
    wait_for(lambda: team.admin("/readyz").status_code == 503, "the page says that they heard nothing")
    assert team.admin("/readyz").json()["reasons"] == ["control-plane-lost"]
    assert team.admin("/nowhere").status_code == 404


def _has_both(team: Team) -> bool:
    line = 'jit_proxy_requests_total{outcome="allow",reason="ok",worker="'
    return all(team.metric(f'{line}{worker}"}}') > 0 for worker in ("1.1", "2.1"))


def test_what_one_worker_kept_another_sends(start_team: Callable[..., Team], tmp_path: Path) -> None:
    team = start_team(JIT_PROXY_CACHE_DIR=str(tmp_path / "cache"))
    assert pull_small(team)
    wait_for(lambda: team.metric('jit_proxy_cache_fills_total{result="stored"') == 1, "it is kept")
    hits = [f'jit_proxy_cache_requests_total{{result="hit",worker="{worker}"}}' for worker in ("1.1", "2.1")]
    wait_for(lambda: pull_small(team) and all(team.metric(line) > 0 for line in hits), "both workers sent it")
    assert team.metric('jit_proxy_cache_requests_total{result="miss"') == 1


def test_port_of_a_stranger_is_not_shared(plane: Plane, tmp_path: Path) -> None:
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        port = stranger.getsockname()[1]
        env = team_environment(plane, tmp_path, JIT_PROXY_LISTEN=f"127.0.0.1:{port}")
        with pytest.raises(AssertionError, match="Address already in use"), running_team(env, tmp_path):
            pass
