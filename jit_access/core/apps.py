from importlib import import_module

from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "jit_access.core"
    label = "core"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        import_module("jit_access.core.checks")  # registers
