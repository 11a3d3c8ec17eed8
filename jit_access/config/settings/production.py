"""For real use: PostgreSQL, TLS in front, every secret given from outside. Nothing has a default that opens."""

from __future__ import annotations

from django.core.exceptions import ImproperlyConfigured

from jit_access.config import env
from jit_access.config.settings.base import *  # noqa: F403  # settings modules extend one another by design
from jit_access.config.settings.base import LOG_LEVEL
from jit_access.core.logging import logging_settings

DEBUG = False
LOGGING = logging_settings(level=LOG_LEVEL, renderer="json")
ENVIRONMENT = "production"
SECRET_KEY = env.text("JIT_SECRET_KEY")
ALLOWED_HOSTS = env.words("JIT_ALLOWED_HOSTS")
PUBLIC_URL = env.origin("JIT_PUBLIC_URL", "", needs_tls=True)
if not PUBLIC_URL:
    raise ImproperlyConfigured("JIT_PUBLIC_URL is not set.")
SLACK_BASE_URL = env.base_url("JIT_SLACK_BASE_URL", "https://slack.com/api/", needs_tls=True)
DATABASES = {"default": env.database("JIT_DATABASE_URL")}
if "sqlite" in DATABASES["default"]["ENGINE"]:
    raise ImproperlyConfigured("JIT_DATABASE_URL must be PostgreSQL in production: SQLite hides lost updates.")
KEY_FILE = env.text("JIT_KEY_FILE")
PROXY_SECRET = env.text("JIT_PROXY_SECRET")
VIEW_KEY = env.secret_bytes("JIT_VIEW_KEY", length=32)
AUDIT_KEY_FILE = env.text("JIT_AUDIT_KEY_FILE")

POLICY_TWO_PERSON = True

SECURE_SSL_REDIRECT = env.flag("JIT_SSL_REDIRECT", default=True)
# Probes come to the pod itself, without TLS. A proxy has sent its secret before it could read a redirect, so one would
# protect nothing: where the network between them is not private, JIT_CONTROL_URL is https.
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^internal/v1/"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.flag("JIT_BEHIND_PROXY", default=False) else None
SECURE_HSTS_SECONDS = 63_072_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = True
SESSION_COOKIE_NAME = "__Host-session"
DEVICE_COOKIE_NAME = "__Host-device"
CSRF_COOKIE_SECURE = True
CSRF_COOKIE_NAME = "__Host-csrf"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
EMAIL_HOST = env.text("JIT_SMTP_HOST", "localhost")
EMAIL_PORT = env.whole("JIT_SMTP_PORT", 25)
EMAIL_HOST_USER = env.text("JIT_SMTP_USER", "")
EMAIL_HOST_PASSWORD = env.text("JIT_SMTP_PASSWORD", "")
EMAIL_USE_TLS = env.flag("JIT_SMTP_TLS", default=True)
