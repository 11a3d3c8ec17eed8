from django.apps import AppConfig


class MFAConfig(AppConfig):
    name = "jit_access.mfa"
    label = "mfa"
    default_auto_field = "django.db.models.BigAutoField"
