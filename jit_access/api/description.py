"""The API's own description, and the answer for every address that is not in it."""

from __future__ import annotations

from typing import Any

from drf_spectacular.views import SpectacularJSONAPIView
from rest_framework.exceptions import NotFound
from rest_framework.request import Request

from jit_access.api.endpoint import Endpoint


class DescriptionView(Endpoint, SpectacularJSONAPIView):
    """OpenAPI 3.1, for whoever has an account here."""

    permission_classes = Endpoint.permission_classes


class NowhereView(Endpoint):
    """Looks the same to everybody, whoever asks and however."""

    schema = None
    authentication_classes = ()
    permission_classes = ()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:  # noqa: ARG002  # the whole point
        self.format_kwarg = None
        request.accepted_renderer, request.accepted_media_type = self.get_renderers()[0], "application/json"
        raise NotFound
