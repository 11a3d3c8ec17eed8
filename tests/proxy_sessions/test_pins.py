"""What movable names mean to a grant: told once, kept for every proxy, gone with the grant."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from jit_access.audit.models import AuditEntry
from jit_access.domain.errors import CallerError, NotFound
from jit_access.domain.session_view import SessionView
from jit_access.proxy_sessions import news, pins, services
from jit_access.proxy_sessions.models import GrantPin
from tests.support.racing import race
from tests.support.views import REPOSITORY, closed, make_token, make_view

GRANT = "grt_first"
SHA, LATER = "a" * 40, "b" * 40
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fresh_client(redis_url: str) -> Iterator[None]:
    news.client.cache_clear()
    yield
    news.client().close()
    news.client.cache_clear()


@pytest.fixture
def view(db: None) -> SessionView:
    return services.put_views([make_view(make_token())])[0]


def settle(**names: str) -> dict[str, str]:
    return pins.settle_pins(grant_id=GRANT, repository=REPOSITORY, names=names)


def test_what_was_told_first_stands(view: SessionView) -> None:
    assert settle(main=SHA) == {"main": SHA}
    assert settle(main=LATER, v1=SHA) == {"main": SHA, "v1": SHA}
    assert settle() == {"main": SHA, "v1": SHA}


def test_each_pin_is_recorded_once(view: SessionView) -> None:
    settle(main=SHA)
    settle(main=LATER)
    records = [entry for entry in AuditEntry.objects.all() if "grant.pinned" in str(entry.body)]
    assert len(records) == 1
    assert SHA in str(records[0].body)


def test_what_works_once_is_told_to_those_who_ask_for_it_and_recorded_elsewhere(view: SessionView) -> None:
    assert settle(**{"once:a": "ex1"}) == {"once:a": "ex1"}
    assert settle(**{"once:a": "ex2", "once:b": "ex2"}) == {"once:a": "ex1", "once:b": "ex2"}
    assert settle(main=SHA) == {"main": SHA}
    assert settle(**{"lfs:a": "ex1"}) == {"main": SHA, "lfs:a": "ex1"}
    assert settle(**{"lfs:a": "", "lfs:b": "", "dev": ""}) == {"main": SHA, "lfs:a": "ex1"}
    assert sum("grant.pinned" in str(entry.body) for entry in AuditEntry.objects.all()) == 1


def test_only_an_open_grant_of_that_repository_gets_pins(view: SessionView) -> None:
    assert settle(main=SHA)
    for grant, repository in ((GRANT, "llm/other"), ("grt_none", REPOSITORY)):
        with pytest.raises(NotFound):
            pins.settle_pins(grant_id=grant, repository=repository, names={"main": SHA})
    services.put_views([closed(view)])
    with pytest.raises(NotFound):
        settle(dev=SHA)
    assert GrantPin.objects.count() == 1


def test_a_grant_has_a_bounded_number_of_them(view: SessionView, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pins, "MAX_PINS", 2)
    settle(a=SHA, b=SHA)
    assert settle(a=LATER) == {"a": SHA, "b": SHA}
    with pytest.raises(CallerError):
        settle(c=SHA)


def test_an_extension_goes_on_meaning_the_same(view: SessionView) -> None:
    settle(main=SHA)
    services.put_views([replace(view, grant_id="grt_second")])
    pins.carry_pins(older=GRANT, newer="grt_second")
    assert pins.settle_pins(grant_id="grt_second", repository=REPOSITORY, names={"main": LATER}) == {"main": SHA}


def test_pins_go_when_their_grant_ended_long_ago(view: SessionView, clock: Any) -> None:
    settle(main=SHA)
    assert pins.prune_pins() == 0
    clock.advance(seconds=3 * 86_400)
    assert pins.prune_pins() == 1


@pytest.mark.django_db(transaction=True)
def test_two_proxies_at_once_agree(redis_url: str) -> None:
    services.put_views([make_view(make_token())])
    answers = race([lambda: settle(main=SHA), lambda: settle(main=LATER)])
    assert answers[0] == answers[1]
