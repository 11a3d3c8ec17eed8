"""The ways in which parts break, each a function of one injection. Whatever it breaks it mends before it returns."""

from __future__ import annotations

import contextlib
import json
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from benchmarks.faults.relay import Mood
from benchmarks.faults.trial import Trial
from benchmarks.faults.world import PROXIES
from jit_access.domain.session_view import encode_view, sign_text
from tests.support.views import make_token, make_view

NEWS, HEARTBEAT, BIRTH = "jit:news", "jit:heartbeat", "jit:news:birth"
Kind = Callable[[Trial], None]


# -- the news


@contextlib.contextmanager
def _losing(trial: Trial, *spoil: str) -> Iterator[None]:
    """What this process publishes is gone before anybody can read it: XADD and its undoing are one transaction."""
    from jit_access.proxy_sessions import news  # noqa: PLC0415  # needs django.setup()

    publish = news.publish

    def publish_and_lose(messages: Sequence[str]) -> list[str]:
        with trial.world.redis() as client, client.pipeline(transaction=True) as pipe:
            at = int(time.time() * 1000) + 60_000 + trial.number * 1000
            names = [f"{at}-{index}" for index, _ in enumerate(messages, start=1)]
            for name, message in zip(names, messages, strict=True):
                pipe.xadd(NEWS, {"m": message, "s": news.sign_message(message)}, id=name)
                if "delete" in spoil:
                    pipe.xdel(NEWS, name)
            if "trim" in spoil:
                pipe.xtrim(NEWS, maxlen=0, approximate=False)
            pipe.execute()
        return names

    news.publish = publish_and_lose
    try:
        yield
    finally:
        news.publish = publish


def lost_message(trial: Trial) -> None:
    with _losing(trial, "delete"):
        trial.revoke()
    time.sleep(trial.rng.uniform(0, 1))


def trimmed_stream(trial: Trial) -> None:
    with _losing(trial, "trim"):
        trial.revoke()
    time.sleep(trial.rng.uniform(0, 1))


def flushed(trial: Trial) -> None:
    with trial.world.redis() as client:
        if trial.rng.random() < 0.5:
            trial.revoke()
        client.flushall()
    trial.hold(trial.rng.uniform(0, 0.5))


def news_deleted(trial: Trial) -> None:
    with trial.world.redis() as client:
        trial.revoke()
        client.delete(NEWS)
    time.sleep(trial.rng.uniform(0, 0.5))


def birth_changed(trial: Trial) -> None:
    with trial.world.redis() as client:
        client.set(BIRTH, f"another-{trial.number}")
    trial.hold(trial.rng.uniform(0, 0.5))


def forged_news(trial: Trial) -> None:
    stranger = make_token()
    view = make_view(stranger, grant_id=f"grt_forged{trial.number}", epoch=99)
    message = json.dumps({"type": "views", "views": [encode_view(view)]})
    with trial.world.redis() as client:
        for _ in range(trial.rng.randint(1, 20)):
            client.xadd(NEWS, {"m": message, "s": sign_text(message, b"not the key")})
    trial.hold(trial.rng.uniform(0, 0.5))


def garbage_news(trial: Trial) -> None:
    with trial.world.redis() as client:
        client.xadd(NEWS, trial.rng.choice(({"x": "y"}, {"m": b"\xff", "s": b"\xff"}, {"m": "[" * 9999, "s": "00"})))
    trial.hold(trial.rng.uniform(0, 0.5))


def replayed_news(trial: Trial) -> None:
    """Every signed message of before, again, in another order: the victim's open view is among them."""
    with trial.world.redis() as client:
        old: list[Any] = [fields for _, fields in client.xrevrange(NEWS, count=50)]
        trial.revoke()
        trial.rng.shuffle(old)
        for fields in old * trial.rng.randint(1, 3):
            client.xadd(NEWS, fields)
    time.sleep(trial.rng.uniform(0, 0.5))


# -- the heartbeat


def forged_beat(trial: Trial) -> None:
    message = json.dumps(
        {"type": "heartbeat", "db_now": time.time() + 9999, "position": "0-0", "added": 0, "birth": "x"}
    )
    with trial.world.redis() as client:
        client.xadd(HEARTBEAT, {"m": message, "s": sign_text(message, b"not the key")})
    trial.hold(trial.rng.uniform(0, 0.5))


def replayed_beats(trial: Trial) -> None:
    """While the publisher is stopped, its beats of before are played back."""
    with trial.world.redis() as client:
        old: list[Any] = [fields for _, fields in client.xrange(HEARTBEAT)]
        trial.world.signal("publisher", signal.SIGSTOP)
        try:
            time.sleep(0.05)  # what it was doing when it was stopped has arrived
            with trial.silence():
                ends_at = time.monotonic() + trial.rng.uniform(1.7, 3)
                trial.revoke()
                while time.monotonic() < ends_at:
                    client.xadd(HEARTBEAT, trial.rng.choice(old))
                    time.sleep(0.05)
        finally:
            trial.world.signal("publisher", signal.SIGCONT)


def poisoned_beat_key(trial: Trial) -> None:
    with trial.world.redis() as client:
        client.set(HEARTBEAT, "not a stream")
        try:
            with trial.silence():
                trial.hold(trial.some_time())
        finally:
            client.delete(HEARTBEAT)


# -- Redis


def client_pause(trial: Trial) -> None:
    length_s, began = trial.some_time(), time.monotonic()
    with trial.world.redis() as client:
        client.execute_command("CLIENT", "PAUSE", int(length_s * 1000), "ALL")
        with trial.silence(began + length_s - time.monotonic()):
            trial.hold(length_s - 0.05)
        time.sleep(0.1)


def debug_sleep(trial: Trial) -> None:
    length_s, began = trial.some_time(), time.monotonic()
    with trial.world.redis() as client:
        sleeper = threading.Thread(target=client.execute_command, args=("DEBUG", "SLEEP", f"{length_s:.2f}"))
        sleeper.start()
        time.sleep(0.1)
        with trial.silence(began + length_s - time.monotonic()):
            trial.hold(max(0.0, length_s - 0.2))
        sleeper.join()


def out_of_memory(trial: Trial) -> None:
    with trial.world.redis() as client:
        client.config_set("maxmemory", "1")
        try:
            with trial.silence():
                trial.hold(trial.some_time())
        finally:
            client.config_set("maxmemory", "0")


def _restart_valkey(trial: Trial, *, keeps_dump: bool) -> None:
    world = trial.world
    dump = world.folder / "dump.rdb"
    dump.unlink(missing_ok=True)
    if keeps_dump:
        with world.redis() as client:
            client.save()
        if trial.rng.random() < 0.5:
            trial.revoke()  # after the dump: what comes back does not know of it
    world.kill("valkey")
    with trial.silence():
        trial.hold(trial.some_time())
    world.start_valkey()


def restarted_empty(trial: Trial) -> None:
    _restart_valkey(trial, keeps_dump=False)


def restarted_stale(trial: Trial) -> None:
    _restart_valkey(trial, keeps_dump=True)


def connections_killed(trial: Trial) -> None:
    with trial.world.redis() as client:
        for _ in range(trial.rng.randint(1, 5)):
            client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            time.sleep(trial.rng.uniform(0, 0.1))
            if trial.rng.random() < 0.4:
                trial.revoke()


# -- processes


def publisher_killed(trial: Trial) -> None:
    trial.world.kill("publisher")
    with trial.silence():
        trial.hold(trial.some_time())
    trial.world.start_publisher()


def publisher_stopped(trial: Trial) -> None:
    trial.world.signal("publisher", signal.SIGSTOP)
    try:
        time.sleep(0.05)
        with trial.silence():
            trial.hold(trial.some_time())
    finally:
        trial.world.signal("publisher", signal.SIGCONT)


def proxy_stopped(trial: Trial) -> None:
    proxy = trial.rng.choice(PROXIES)
    with trial.freezing(proxy):
        trial.world.signal(f"proxy-{proxy}", signal.SIGSTOP)
        try:
            trial.hold(trial.some_time())
        finally:
            trial.world.signal(f"proxy-{proxy}", signal.SIGCONT)


def proxy_killed(trial: Trial) -> None:
    proxy = trial.rng.choice(PROXIES)
    trial.killed.add(proxy)
    trial.world.kill(f"proxy-{proxy}")
    trial.hold(trial.rng.uniform(0, 0.5))
    trial.world.start_proxy(proxy)


def web_killed(trial: Trial) -> None:
    """And the news are lost at once: a proxy that wants a snapshot gets none until web is back."""
    trial.world.kill("web")
    if trial.rng.random() < 0.5:
        with _losing(trial, "delete"):
            trial.revoke()
    trial.hold(trial.some_time())
    trial.world.start_web()


# -- the way to the snapshot


def _lying(mood: Mood) -> Kind:
    def inject(trial: Trial) -> None:
        trial.world.relay.record(trial.world.env["JIT_PROXY_SECRET"])
        with trial.world.relay.being(mood):
            with _losing(trial, "delete"):
                trial.revoke()
            time.sleep(trial.some_time())

    return inject


def stale_snapshot_after_restart(trial: Trial) -> None:
    """A proxy that starts knows nothing, and is told how things were before."""
    proxy = trial.rng.choice(PROXIES)
    world = trial.world
    trial.killed.add(proxy)
    world.relay.record(world.env["JIT_PROXY_SECRET"])
    with world.relay.being(Mood.STALE):
        with _losing(trial, "trim"):
            trial.revoke()
        world.kill(f"proxy-{proxy}")
        world.start_proxy(proxy, wait=False)
        time.sleep(trial.rng.uniform(2, 4))


# -- the database and its clock


def database_locked(trial: Trial) -> None:
    """Nothing can be written: by a lock on SQLite, by `default_transaction_read_only` on PostgreSQL."""
    trial.revoke() if trial.rng.random() < 0.5 else None
    with _unwritable(trial):
        time.sleep(0.05)
        with trial.silence():
            time.sleep(trial.some_time())


@contextlib.contextmanager
def _unwritable(trial: Trial) -> Iterator[None]:
    url = trial.world.env["JIT_DATABASE_URL"]
    if url.startswith("sqlite:///"):
        connection = sqlite3.connect(url.removeprefix("sqlite:///"), timeout=20, isolation_level=None)
        with contextlib.closing(connection):
            connection.execute("BEGIN IMMEDIATE")
            yield
            connection.execute("ROLLBACK")
        return
    import psycopg  # noqa: PLC0415  # only this run pays for the import

    with psycopg.connect(url, autocommit=True) as server:
        for word in ("on", "off"):
            server.execute(f"ALTER SYSTEM SET default_transaction_read_only = {word}")
            server.execute("SELECT pg_reload_conf()")
            if word == "on":
                yield


def clock_back(trial: Trial) -> None:
    """Two hours, for web and publisher; a proxy that starts meanwhile has only their word."""
    world = trial.world
    trial.hold_ended_grant()
    world.shift_clock(-7200)
    try:
        if trial.rng.random() < 0.5:
            proxy = trial.rng.choice(PROXIES)
            trial.killed.add(proxy)
            world.kill(f"proxy-{proxy}")
            world.start_proxy(proxy)
        trial.hold(trial.rng.uniform(0.5, 2))
        trial.look_for_ended()
    finally:
        world.shift_clock(0)


KINDS: dict[str, Kind] = {
    "message lost": lost_message,
    "message trimmed away": trimmed_stream,
    "news deleted": news_deleted,
    "FLUSHALL": flushed,
    "birth changed": birth_changed,
    "forged news": forged_news,
    "garbage on the stream": garbage_news,
    "old news again, reordered": replayed_news,
    "forged heartbeat": forged_beat,
    "old heartbeats again": replayed_beats,
    "heartbeat key poisoned": poisoned_beat_key,
    "CLIENT PAUSE": client_pause,
    "DEBUG SLEEP": debug_sleep,
    "OOM": out_of_memory,
    "Redis killed, back empty": restarted_empty,
    "Redis killed, back with an old dump": restarted_stale,
    "connections killed": connections_killed,
    "publisher killed": publisher_killed,
    "publisher stopped": publisher_stopped,
    "proxy stopped": proxy_stopped,
    "proxy killed": proxy_killed,
    "web killed": web_killed,
    "snapshot: error": _lying(Mood.ERROR),
    "snapshot: no answer": _lying(Mood.HANGING),
    "snapshot: half": _lying(Mood.HALF),
    "snapshot: not signed": _lying(Mood.GARBAGE),
    "snapshot: old": _lying(Mood.STALE),
    "snapshot: old, after a restart": stale_snapshot_after_restart,
    "database takes no writes": database_locked,
    "clock back by two hours": clock_back,
}
