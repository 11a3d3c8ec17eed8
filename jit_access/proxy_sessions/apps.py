from django.apps import AppConfig


class ProxySessionsConfig(AppConfig):
    name = "jit_access.proxy_sessions"
    label = "proxy_sessions"
    default_auto_field = "django.db.models.BigAutoField"
