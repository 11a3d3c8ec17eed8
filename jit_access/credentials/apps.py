from django.apps import AppConfig


class CredentialsConfig(AppConfig):
    name = "jit_access.credentials"
    label = "credentials"
    default_auto_field = "django.db.models.BigAutoField"
