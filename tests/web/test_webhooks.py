"""An agent's webhook on its page: for its owner, the secret once, each step asked for."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from jit_access.webhooks.models import Delivery, Webhook
from tests.support.cast import Cast
from tests.web.pages_of import text_of

pytestmark = pytest.mark.django_db
URL = "https://ci.example.com/news"


def test_add_try_rotate_and_remove(cast: Cast, client_for: Callable[..., Client]) -> None:
    ada, home = client_for(cast.ada), f"/agents/{cast.ci_bot.public_id}"
    assert "Add a webhook" in text_of(ada.get(home))
    assert "Where is ci-bot’s server told?" in text_of(ada.get(f"{home}/webhook"))
    wrong = ada.post(f"{home}/webhook", {"url": "http://ci.example.com"})
    assert (wrong.status_code, "plain https address" in text_of(wrong)) == (422, True)
    made = ada.post(f"{home}/webhook", {"url": URL})
    assert "whsec_" in text_of(made)
    assert "no-store" in made["Cache-Control"]
    assert ada.post(f"{home}/webhook/test").status_code == 302
    shown = text_of(ada.get(home))
    assert "whsec_" not in shown
    for word in (URL, "webhook.test", "Waits", "Change address"):
        assert word in shown
    assert "24 hours" in text_of(ada.get(f"{home}/webhook/rotate"))
    assert "whsec_" in text_of(ada.post(f"{home}/webhook/rotate"))
    assert "dropped" in text_of(ada.get(f"{home}/webhook/remove"))
    assert ada.post(f"{home}/webhook/remove").status_code == 302
    assert not Webhook.objects.exists()
    assert not Delivery.objects.exists()


def test_others_see_none_of_it(cast: Cast, client_for: Callable[..., Client]) -> None:
    home = f"/agents/{cast.ci_bot.public_id}"
    client_for(cast.ada).post(f"{home}/webhook", {"url": URL})
    assert URL not in text_of(client_for(cast.dora).get(home))
    for who in (cast.ben, cast.dora):
        for path in ("webhook", "webhook/rotate", "webhook/remove", "webhook/test"):
            assert client_for(who).post(f"{home}/{path}", {"url": "https://evil.example/"}).status_code == 404
    assert Webhook.objects.get().url == URL


def test_a_stale_factor_is_proved_first(cast: Cast, client_for: Callable[..., Client]) -> None:
    stale = client_for(cast.ada, "stale")
    answer = stale.post(f"/agents/{cast.ci_bot.public_id}/webhook", {"url": URL})
    assert (answer.status_code, answer["Location"].startswith("/second-factor")) == (302, True)
    assert not Webhook.objects.exists()
