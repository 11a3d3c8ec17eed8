from django.apps import AppConfig


class SlackConfig(AppConfig):
    name = "jit_access.slack"
    label = "slack"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from jit_access.access_requests import changes  # noqa: PLC0415  # models exist only now
        from jit_access.notifications import alerts  # noqa: PLC0415  # models exist only now
        from jit_access.slack import following  # noqa: PLC0415  # models exist only now

        changes.register(following.follow_request)
        alerts.register(following.follow_alert)
