from django.apps import AppConfig


class ProxySessionsConfig(AppConfig):
    name = "jit_access.proxy_sessions"
    label = "proxy_sessions"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from jit_access.proxy_sessions.services import announce_targets  # noqa: PLC0415  # models exist only now
        from jit_access.targets import changes  # noqa: PLC0415  # models exist only now

        changes.register(announce_targets)
