from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    name = "jit_access.webhooks"
    label = "webhooks"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from jit_access.access_requests import changes  # noqa: PLC0415  # models exist only now
        from jit_access.grants import changes as grant_changes  # noqa: PLC0415  # models exist only now
        from jit_access.webhooks import following  # noqa: PLC0415  # models exist only now

        changes.register(following.follow_request)
        grant_changes.register(following.follow_grant)
