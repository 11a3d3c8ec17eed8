from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "jit_access.accounts"
    label = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from jit_access.accounts import leaks  # noqa: PLC0415  # models exist only now

        leaks.register(leaks.end_api_tokens)
