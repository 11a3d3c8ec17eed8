"""The page on which a person sees where they are signed in, command lines included."""

from __future__ import annotations

from collections.abc import Callable

from django.test import Client

from jit_access.oauth.models import AccessToken
from tests.support.cast import Cast
from tests.support.oauth_client import CommandLine, me

ClientFor = Callable[..., Client]


def test_a_command_line_is_listed_and_ended(cast: Cast, client_for: ClientFor) -> None:
    browser = client_for(cast.ada)
    assert "Command lines" not in browser.get("/settings").content.decode()
    text = CommandLine(browser).sign_in()
    token = AccessToken.objects.get()
    address = f"/settings/command-lines/{token.public_id}/end"
    shown = browser.get("/settings").content.decode()
    assert "Command lines" in shown
    assert address in shown
    assert browser.get(address).status_code == 200
    assert me(text)[0] == 200
    assert browser.post(address).status_code == 302
    assert me(text)[0] == 401
    assert "Command lines" not in browser.get("/settings").content.decode()
    assert browser.post(address).status_code == 404


def test_anothers_is_not_there(cast: Cast, client_for: ClientFor) -> None:
    CommandLine(client_for(cast.ada)).sign_in()
    address = f"/settings/command-lines/{AccessToken.objects.get().public_id}/end"
    ben = client_for(cast.ben)
    assert (ben.get(address).status_code, ben.post(address).status_code) == (404, 404)
    assert AccessToken.objects.get().revoked_at is None
