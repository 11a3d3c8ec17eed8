"""The pages of access reviews."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.test import Client

from jit_access.access_reviews.models import ReviewItem
from jit_access.accounts.selectors import groups_of
from tests.support.lifecycles import World
from tests.web.pages_of import heading_of, text_of

pytestmark = pytest.mark.django_db(transaction=True)
FORM = {
    "title": "Who uses models",
    "groups": ["research"],
    "reviewers": "model-owners",
    "days": "14",
    "undecided": "propose",
}


def test_security_starts_and_somebody_else_decides(world: World, client_for: Callable[..., Client]) -> None:
    dora, ben = client_for(world.cast.dora), client_for(world.cast.ben)
    assert "research" in text_of(dora.get("/reviews/new"))
    address = dora.post("/reviews/new", FORM)["Location"]
    assert heading_of(dora.get(address)) == "Who uses models"
    assert "Access reviews" in text_of(ben.get("/access"))
    page = ben.get(address)
    assert "2 of 2 memberships wait for an answer." in text_of(page)
    item = f"/reviews/items/{ReviewItem.objects.get(subject=world.cast.ada).public_id}"
    assert item in page.content.decode()
    assert heading_of(ben.get(item)) == "Does Ada Okafor still need research?"
    assert ben.post(item, {"answer": "revoke", "note": ""}).status_code == 422
    assert "research" in groups_of(world.cast.ada)
    assert ben.post(item, {"answer": "revoke", "note": "Left"})["Location"] == address
    assert "Ada Okafor is out of research." in text_of(ben.get(address))
    assert "research" not in groups_of(world.cast.ada)
    assert ben.post(item, {"answer": "keep", "note": "Oh"}).status_code == 409
    assert ben.get(f"{address}/evidence.csv").status_code == 404
    table = dora.get(f"{address}/evidence.csv")
    assert (table["Content-Type"], "Left" in table.content.decode()) == ("text/csv; charset=utf-8", True)
    assert dora.get(f"{address}/evidence.json").json()["proofs"]
    assert dora.get(f"{address}/evidence.xml").status_code == 404


def test_a_stale_factor_is_asked_for(world: World, client_for: Callable[..., Client]) -> None:
    address = client_for(world.cast.dora).post("/reviews/new", FORM)["Location"]
    stale = client_for(world.cast.ben, "stale")
    item = re.findall(r"/reviews/items/rvi_\w+", stale.get(address).content.decode())[0]
    assert 'name="code"' in stale.get(item).content.decode()
    assert stale.post(item, {"answer": "keep", "note": "Fine"}).status_code == 422
    assert client_for(world.cast.dora, "stale").post("/reviews/new", FORM)["Location"].startswith("/second-factor")


def test_others_find_nothing(world: World, client_for: Callable[..., Client]) -> None:
    address = client_for(world.cast.dora).post("/reviews/new", FORM)["Location"]
    for stranger in (world.cast.cleo, world.cast.ada):
        client = client_for(stranger)
        assert client.get("/reviews").status_code == 404
        assert client.get(address).status_code == 404
        assert client.get("/reviews/new").status_code == 404
        assert "Access reviews" not in text_of(client.get("/access"))
    assert client_for(world.cast.dora).post("/reviews/new", FORM | {"groups": []}).status_code == 400
