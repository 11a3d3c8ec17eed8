"""Is this process alive, and can it do its work?"""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse


def alive(_request: HttpRequest) -> JsonResponse:
    """The process answers. Asks nobody else."""
    return JsonResponse({"status": "alive"})


def ready(_request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ready"})
