"""What may stand behind the question mark: the parameters that the description names, each once, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jit_access.domain.errors import CallerError
from jit_access.domain.reasons import Reason

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.views import APIView

PAGING = frozenset({"cursor", "page_size"})
_known: dict[tuple[type, str], frozenset[str]] = {}


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


def known_parameters(view: type[APIView], method: str) -> frozenset[str]:
    """Names of the query parameters of one operation, as its `extend_schema` declares them."""
    found = _known.get((view, method))
    if found is None:
        found = _known[view, method] = _declared(view, method)
    return found


def _declared(view: type[APIView], method: str) -> frozenset[str]:
    method = "get" if method == "head" else method
    names: set[str] = set(PAGING) if method == "get" and getattr(view, "pagination_class", None) else set()
    kind = getattr(getattr(view, method, None), "kwargs", {}).get("schema")
    if kind is None:
        return frozenset(names)
    described = kind()
    described.view, described.method = view(), method.upper()
    described.view.request = None
    described.view.kwargs = {}
    for one in described.get_override_parameters():
        names |= _names_of(one)
    return frozenset(names)


def _names_of(parameter: Any) -> set[str]:
    if hasattr(parameter, "location"):
        return {parameter.name} if parameter.location == "query" else set()
    serializer = parameter() if isinstance(parameter, type) else parameter
    return set(serializer.fields)
