"""The settings page shows where one is signed in, and each place can be ended there."""

from __future__ import annotations

from collections.abc import Callable

from django.test import Client

from jit_access.mfa.models import Device, WebSession
from tests.support.cast import Cast
from tests.support.sessions import STALE_AGE
from tests.web.pages_of import text_of

MakeClient = Callable[..., Client]


def other_session(client: Client) -> str:
    return WebSession.objects.exclude(public_id=client.session["jit.id"]).get().public_id


def test_every_session_and_device_is_on_the_page_and_here_is_marked(cast: Cast, client_for: MakeClient) -> None:
    here = client_for(cast.ada)
    assert client_for(cast.ada).get("/settings").status_code == 200
    text = text_of(here.get("/settings"))
    assert text.count("From an unknown network, second factor shown") == 2
    assert text.count("Here") == 1
    assert "last seen just now" in text
    assert "Your devices 1" in text
    assert "This device" in text


def test_one_is_ended_after_a_question_and_strangers_find_nothing(cast: Cast, client_for: MakeClient) -> None:
    here, there = client_for(cast.ada), client_for(cast.ada)
    path = f"/settings/sessions/{other_session(here)}/end"
    assert client_for(cast.ben).post(path).status_code == 404
    assert "signed out at once" in text_of(here.get(path))
    assert there.get("/access").status_code == 200
    assert here.post(path).status_code == 302
    assert there.get("/access").status_code == 302
    assert here.get("/access").status_code == 200


def test_a_device_is_named_and_removed_with_a_fresh_proof(cast: Cast, client_for: MakeClient) -> None:
    stale, fresh = client_for(cast.ada, "stale"), client_for(cast.ada)
    assert STALE_AGE
    path = f"/settings/devices/{Device.objects.get().public_id}"
    assert client_for(cast.ben).get(path).status_code == 404
    assert fresh.post(path, {"name": ""}).status_code == 422
    assert fresh.post(path, {"name": "Work laptop"}).status_code == 302
    assert "Work laptop" in text_of(fresh.get("/settings"))
    assert stale.post(f"{path}/remove")["Location"].startswith("/second-factor")
    assert Device.objects.filter(user=cast.ada).exists()
    assert fresh.post(f"{path}/remove")["Location"] == "/sign-in"
    assert not Device.objects.filter(user=cast.ada).exists()
    assert fresh.get("/access").status_code == 302
