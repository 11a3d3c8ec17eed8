"""The description of the API is one that clients can be made from, refusals included."""

from __future__ import annotations

import jsonschema  # type: ignore[import-untyped]  # ships no types
import pytest
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

from tests.api.caller import Caller
from tests.support.cast import Cast

pytestmark = pytest.mark.django_db
METHODS = {"get", "post", "put", "patch", "delete"}


def test_it_is_valid_and_names_every_refusal() -> None:
    schema = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]  # spectacular's
    validate_schema(schema)  # type: ignore[no-untyped-call]  # spectacular's
    operations = [one for path in schema["paths"].values() for method, one in path.items() if method in METHODS]
    assert len(operations) > 30
    for operation in operations:
        assert {"400", "401", "403", "404", "429", "503"} <= set(operation["responses"]), operation["operationId"]
        assert any(status.startswith("2") for status in operation["responses"])


def test_a_refusal_has_the_form_that_is_described(cast: Cast) -> None:
    ada = Caller(cast.ada)
    described = ada.get("/openapi.json").json()["components"]["schemas"]["Problem"]
    for answer in (ada.get("/requests/none"), ada.get("/activity", nothing="1"), ada.post("/requests", {"target": 1})):
        assert answer.status_code in {400, 404}
        jsonschema.validate(answer.json(), described)


@pytest.mark.parametrize("path", ["requests", "grants", "activity", "catalogue"])
def test_a_list_is_described_as_the_page_that_it_is(cast: Cast, path: str) -> None:
    schema = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]  # spectacular's
    operation = schema["paths"][f"/api/v1/{path}"]["get"]
    assert "cursor" in {parameter["name"] for parameter in operation["parameters"]}
    described = operation["responses"]["200"]["content"]["application/json"]["schema"]
    page = schema["components"]["schemas"][described["$ref"].rpartition("/")[2]]
    assert page["properties"].keys() == Caller(cast.dora).get(f"/{path}").json().keys()
