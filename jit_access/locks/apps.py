from django.apps import AppConfig


class LocksConfig(AppConfig):
    name = "jit_access.locks"
    label = "locks"
    default_auto_field = "django.db.models.BigAutoField"
