"""The ear of the proxy, against the real control plane: web server, database, Valkey and publisher."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from jit_access.api import internal
from jit_access.core import clock
from jit_access.domain.reasons import Reason
from jit_access.domain.session_view import SessionView, encode_view, sign_text
from jit_access.proxy_sessions import news, selectors, services, usage
from jit_access.proxy_sessions.models import SessionViewRow
from jit_access.targets.models import Target
from registry_proxy.settings import Secret
from tests.support.plane import Plane, RunningGate, proxy_settings, running_gate, running_plane
from tests.support.processes import wait_for
from tests.support.views import TARGET, closed, make_token, make_view, pull

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def plane(live_server: Any, settings: Any) -> Iterator[Plane]:
    with running_plane(live_server.url, settings) as running:
        yield running


@pytest.fixture
def proxy(plane: Plane, tmp_path: Path) -> Iterator[RunningGate]:
    with running_gate(proxy_settings(tmp_path, control_url=plane.url, redis_url=plane.valkey.url)) as gate:
        gate.wait_until_ready()
        yield gate


@pytest.fixture
def token() -> str:
    return make_token()


def reloads(gate: RunningGate, why: str) -> float:
    text = gate.meter.render().decode()
    line = f'jit_proxy_reloads_total{{why="{why}"}} '
    return float(next((row.removeprefix(line) for row in text.splitlines() if row.startswith(line)), "0"))


def ahead(gate: RunningGate) -> float:
    lines = gate.meter.render().decode().splitlines()
    return float(next(line for line in lines if line.startswith("jit_proxy_clock_ahead_seconds ")).split()[1])


def open_grant(gate: RunningGate, token: str, **changes: Any) -> SessionView:
    (view,) = services.put_views([make_view(token, **changes)])
    wait_for(lambda: gate.admits(token, pull()), "the grant opened")
    return view


def test_granted_then_revoked(proxy: RunningGate, token: str) -> None:
    assert proxy.decide(token, pull()) is Reason.TOKEN_UNKNOWN
    view = open_grant(proxy, token)
    cuts = proxy.watch(token, pull())
    services.put_views([closed(view)])
    wait_for(lambda: cuts, "the running exchange was cut")
    assert cuts == [Reason.GRANT_REVOKED]
    assert proxy.decide(token, pull()) is Reason.GRANT_REVOKED


def test_snapshot_brings_what_was_there_before(plane: Plane, token: str, tmp_path: Path) -> None:
    other = make_token()
    services.put_views([make_view(token)])
    services.put_views([make_view(other, grant_id="grt_other")])
    services.close_view(grant_id="grt_other", reason=Reason.GRANT_RELINQUISHED)
    settings = proxy_settings(tmp_path, control_url=plane.url, redis_url=plane.valkey.url)
    with running_gate(settings) as gate:
        gate.wait_until_ready()
        assert gate.admits(token, pull())
        assert gate.decide(other, pull()) is Reason.GRANT_RELINQUISHED
        target = gate.on_loop(gate.gate.target, TARGET)
        assert target is not None
        assert target.password.reveal() == "upstream password"


def test_two_views_of_one_change_arrive_together(proxy: RunningGate, token: str) -> None:
    first = open_grant(proxy, token)
    cuts = proxy.watch(token, pull())
    longer = make_view(token, grant_id="grt_a_longer_one")
    services.put_views([longer, replace(closed(first, Reason.GRANT_EXTENDED), leases=())])

    def has_moved() -> bool:
        answer = proxy.decide(token, pull())
        assert not isinstance(answer, Reason), answer
        return answer.view.grant_id == "grt_a_longer_one"

    wait_for(has_moved, "the token moved to its extension")
    assert cuts == []


def test_lost_beats_shut_the_gate_and_new_ones_open_it(plane: Plane, proxy: RunningGate, token: str) -> None:
    open_grant(proxy, token)
    cuts = proxy.watch(token, pull())
    plane.stop_publisher()
    wait_for(lambda: proxy.decide(token, pull()) is Reason.CONTROL_PLANE_LOST, "the gate shut")
    assert cuts == []
    wait_for(lambda: cuts, "the strict stream was cut")
    assert cuts == [Reason.CONTROL_PLANE_LOST]
    plane.start_publisher()
    wait_for(lambda: proxy.admits(token, pull()), "the gate opened again")


def test_database_that_takes_no_writes_shuts_the_gate(plane: Plane, proxy: RunningGate, token: str) -> None:
    """It would answer each beat, and no revocation could be committed."""
    open_grant(proxy, token)
    cuts = proxy.watch(token, pull())
    plane.stop_publisher()
    plane.start_publisher(read_only=True)
    wait_for(lambda: proxy.decide(token, pull()) is Reason.CONTROL_PLANE_LOST, "the gate shut")
    assert cuts == []
    wait_for(lambda: cuts, "the strict stream was cut")
    assert cuts == [Reason.CONTROL_PLANE_LOST]
    plane.stop_publisher()
    plane.start_publisher()
    wait_for(lambda: proxy.admits(token, pull()), "the gate opened again")


def test_revocation_while_redis_is_dead_counts_when_it_is_back(plane: Plane, proxy: RunningGate, token: str) -> None:
    other = make_token()
    view = open_grant(proxy, token)
    open_grant(proxy, other, grant_id="grt_other")
    plane.valkey.kill()
    services.put_views([closed(view)])  # committed, although nobody can be told
    wait_for(lambda: not proxy.is_ready(), "the gate shut")
    plane.valkey.start()
    wait_for(lambda: proxy.admits(other, pull()), "the gate opened again")
    assert proxy.decide(token, pull()) is Reason.GRANT_REVOKED


def test_flushed_redis_is_noticed_by_its_new_birth(plane: Plane, proxy: RunningGate, token: str) -> None:
    open_grant(proxy, token)
    with plane.valkey.client() as client:
        client.flushall()
    wait_for(lambda: reloads(proxy, "birth"), "everything was loaded again")
    wait_for(lambda: proxy.admits(token, pull()), "the gate is open")


@pytest.mark.parametrize("is_last", [True, False])
def test_lost_message_is_noticed(
    plane: Plane, proxy: RunningGate, token: str, monkeypatch: pytest.MonkeyPatch, is_last: bool
) -> None:
    view = open_grant(proxy, token)
    publish = news.publish

    def publish_and_lose(messages: list[str]) -> list[str]:
        with plane.valkey.client() as client, client.pipeline(transaction=True) as pipe:
            # In one transaction, so that no reader can see it in between.
            for number, message in enumerate(messages):
                pipe.xadd(news.NEWS, {"m": message, "s": news.sign_message(message)}, id=f"9999999999999-{number + 1}")
                pipe.xdel(news.NEWS, f"9999999999999-{number + 1}")
            pipe.execute()
        return [f"9999999999999-{number + 1}" for number, _ in enumerate(messages)]

    monkeypatch.setattr(news, "publish", publish_and_lose)
    services.put_views([closed(view)])
    monkeypatch.setattr(news, "publish", publish)
    if not is_last:
        services.put_views([make_view(make_token(), grant_id="grt_other")])
    wait_for(lambda: proxy.decide(token, pull()) is Reason.GRANT_REVOKED, "the lost revocation was found")
    wait_for(lambda: reloads(proxy, "gap"), "it was counted as a gap")


def test_old_snapshot_ends_no_doubt(
    plane: Plane, proxy: RunningGate, token: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A cache on the way, or a database that lags behind: signed, and true an hour ago."""
    view = open_grant(proxy, token)
    old = selectors.read_snapshot()
    services.put_views([closed(view)])
    wait_for(lambda: proxy.decide(token, pull()) is Reason.GRANT_REVOKED, "the grant was revoked")
    time.sleep(1.5)  # what was true so long ago is old; nothing else happens meanwhile
    with monkeypatch.context() as patch:
        patch.setattr(internal, "read_snapshot", lambda: old)
        with plane.valkey.client() as client:
            client.flushall()
        wait_for(lambda: "sent an old snapshot" in caplog.text, "the old snapshot was refused")
        assert proxy.decide(token, pull()) is Reason.CONTROL_PLANE_LOST
        settings = proxy.settings
        with running_gate(settings) as fresh:
            wait_for(lambda: "everything again: stale" in caplog.text, "a fresh proxy found it by the first beat")
            assert fresh.decide(token, pull()) is Reason.CONTROL_PLANE_LOST
    wait_for(lambda: proxy.decide(token, pull()) is Reason.GRANT_REVOKED, "the true snapshot counted")


def forge(plane: Plane, stream: str, message: str, key: bytes) -> None:
    with plane.valkey.client() as client:
        client.xadd(stream, {"m": message, "s": sign_text(message, key)})


@pytest.mark.parametrize("stream", [news.NEWS, news.HEARTBEAT])
def test_forged_message_opens_nothing(plane: Plane, proxy: RunningGate, token: str, stream: str, settings: Any) -> None:
    stranger = make_token()
    view = open_grant(proxy, token)
    message = json.dumps({"type": "views", "views": [encode_view(replace(make_view(stranger), epoch=99))]})
    forge(plane, stream, message, b"not the key".ljust(32))
    wait_for(lambda: reloads(proxy, "forged"), "everything was loaded again")
    wait_for(lambda: proxy.admits(token, pull()), "the gate is open")
    assert proxy.decide(stranger, pull()) is Reason.TOKEN_UNKNOWN
    # The same message with the right signature does open: it was the signature that failed.
    message = json.dumps(
        {"type": "views", "views": [encode_view(replace(view, leases=make_view(stranger).leases, epoch=99))]}
    )
    forge(plane, news.NEWS, message, settings.VIEW_KEY)
    wait_for(lambda: proxy.admits(stranger, pull()), "the signed message counted")


@pytest.mark.parametrize(
    "fields",
    [
        {"x": "y"},
        {"m": b"\xff\xfe", "s": b"\xff"},
        {"m": "{}", "s": ""},
        {"m": "[" * 100_000, "s": "00"},
    ],
)
def test_garbage_on_the_stream_is_survived(plane: Plane, proxy: RunningGate, token: str, fields: Any) -> None:
    open_grant(proxy, token)
    with plane.valkey.client() as client:
        client.xadd(news.NEWS, fields)
    wait_for(lambda: reloads(proxy, "forged"), "everything was loaded again")
    wait_for(lambda: proxy.admits(token, pull()), "the gate is open")


def test_poisoned_key_shuts_the_gate_until_it_is_gone(plane: Plane, proxy: RunningGate, token: str) -> None:
    open_grant(proxy, token)
    with plane.valkey.client() as client:
        client.set(news.HEARTBEAT, "not a stream")
        wait_for(lambda: proxy.decide(token, pull()) is Reason.CONTROL_PLANE_LOST, "the gate shut")
        client.delete(news.HEARTBEAT)
    wait_for(lambda: proxy.admits(token, pull()), "the gate opened again")


def test_signed_view_that_is_played_back_revives_nothing(plane: Plane, proxy: RunningGate, token: str) -> None:
    view = open_grant(proxy, token)
    with plane.valkey.client() as client:
        _, recorded = client.xrange(news.NEWS)[-1]
        services.put_views([closed(view)])
        wait_for(lambda: proxy.decide(token, pull()) is Reason.GRANT_REVOKED, "the grant was revoked")
        last = client.xadd(news.NEWS, recorded)
        marker = make_token()
        services.put_views([make_view(marker, grant_id="grt_marker")])
        assert client.xrange(news.NEWS)[-1][0] > last
    wait_for(lambda: proxy.admits(marker, pull()), "what came after it was read")
    assert proxy.decide(token, pull()) is Reason.GRANT_REVOKED


def test_beats_that_are_played_back_keep_nothing_alive(plane: Plane, proxy: RunningGate, token: str) -> None:
    open_grant(proxy, token)
    plane.stop_publisher()
    with plane.valkey.client() as client:
        recorded = [fields for _, fields in client.xrange(news.HEARTBEAT)]

        def shuts() -> bool:
            for fields in recorded:
                client.xadd(news.HEARTBEAT, fields)
            return proxy.decide(token, pull()) is Reason.CONTROL_PLANE_LOST

        wait_for(shuts, "the gate shut although beats came")
        assert not proxy.is_ready()
    plane.start_publisher()
    wait_for(lambda: proxy.admits(token, pull()), "the gate opened again")


def test_database_clock_that_goes_back_revives_nothing(
    plane: Plane, proxy: RunningGate, token: str, tmp_path: Path
) -> None:
    """Two hours, and neither the proxy that knew better nor one that starts only then takes them for granted."""
    ended = make_token()
    open_grant(proxy, token)
    now = clock.now().timestamp()
    (short,) = services.put_views([make_view(ended, grant_id="grt_short", now=now, valid_until=now + 1)])
    wait_for(lambda: proxy.decide(ended, pull()) is Reason.GRANT_EXPIRED, "the short grant ended")
    try:
        clock.set_offset(timedelta(hours=-2))
        settings = proxy_settings(tmp_path, control_url=plane.url, redis_url=plane.valkey.url)
        with running_gate(settings) as fresh:
            for gate in (proxy, fresh):
                wait_for(lambda gate=gate: ahead(gate) > 7000, "the step was noticed")
                wait_for(lambda gate=gate: gate.admits(token, pull()), "the gate is open")
                assert clock.now().timestamp() < short.valid_until
                assert gate.decide(ended, pull()) is Reason.GRANT_EXPIRED
    finally:
        clock.set_offset(timedelta())
    wait_for(lambda: ahead(proxy) < 1, "the clock was set right again")


def test_new_target_is_loaded_without_waiting_for_the_next_minute(proxy: RunningGate) -> None:
    assert proxy.on_loop(proxy.gate.target, "second") is None
    Target.objects.create(slug="second", display_name="Second", base_url="http://127.0.0.1:5001")
    services.announce_targets()
    wait_for(lambda: proxy.on_loop(proxy.gate.target, "second"), "the target is known")


def test_periodic_snapshot_finds_what_no_message_told(plane: Plane, token: str, tmp_path: Path) -> None:
    settings = proxy_settings(tmp_path, control_url=plane.url, redis_url=plane.valkey.url)
    with running_gate(settings, reload_s=0.2) as gate:
        gate.wait_until_ready()
        view = open_grant(gate, token)
        shut = closed(view)
        SessionViewRow.objects.filter(grant_id=view.grant_id).update(
            epoch=shut.epoch, is_open=False, body=encode_view(shut)
        )
        wait_for(lambda: gate.decide(token, pull()) is Reason.GRANT_REVOKED, "the snapshot told")


def test_two_proxies_share_a_budget(plane: Plane, proxy: RunningGate, token: str, tmp_path: Path) -> None:
    settings = proxy_settings(tmp_path, control_url=plane.url, redis_url=plane.valkey.url, proxy_id="proxy-2")
    open_grant(proxy, token, byte_budget=1000)
    with running_gate(settings) as other:
        wait_for(lambda: other.admits(token, pull()), "the other proxy knows the grant")
        for gate, moved in ((proxy, 700), (other, 299)):
            gate.move(token, pull(), moved)
        wait_for(lambda: usage.read_used(["grt_first"]) == {"grt_first": usage.Used(999)}, "both reported")
        assert proxy.admits(token, pull())
        assert other.admits(token, pull())
        other.move(token, pull(), 1)
        for gate in (proxy, other):
            wait_for(lambda gate=gate: gate.decide(token, pull()) is Reason.BUDGET_SPENT, "the budget is spent")


def test_two_proxies_share_a_budget_of_requests(
    plane: Plane, proxy: RunningGate, token: str, tmp_path: Path
) -> None:  # fmt: skip
    settings = proxy_settings(tmp_path, control_url=plane.url, redis_url=plane.valkey.url, proxy_id="proxy-2")
    open_grant(proxy, token, request_budget=10)
    with running_gate(settings) as other:
        wait_for(lambda: other.admits(token, pull()), "the other proxy knows the grant")
        for gate, count in ((proxy, 5), (other, 4)):
            gate.begin(token, pull(), count)
        wait_for(lambda: usage.read_used(["grt_first"]) == {"grt_first": usage.Used(0, 9)}, "both reported")
        assert proxy.admits(token, pull())
        assert other.admits(token, pull())
        proxy.begin(token, pull(), 1)
        for gate in (proxy, other):
            wait_for(lambda gate=gate: gate.decide(token, pull()) is Reason.REQUEST_BUDGET_SPENT, "none is left")


def test_wrong_bearer_gets_no_snapshot(plane: Plane, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    wrong = proxy_settings(
        tmp_path, control_url=plane.url, redis_url=plane.valkey.url, proxy_secret=Secret("a wrong shared secret")
    )
    with running_gate(wrong) as gate:
        wait_for(lambda: "status 401" in caplog.text, "the refusal was logged")
        assert not gate.is_ready()
    assert "a wrong shared secret" not in caplog.text


def test_control_plane_with_another_key_is_not_believed(plane: Plane, tmp_path: Path, token: str) -> None:
    services.put_views([make_view(token)])
    foreign = proxy_settings(
        tmp_path, control_url=plane.url, redis_url=plane.valkey.url, view_key=b"another key".ljust(32)
    )
    with running_gate(foreign) as gate:
        wait_for(lambda: gate.decide(token, pull()) is Reason.CONTROL_PLANE_LOST, "the gate is shut")
        assert not gate.is_ready()
