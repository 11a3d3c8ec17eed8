"""What a client may send: the parameters and fields that the description names, each once, and nothing else.

Looked at before any view runs, so that a view which forgets to be strict is strict all the same. TEAM let clients write
state through a generic update (PR #605); here a name that nobody declared is refused wherever it stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rest_framework import serializers

from jit_access.domain.errors import CallerError
from jit_access.domain.reasons import Reason

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.views import APIView

PAGING = frozenset({"cursor", "page_size"})
_WITH_BODY = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_parameters: dict[tuple[type, str], frozenset[str]] = {}
_fields: dict[tuple[type, str], frozenset[str]] = {}


def check_query(request: Request, view: APIView) -> None:
    """Raises: CallerError for a parameter that is unknown here or given twice: two readers could differ."""
    given = request.query_params
    if not given:
        return
    for name, values in given.lists():
        if len(values) > 1:
            raise CallerError(Reason.INVALID_INPUT, f"{name[:40]!r} is given twice.")
    unknown = set(given) - known_parameters(type(view), (request.method or "GET").lower())
    if unknown:
        raise CallerError(Reason.INVALID_INPUT, f"{min(unknown)[:40]!r} is not known here.")


def check_body(request: Request, view: APIView) -> None:
    """Raises: ValidationError, field by field, for fields that this endpoint does not have."""
    if request.method not in _WITH_BODY:
        return
    known = known_fields(type(view), request.method.lower())
    body = request.data
    if not isinstance(body, Mapping):
        raise serializers.ValidationError("Send a JSON object.")
    if unknown := sorted(map(str, set(body) - known)):
        raise serializers.ValidationError(dict.fromkeys(unknown, "This field is not known here."))


def known_parameters(view: type[APIView], method: str) -> frozenset[str]:
    """Names of the query parameters of one operation, as its `extend_schema` declares them."""
    found = _parameters.get((view, method))
    if found is None:
        found = _parameters[view, method] = _declared_parameters(view, "get" if method == "head" else method)
    return found


def known_fields(view: type[APIView], method: str) -> frozenset[str]:
    """Names of the fields of one operation's body, likewise."""
    found = _fields.get((view, method))
    if found is None:
        found = _fields[view, method] = _declared_fields(view, method)
    return found


def _declared_parameters(view: type[APIView], method: str) -> frozenset[str]:
    names: set[str] = set(PAGING) if method == "get" and getattr(view, "pagination_class", None) else set()
    described = _described(view, method)
    if described is not None:
        for one in described.get_override_parameters():
            names |= _names_of(one)
    return frozenset(names)


def _declared_fields(view: type[APIView], method: str) -> frozenset[str]:
    described = _described(view, method)
    serializer = None if described is None else described.get_request_serializer()
    made = serializer() if isinstance(serializer, type) else serializer
    return frozenset(getattr(made, "fields", ()))


def _described(view: type[APIView], method: str) -> Any:
    """What `extend_schema` left at the method, made to answer for it; None where there is nothing."""
    kind = getattr(getattr(view, method, None), "kwargs", {}).get("schema")
    if kind is None:
        return None
    described = kind()
    described.view, described.method = view(), method.upper()
    described.view.request = None
    described.view.kwargs = {}
    return described


def _names_of(parameter: Any) -> set[str]:
    if hasattr(parameter, "location"):
        return {parameter.name} if parameter.location == "query" else set()
    serializer = parameter() if isinstance(parameter, type) else parameter
    return set(serializer.fields)
