"""The publisher beats while everything answers, and never otherwise."""

from __future__ import annotations

import json
import re
import signal
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import OperationalError

from jit_access.core import clock as core_clock
from jit_access.domain.session_view import check_signature
from jit_access.proxy_sessions import news, services
from jit_access.proxy_sessions.models import ViewOutbox
from jit_access.proxy_sessions.publisher import Publisher
from tests.support.processes import running, start, wait_for, wait_ready
from tests.support.read_only import make_read_only, read_only_database
from tests.support.valkey import Valkey, running_valkey
from tests.support.views import make_token, make_view

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def valkey(settings: Any) -> Iterator[Valkey]:
    with running_valkey() as server:
        settings.REDIS_URL = server.url
        news.client.cache_clear()
        yield server
        news.client().close()
        news.client.cache_clear()


def beats() -> list[dict[str, Any]]:
    found = []
    for _, fields in news.client().xrange(news.HEARTBEAT):
        text = fields[b"m"].decode()
        check_signature(text, fields[b"s"].decode(), django_settings.VIEW_KEY)
        found.append(json.loads(text))
    return found


def test_beat_tells_database_time_and_position(valkey: Valkey) -> None:
    services.put_views([make_view(make_token())])
    before = core_clock.now().timestamp()
    assert Publisher().try_beat()
    (beat,) = beats()
    assert beat["type"] == "heartbeat"
    assert beat["db_now"] >= before
    assert beat["position"] == news.client().xrevrange(news.NEWS, count=1)[0][0].decode()
    assert beat["added"] == 1
    assert beat["birth"] == news.client().get(news.BIRTH).decode()


def test_beat_sends_what_a_commit_left_behind_first(valkey: Valkey) -> None:
    ViewOutbox.objects.create(message='{"type":"targets"}')
    assert Publisher().try_beat()
    assert beats()[0]["added"] == 1
    assert not ViewOutbox.objects.filter(published_at=None).exists()


def test_no_beat_without_the_database(valkey: Valkey, monkeypatch: pytest.MonkeyPatch) -> None:
    publisher = Publisher()

    def fail() -> None:
        raise OperationalError("server closed the connection")

    with monkeypatch.context() as patch:
        patch.setattr(core_clock, "now", fail)
        assert not publisher.try_beat()
    assert beats() == []
    assert publisher.try_beat()
    assert len(beats()) == 1


def test_no_beat_while_the_database_takes_no_writes(valkey: Valkey) -> None:
    """It answers every question, but a revocation could not commit."""
    publisher = Publisher()
    assert publisher.try_beat()
    with read_only_database():
        assert core_clock.now()
        assert not publisher.try_beat()
        make_read_only()  # the publisher closed the connection, so this is a new one
        assert not publisher.try_beat()
    assert len(beats()) == 1
    assert publisher.try_beat()
    assert len(beats()) == 2


def test_beat_goes_on_when_the_database_clock_goes_back(valkey: Valkey, caplog: pytest.LogCaptureFixture) -> None:
    publisher = Publisher()
    try:
        for hours in (0, -2, -2):
            core_clock.set_offset(timedelta(hours=hours))
            assert publisher.try_beat()
    finally:
        core_clock.set_offset(timedelta())
    told = [beat["db_now"] for beat in beats()]
    assert told == sorted(told)
    assert told[2] - told[0] < 60
    assert beats()[2]["ahead"] == pytest.approx(7200, abs=1)
    (warning,) = (record.message for record in caplog.records if "clock" in record.message)
    assert re.fullmatch(r"the database's clock went back by 7\d{3}\.\d s; the proxies go on by the later time", warning)


def test_no_beat_while_news_cannot_be_sent(valkey: Valkey, settings: Any) -> None:
    """Redis that is full takes neither: a beat beside unsent news would call an old view fresh."""
    ViewOutbox.objects.create(message='{"type":"targets"}')
    news.client().config_set("maxmemory", "1")
    publisher = Publisher()
    assert not publisher.try_beat()
    news.client().config_set("maxmemory", "0")
    assert publisher.try_beat()
    assert beats()[0]["added"] == 1


def test_publisher_outlives_redis(valkey: Valkey) -> None:
    publisher = Publisher()
    assert publisher.try_beat()
    valkey.kill()
    assert not publisher.try_beat()
    valkey.start()
    wait_for(publisher.try_beat, "a beat after the restart")
    assert len(beats()) == 1


def test_foreign_bytes_on_the_stream_do_not_stop_the_beat(valkey: Valkey) -> None:
    news.client().xadd(news.NEWS, {b"m": b"\xff\xfe"})
    assert Publisher().try_beat()
    assert beats()[0]["added"] == 1


def test_command_beats_and_ends_at_sigterm(valkey: Valkey, tmp_path: Path) -> None:
    name = django_settings.DATABASES["default"]["NAME"]
    url = f"sqlite:////{name}" if "sqlite" in django_settings.DATABASES["default"]["ENGINE"] else ""
    if not url:
        pytest.skip("the command's database is named by the test's SQLite file")
    env = {
        "DJANGO_SETTINGS_MODULE": "jit_access.config.settings.test",
        "JIT_DATABASE_URL": url,
        "JIT_REDIS_URL": valkey.url,
        "JIT_VIEW_KEY": django_settings.VIEW_KEY.hex(),
        "PYTHONPATH": str(ROOT),
    }
    child = start("publisher", [sys.executable, ROOT / "manage.py", "publish_views"], folder=tmp_path, env=env)
    with running(child):
        wait_ready(child, lambda: len(beats()) >= 3)
        child.process.send_signal(signal.SIGTERM)
        assert child.process.wait(timeout=60) == 0
    assert "Traceback" not in child.log_text()
