from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "jit_access.notifications"
    label = "notifications"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from jit_access.accounts import news  # noqa: PLC0415  # models exist only now
        from jit_access.notifications import channels  # noqa: PLC0415  # models exist only now
        from jit_access.notifications.account_news import deliver  # noqa: PLC0415  # models exist only now
        from jit_access.notifications.mail import MailChannel  # noqa: PLC0415  # models exist only now

        channels.register(MailChannel())
        news.register(deliver)
