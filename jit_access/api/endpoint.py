"""What every endpoint of the API has without asking for it.

Strict query parameters, counts in the headers, one answer per Idempotency-Key, ETags where there are states. An
endpoint derives from `Endpoint` and writes `get`, `post`, …; tests/api/test_endpoints.py finds those that do not.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, ClassVar

from django.db import InterfaceError, OperationalError
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from jit_access.accounts.models import User
from jit_access.api import idempotency, throttling
from jit_access.api.declared import check_body, check_query
from jit_access.api.models import KeyedAnswer
from jit_access.api.stateful import add_etag, holding_match

logger = logging.getLogger(__name__)


class Endpoint(APIView):
    """A view of DRF with the rules of this house."""

    # The services behind it know the key themselves, so that a run of unknown end may be run again.
    is_key_known_below: ClassVar[bool] = False

    _claimed: KeyedAnswer | None = None
    _replay: Response | None = None
    _match: AbstractContextManager[None] = nullcontext()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if not hasattr(self, (request.method or "").lower()):
            raise MethodNotAllowed(str(request.method))
        check_query(request, self)
        check_body(request, self)
        key = idempotency.key_of(request)
        if key and request.method == "POST" and isinstance(request.user, User):
            found = idempotency.begin(request.user, key, request, is_known_below=self.is_key_known_below)
            if isinstance(found, Response):
                self._replay = found
            else:
                self._claimed = found
        if self._replay is None:
            self._match = holding_match(request, kwargs)

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """As DRF's, with the answer from before in the handler's place where there is one."""
        self.args, self.kwargs = args, kwargs
        wrapped = self.initialize_request(request, *args, **kwargs)
        self.request, self.headers = wrapped, self.default_response_headers
        try:
            self.initial(wrapped, *args, **kwargs)
            answer = self._replay
            if answer is None:
                with self._match:
                    answer = getattr(self, str(wrapped.method).lower())(wrapped, *args, **kwargs)
            answer = add_etag(wrapped, answer)
        except Exception as exc:  # noqa: BLE001  # as DRF's own: its handler answers every failure, or raises it
            answer = self.handle_exception(exc)
        self._keep(answer)
        self.response = self.finalize_response(wrapped, answer, *args, **kwargs)
        return self.response

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        found = super().finalize_response(request, response, *args, **kwargs)
        for name, value in throttling.headers_of(getattr(request._request, "rate_counts", ())).items():
            found[name] = value
        return found

    def handle_exception(self, exc: Exception) -> Response:
        """Who cannot say who they are is counted by their network."""
        answer: Response = super().handle_exception(exc)
        counts = getattr(self.request._request, "rate_counts", None)
        if answer.status_code == 401 and counts is None:
            count = throttling.count_stranger(self.request)
            self.request._request.rate_counts = (count,)  # type: ignore[attr-defined]  # what the headers are made of
            if count.is_over:
                return super().handle_exception(throttling.too_many(count))
        return answer

    def page(self, request: Request, rows: Any, describe: Callable[[Any], object]) -> Response:
        """One page of a list, each row as `describe` shows it. The view names its `pagination_class`."""
        pages = self.pagination_class()  # type: ignore[attr-defined]  # set by each view that has a list
        found = pages.paginate_queryset(rows, request, view=self) or []
        answer: Response = pages.get_paginated_response([describe(row) for row in found])
        return answer

    def _keep(self, answer: Response) -> None:
        if self._claimed is None:
            return
        try:
            idempotency.finish(self._claimed, answer)
        except (OperationalError, InterfaceError):
            # The work is done or refused, and that is what the client hears; its key stays unknown.
            logger.exception("an outcome was not kept")
