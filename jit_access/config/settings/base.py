"""What every environment shares. Nothing here is secret and nothing here is lenient."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from csp.constants import NONCE, NONE, SELF  # noqa: F401  # the three words a policy of ours may use

from jit_access.config import env
from jit_access.core.logging import logging_settings
from jit_access.domain.agents import AgentState
from jit_access.domain.lifecycle import (
    CampaignState,
    EnvelopeState,
    GrantState,
    LeaseState,
    ProposalState,
    RequestState,
    TrustState,
)
from jit_access.domain.locks import LockAxis
from jit_access.domain.operations import Operation, Tier

BASE_DIR = Path(__file__).resolve().parents[3]
VAR_DIR = Path(env.text("JIT_VAR_DIR", str(BASE_DIR / "var")))

INSTALLED_APPS = [
    "jit_access.core",
    "jit_access.audit",
    "jit_access.accounts",
    "jit_access.targets",
    "jit_access.policies",
    "jit_access.locks",
    "jit_access.notifications",
    "jit_access.mfa",
    "jit_access.provisioning",
    "jit_access.workloads",
    "jit_access.single_sign_on",
    "jit_access.oauth",
    "jit_access.proxy_sessions",
    "jit_access.credentials",
    "jit_access.envelopes",  # before grants: when an account is lost, envelopes are locked before the grants under them
    "jit_access.grants",
    "jit_access.access_requests",
    "jit_access.policy_changes",
    "jit_access.slack",
    "jit_access.webhooks",
    "jit_access.access_reviews",
    "jit_access.api",
    "jit_access.web",
    "jit_access.accounts.admin_config.GatewayAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "axes",
    "csp",
    "django_htmx",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
]
MIDDLEWARE = [
    "jit_access.core.request_id.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "jit_access.core.zero_bytes.ZeroByteMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "jit_access.mfa.middleware.SecondFactorMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "jit_access.config.urls"
ASGI_APPLICATION = "jit_access.config.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS: list[dict[str, Any]] = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("username", "display_name", "email")},
    },
]
LOGIN_URL = "/sign-in"
LOGIN_REDIRECT_URL = "/"

# Per account in any spelling and network, or known device; `mfa.guessing` has the rest, and why.
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_CLIENT_IP_CALLABLE = "jit_access.mfa.guessing.counted_address"
AXES_RESET_ON_SUCCESS = True
# Tries during a lock-out do not lengthen it, or anybody could keep anybody out for ever.
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_ENABLE_ACCESS_FAILURE_LOG = False
AXES_DISABLE_ACCESS_LOG = True  # our own log has it, and cannot be edited
AXES_ENABLE_ADMIN = False  # nobody clears counters by hand
AXES_SENSITIVE_PARAMETERS = ["username", "password", "code", "csrfmiddlewaretoken", "next"]
AXES_VERBOSE = False

# NIST SP 800-63B-4 AAL2: again after 12 h, or 30 min of silence.
SESSION_ABSOLUTE_S = 12 * 3600
SESSION_IDLE_S = 30 * 60
SESSION_ENGINE = "jit_access.mfa.session_store"
SESSION_COOKIE_AGE = SESSION_ABSOLUTE_S
# A token of the command line: at most so long, and never longer after the proof than a session.
ACCESS_TOKEN_LONGEST_S = min(env.whole("JIT_ACCESS_TOKEN_S", SESSION_ABSOLUTE_S), SESSION_ABSOLUTE_S)
# Signing in with a code from a device without a browser: whoever can be talked into typing it is signed in there.
OAUTH_DEVICE_GRANT = env.flag("JIT_DEVICE_SIGN_IN", default=False)
DEVICE_COOKIE_NAME = "device"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "jit_access.web.views.errors.csrf_failure"

LANGUAGE_CODE = "en"
USE_I18N = False
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATA_UPLOAD_MAX_MEMORY_SIZE = 4 * 1024 * 1024
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
# Not "no-referrer": browsers then send `Origin: null` with every form, and no form of ours would pass its own check.
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "object-src": [NONE],
    }
}

REST_FRAMEWORK = {
    "DEFAULT_SCHEMA_CLASS": "jit_access.api.auto_schema.DeclaredSchema",
    "EXCEPTION_HANDLER": "jit_access.api.errors.handle_exception",
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "jit_access.api.authentication.TokenAuthentication",
        "jit_access.api.authentication.ProvedSessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["jit_access.api.parsing.StrictJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "jit_access.api.pagination.NewestFirst",
    "DEFAULT_THROTTLE_CLASSES": ["jit_access.api.throttling.PerCaller"],
    "UNAUTHENTICATED_TOKEN": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Just-in-time access gateway",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "jit_access.api.problem_schema.add_problems",
        "jit_access.api.shared_schema.add_what_all_have",
    ],
    # Several fields are called state; each kind of state keeps its own name in the schema.
    "ENUM_NAME_OVERRIDES": {
        "RequestStateEnum": [str(word) for word in RequestState],
        "GrantStateEnum": [str(word) for word in GrantState],
        "LeaseStateEnum": [str(word) for word in LeaseState],
        "ProposalStateEnum": [str(word) for word in ProposalState],
        "IssuerKindEnum": ["github-actions", "gitlab", "kubernetes-jwks", "kubernetes-tokenreview", "oidc"],
        "TrustStateEnum": [str(word) for word in TrustState],
        "EnvelopeStateEnum": [str(word) for word in EnvelopeState],
        "CampaignStateEnum": [str(word) for word in CampaignState],
        "AgentStateEnum": [str(word) for word in AgentState],
        "OperationEnum": [str(word) for word in Operation],
        "TierEnum": [str(word) for word in Tier],
        "LockAxisEnum": [str(word) for word in LockAxis],
    },
}

REDIS_URL = env.text("JIT_REDIS_URL", "redis://127.0.0.1:6379/0")
CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1)
# Measured: without both late acks and reject-on-lost, a killed worker loses its task.
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_TIME_LIMIT = 120
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ROUTES = {"jit_access.grants.tasks.*": {"queue": "revocation"}}
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 300,
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
    "unacked_restore_interval": 15,
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True

PUBLIC_URL = env.origin("JIT_PUBLIC_URL", "http://localhost:8000")
GATEWAY_URL = env.origin("JIT_GATEWAY_URL", "http://127.0.0.1:8080")
GATEWAY_TLS_URL = env.origin("JIT_GATEWAY_TLS_URL", "")
# A change of policy counts when a second person signed it. Production always asks for that.
POLICY_TWO_PERSON = env.flag("JIT_POLICY_TWO_PERSON", default=False)
POLICY_DIR = Path(env.text("JIT_POLICY_DIR", str(BASE_DIR / "jit_access" / "policies" / "example")))
AUDIT_WITNESS_FILE = env.text("JIT_AUDIT_WITNESS_FILE", "")
# Between asking for somebody's reset and confirming it: time for the owner to object.
FACTOR_RESET_DELAY_S = env.whole("JIT_RESET_DELAY_S", 900)
# Whose members are named here and nowhere else: no identity provider and no directory adds to them.
PROTECTED_GROUPS = frozenset(env.words("JIT_PROTECTED_GROUPS", "security,auditors,operators"))
# Whose members may own service accounts. Nobody, until operators say so.
AGENT_OWNER_GROUPS = frozenset(env.words("JIT_AGENT_OWNER_GROUPS"))
AGENTS_PER_PERSON = env.whole("JIT_AGENTS_PER_PERSON", 10)
LOG_LEVEL = env.one_of("JIT_LOG_LEVEL", frozenset({"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"}), "INFO")
LOGGING = logging_settings(level=LOG_LEVEL, renderer="text")
EMAIL_TIMEOUT = 10
# All of the first four, or none: then Slack is off.
SLACK_TEAM_ID, SLACK_APP_ID, SLACK_BOT_TOKEN, SLACK_SIGNING_SECRET = env.together(
    "JIT_SLACK_TEAM_ID", "JIT_SLACK_APP_ID", "JIT_SLACK_BOT_TOKEN", "JIT_SLACK_SIGNING_SECRET"
)
SLACK_BASE_URL = env.base_url("JIT_SLACK_BASE_URL", "https://slack.com/api/")
SLACK_SECURITY_CHANNEL = env.text("JIT_SLACK_SECURITY_CHANNEL", "")
# Whether webhooks of agents may lead to private addresses. Metadata services never.
WEBHOOKS_MAY_BE_PRIVATE = env.flag("JIT_WEBHOOKS_MAY_BE_PRIVATE", default=False)
DEFAULT_FROM_EMAIL = env.text("JIT_MAIL_FROM", "access@localhost")

ANSWER_WITHIN_S = 24 * 3600
START_WITHIN_S = 24 * 3600
# A rule may say less, never more.
BREAK_GLASS_LONGEST_S = 1800
BREAK_GLASS_A_DAY = 2
BREAK_GLASS_REVIEW_WITHIN_S = 24 * 3600
NOT_BEFORE_WITHIN_S = 14 * 24 * 3600  # how far away a start may be asked for
LEASE_OVERLAP_S = 600
LEASE_ROTATE_AFTER_S = 3600
