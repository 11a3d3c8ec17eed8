"""The web process's entry point."""

from __future__ import annotations

from django.conf import settings
from django.core.asgi import get_asgi_application

from jit_access.core.body_limit import BodyLimit

application = BodyLimit(get_asgi_application(), limit=settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
