"""No text of ours holds a zero byte, and PostgreSQL takes none: whoever sends one is refused before anything is asked.

Otherwise each look-up by something that a stranger typed, a cookie included, would be an error of ours.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain

from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse

_NUL = "\x00"
_WITHOUT_FORMS = ("/api/", "/internal/")  # what is read here is gone for a view that reads the body by itself
_FORMS = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})


class ZeroByteMiddleware:
    """Answers 400. Bodies in JSON are for the serializers, which refuse it field by field."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if _has_one(request):
            raise SuspiciousOperation("a zero byte in the address, a cookie or a form")
        return self.get_response(request)


def _has_one(request: HttpRequest) -> bool:
    if _NUL in request.path_info or any(_NUL in value for value in request.COOKIES.values()):
        return True
    is_form = request.content_type in _FORMS and not request.path_info.startswith(_WITHOUT_FORMS)
    sent = [request.GET, request.POST] if is_form else [request.GET]
    return any(
        _NUL in text for name, values in chain.from_iterable(one.lists() for one in sent) for text in (name, *values)
    )
