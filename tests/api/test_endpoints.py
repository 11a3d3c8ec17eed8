"""What every endpoint has, found by walking: a new one without it is red here, with what to do."""

from __future__ import annotations

import pytest

from jit_access.api.declared import known_parameters
from jit_access.api.described import PLACE, description_text
from jit_access.api.endpoint import Endpoint
from tests.api.caller import ROOT, Caller
from tests.api.walking import operations, resolve, views
from tests.architecture.sources import ROOT as REPOSITORY
from tests.support.cast import Cast

pytestmark = pytest.mark.django_db


def test_every_view_is_an_endpoint_of_ours() -> None:
    strangers = [address for address, view in views() if not issubclass(view, Endpoint)]
    assert not strangers, f"derive these from jit_access.api.endpoint.Endpoint, not from DRF's APIView: {strangers}"


def test_the_committed_description_is_what_the_code_says() -> None:
    committed = (REPOSITORY / PLACE).read_text(encoding="utf-8")
    assert committed == description_text(), f"run `manage.py openapi` and commit {PLACE}"


def test_every_list_comes_in_pages() -> None:
    for one in operations():
        if one.method != "get":
            continue
        shape = one.answer()
        fields = shape.get("properties", {})
        is_wrapped = len(fields) == 1 and all(resolve(field).get("type") == "array" for field in fields.values())
        told = f"{one.name}: give the view a pagination_class and answer with self.page(request, rows, describe)"
        assert shape.get("type") != "array", told
        assert not is_wrapped, told
        if "results" in fields:
            names = {resolve(parameter)["name"] for parameter in one.facts["parameters"]}
            assert {"cursor", "page_size"} <= names, told


def test_every_create_takes_a_key() -> None:
    for one in operations():
        if one.method == "post" and not one.is_open:
            names = {resolve(parameter)["name"] for parameter in one.facts["parameters"]}
            assert "Idempotency-Key" in names, one.name


def test_queries_are_those_that_are_described() -> None:
    """The check reads the same declarations as the description, so the two must agree for each operation."""
    by_address = {f"{ROOT}/{address}".replace("<str:", "{").replace(">", "}"): view for address, view in views()}
    for one in operations():
        described = {
            parameter["name"]
            for parameter in map(resolve, one.facts.get("parameters", ()))
            if parameter["in"] == "query"
        }
        assert known_parameters(by_address[one.path], one.method) == described, one.name


def test_what_is_not_described_is_not_taken(cast: Cast) -> None:
    ada = Caller(cast.ada)
    assert ada.get("/requests", state="pending").status_code == 200
    for query in ("state=pending&state=denied", "user__password__startswith=a", "format=json", "State=pending"):
        refused = ada.client.get(f"{ROOT}/requests?{query}")
        assert (refused.status_code, refused.json()["code"]) == (400, "invalid-input"), query
    body = {"axis": "person", "name": "ada"}
    assert Caller(cast.dora).post("/locks/preview", body).status_code == 200
    assert Caller(cast.dora).post("/locks/preview?axis=tier", body).status_code == 400
