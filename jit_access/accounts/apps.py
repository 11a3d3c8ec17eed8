from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "jit_access.accounts"
    label = "accounts"
    default_auto_field = "django.db.models.BigAutoField"
