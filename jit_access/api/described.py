"""The API's description as it is committed, so that a change of the API is a change that a reviewer sees."""

from __future__ import annotations

from typing import Any, Final

from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiYamlRenderer

PLACE: Final = "docs/reference/openapi.yaml"


def description() -> dict[str, Any]:
    """OpenAPI 3.1 of every endpoint, whoever asks."""
    found: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]  # spectacular's
    return found


def description_text() -> str:
    """The same as YAML, in the order in which it is made."""
    rendered: bytes = OpenApiYamlRenderer().render(description(), renderer_context={})  # type: ignore[no-untyped-call]  # spectacular's
    return rendered.decode()
