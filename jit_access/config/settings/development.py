"""For one person at one machine. `dev.py up` makes the secrets; nothing here may serve others."""

from __future__ import annotations

from jit_access.config import env
from jit_access.config.settings.base import *  # noqa: F403  # settings modules extend one another by design
from jit_access.config.settings.base import INSTALLED_APPS, VAR_DIR

DEBUG = False
ENVIRONMENT = "development"
SECRET_KEY = env.text("JIT_SECRET_KEY")
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]", *env.words("JIT_ALLOWED_HOSTS")]
DATABASES = {"default": env.database("JIT_DATABASE_URL", f"sqlite:///{VAR_DIR / 'jit.sqlite3'}")}
KEY_FILE = env.text("JIT_KEY_FILE", str(VAR_DIR / "secrets" / "kek"))
PROXY_SECRET = env.text("JIT_PROXY_SECRET")
VIEW_KEY = env.secret_bytes("JIT_VIEW_KEY", length=32)
AUDIT_KEY_FILE = env.text("JIT_AUDIT_KEY_FILE", str(VAR_DIR / "secrets" / "audit.pem"))
EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
EMAIL_FILE_PATH = env.text("JIT_EMAIL_DIR", str(VAR_DIR / "mail"))
INSTALLED_APPS = ["jit_access.demo", *INSTALLED_APPS]
# The cast of the demo: whoever works with models may have their jobs act for them.
AGENT_OWNER_GROUPS = frozenset(env.words("JIT_AGENT_OWNER_GROUPS", "research,model-owners"))
