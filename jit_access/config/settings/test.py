"""For the suite: real parts, throw-away secrets made for this run."""

from __future__ import annotations

import os
import secrets
import tempfile

from jit_access.config import env
from jit_access.config.settings.base import *  # noqa: F403  # settings modules extend one another by design
from jit_access.config.settings.base import INSTALLED_APPS

_TEMP = tempfile.mkdtemp(prefix="jit-test-")

DEBUG = False
ENVIRONMENT = "test"
LOGGING_CONFIG = None  # pytest collects what is logged
SECRET_KEY = secrets.token_urlsafe(48)
ALLOWED_HOSTS = ["*"]
DATABASES = {"default": env.database("JIT_DATABASE_URL", f"sqlite:///{_TEMP}/jit.sqlite3")}
if "sqlite" in DATABASES["default"]["ENGINE"]:
    DATABASES["default"]["TEST"] = {"NAME": f"{_TEMP}/test-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}.sqlite3"}
else:
    DATABASES["default"]["OPTIONS"].pop("pool", None)  # a test database is dropped, and open pools would block that
KEY_FILE = os.environ.get("JIT_KEY_FILE", f"{_TEMP}/kek")
PROXY_SECRET = os.environ.get("JIT_PROXY_SECRET", secrets.token_urlsafe(32))
VIEW_KEY = bytes.fromhex(os.environ.get("JIT_VIEW_KEY", secrets.token_hex(32)))
AUDIT_KEY_FILE = os.environ.get("JIT_AUDIT_KEY_FILE", f"{_TEMP}/audit.pem")
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # speed only; nothing tested depends on it
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
INSTALLED_APPS = ["jit_access.demo", *INSTALLED_APPS]
AGENT_OWNER_GROUPS = frozenset({"research", "model-owners"})
CELERY_TASK_ALWAYS_EAGER = False
WHITENOISE_AUTOREFRESH = True  # nothing is collected for a run, and its warning would be an error
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
