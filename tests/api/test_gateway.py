"""Programs are told where the gateway is, as people are by the commands on their pages."""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django import Settings

from tests.api.caller import ROOT, Caller
from tests.support.cast import Cast

pytestmark = pytest.mark.django_db


def test_an_agent_reads_both_addresses(cast: Cast, settings: Settings) -> None:
    settings.GATEWAY_URL, settings.GATEWAY_TLS_URL = "http://gateway.test", "https://gateway.test"
    answer = Caller(cast.ci_bot).get("/gateway")
    assert answer.json() == {"url": "http://gateway.test", "tls_url": "https://gateway.test"}


def test_a_stranger_is_told_nothing(cast: Cast) -> None:
    answer = Client().get(f"{ROOT}/gateway")
    assert (answer.status_code, answer.json()["code"]) == (401, "token-missing")
