"""Opens the cache, where one is wanted. Off unless a folder is named."""

from __future__ import annotations

import logging

from registry_proxy.blob_cache import BlobCache
from registry_proxy.settings import Settings

_log = logging.getLogger(__name__)


def open_cache(settings: Settings) -> BlobCache | None:
    """None when there is none, and when its folder cannot be used: the registry has everything."""
    if settings.cache_dir is None:
        return None
    limits = settings.limits
    try:
        return BlobCache(settings.cache_dir, limits.cache_bytes, limits.cache_proof_s)
    except OSError as exc:
        _log.error("nothing is kept: the cache's folder cannot be used: %s", exc.strerror)
        return None
