"""A second factor that is too old for a rule is shown again, where the person sits; where nobody sits, it is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from django.test import Client

from jit_access.domain.lifecycle import GrantState
from jit_access.grants.models import Grant
from tests.conftest import Clock
from tests.support.at_terminal import Running, Screen, Seat, page_named_by, way_back
from tests.support.lifecycles import TINY, World, reload, scheduled
from tests.support.sessions import code_now, signed_in

pytestmark = pytest.mark.django_db(transaction=True)
TOO_LONG_S = 16 * 60  # research-sensitive asks for a proof from the last 15 min


@pytest.fixture
def browser(world: World) -> Client:
    """Ada's."""
    return signed_in(world.cast.ada, "fresh")


@pytest.fixture
def seat(world: World, live_server: Any, settings: Any, tmp_path: Path, browser: Client) -> Seat:
    """Ada's terminal, signed in."""
    settings.PUBLIC_URL = live_server.url
    ada = Seat(tmp_path, live_server.url)
    running = ada.begin("login", "--no-browser", live_server.url)
    answer_with(browser, running)
    assert running.end() == 0, running.stderr
    return ada


def answer_with(browser: Client, running: Running | Screen) -> dict[str, list[str]]:
    """Let it in; what it asked for."""
    page = urlsplit(page_named_by(running))
    asked = parse_qs(page.query)
    fields = {name: values[0] for name, values in asked.items()}
    shown = browser.post(page.path, fields | {"decision": "allow"})
    assert shown.status_code == 200, shown.content
    httpx.get(way_back(shown.content.decode()), trust_env=False, timeout=30)
    return asked


def test_fresh_sign_in_starts_a_grant_without_a_question(world: World, seat: Seat) -> None:
    grant = scheduled(world, TINY)
    started = seat.jit("start", grant.public_id)
    assert started.returncode == 0, started.stderr
    assert "● 1 h left" in started.stderr
    assert reload(grant).state == GrantState.ACTIVE


def test_code_is_asked_for_unseen(world: World, seat: Seat, clock: Clock) -> None:
    grant = scheduled(world, TINY)
    clock.advance(seconds=TOO_LONG_S)
    screen = Screen(seat, "start", grant.public_id)
    screen.until_it_says("Code of your authenticator")
    assert "It needs a second factor from the last 15 min" in screen.stderr
    code = code_now()
    screen.type(f"{code}\n")
    assert screen.end() == 0, screen.stderr
    assert code not in screen.stderr
    assert reload(grant).state == GrantState.ACTIVE


def test_wrong_code_is_refused(world: World, seat: Seat, clock: Clock) -> None:
    grant = scheduled(world, TINY)
    clock.advance(seconds=TOO_LONG_S)
    screen = Screen(seat, "start", grant.public_id)
    screen.until_it_says("Code of your authenticator")
    screen.type("000000\n")
    assert screen.end() == 4, screen.stderr
    assert "(second-factor-wrong)" in screen.stderr
    assert reload(grant).state == GrantState.SCHEDULED


def test_browser_shows_it_again_for_who_has_no_code(world: World, seat: Seat, clock: Clock, browser: Client) -> None:
    grant = scheduled(world, TINY)
    clock.advance(seconds=TOO_LONG_S)
    screen = Screen(seat, "start", grant.public_id)
    screen.until_it_says("Code of your authenticator")
    screen.type("\n")
    again = signed_in(world.cast.ada, "fresh")
    asked = answer_with(again, screen)
    assert screen.end() == 0, screen.stderr
    assert asked["max_age"] == ["900"]
    assert reload(grant).state == GrantState.ACTIVE


def test_address_can_be_pasted_from_another_machine(world: World, seat: Seat) -> None:
    screen = Screen(seat, "login", "--no-browser", columns=1000)
    page = urlsplit(page_named_by(screen))
    fields = {name: values[0] for name, values in parse_qs(page.query).items()}
    shown = signed_in(world.cast.ben, "fresh").post(page.path, fields | {"decision": "allow"})
    screen.type(f"http://127.0.0.1/callback?code=made-up&state=guessed\n{way_back(shown.content.decode())}\n")
    assert screen.end() == 0, screen.stderr
    assert "(ben)" in screen.stderr


def test_refusal_on_the_page_ends_the_sign_in(world: World, seat: Seat, browser: Client) -> None:
    running = seat.begin("login", "--no-browser")
    page = urlsplit(page_named_by(running))
    fields = {name: values[0] for name, values in parse_qs(page.query).items()}
    shown = browser.post(page.path, fields | {"decision": "deny"})
    httpx.get(way_back(shown.content.decode()), trust_env=False, timeout=30)
    assert running.end() == 4
    assert "(access_denied)" in running.stderr
    assert seat.jit("status").returncode == 0  # the sign-in of before is still there


@pytest.mark.parametrize("state", ["", "guessed"])
def test_answer_that_nobody_asked_for_is_not_taken(seat: Seat, browser: Client, state: str) -> None:
    """A page that somebody else opens in the same browser."""
    running = seat.begin("login", "--no-browser")
    redirect = parse_qs(urlsplit(page_named_by(running)).query)["redirect_uri"][0]
    planted = httpx.get(f"{redirect}?code=planted&state={state}", trust_env=False, timeout=30)
    assert planted.status_code == 404
    answer_with(browser, running)
    assert running.end() == 0, running.stderr


def test_sign_in_that_is_over_is_renewed_on_the_way(world: World, seat: Seat) -> None:
    kept = json.loads((seat.home / ".local/state/jit/tokens.json").read_text())["sites"][seat.address]
    gone = {"token": kept["token"], "client_id": "jit-cli"}
    assert httpx.post(f"{seat.address}/oauth/revoke", data=gone, trust_env=False).status_code == 200
    screen = Screen(seat, "grants", columns=1000)
    screen.until_it_says("Sign in, then this goes on.")
    answer_with(signed_in(world.cast.ada, "fresh"), screen)
    assert screen.end() == 0, screen.stderr
    assert "You have no open access." in screen.stderr
    assert seat.jit("grants").returncode == 0


def test_sign_in_that_is_over_ends_what_nobody_watches(seat: Seat, clock: Clock) -> None:
    assert seat.jit("grants").returncode == 0
    clock.advance(seconds=13 * 3600)
    refused = seat.jit("grants")
    assert refused.returncode == 7
    assert "Sign in: jit login" in refused.stderr


def test_somebody_else_in_the_browser_does_not_take_over(world: World, seat: Seat, clock: Clock) -> None:
    grant = scheduled(world, TINY)
    clock.advance(seconds=TOO_LONG_S)
    screen = Screen(seat, "start", grant.public_id, columns=1000)
    screen.until_it_says("Code of your authenticator")
    screen.type("\n")
    answer_with(signed_in(world.cast.ben, "fresh"), screen)
    assert screen.end() == 4, screen.stderr
    assert "The browser is signed in as ben, and you are ada here. (other-person)" in screen.stderr
    assert reload(grant).state == GrantState.SCHEDULED
    assert "(ada)" in seat.jit("status").stdout


def test_nobody_there_is_a_status_of_its_own(world: World, seat: Seat, clock: Clock) -> None:
    grant = scheduled(world, TINY)
    clock.advance(seconds=TOO_LONG_S)
    refused = seat.jit("start", grant.public_id, "--json")
    assert refused.returncode == 5
    assert json.loads(refused.stdout)["error"]["code"] == "second-factor-stale"
    assert Grant.objects.get(pk=grant.pk).state == GrantState.SCHEDULED


def test_line_of_waiting_is_written_over_and_ctrl_c_leaves_it_clean(seat: Seat) -> None:
    screen = Screen(seat, "request", f"demo-registry/{TINY}:v1", "--for", "1h", "--reason", "Look", "--wait")
    screen.until_it_says("Ctrl-C leaves it open")
    screen.type("\x03")
    assert screen.end() == 130
    last = screen.raw.rpartition("\x1b[2K")[2]
    assert "You stopped waiting" in last
    assert "Take it back: jit withdraw req_" in last
    assert "Traceback" not in screen.stderr
