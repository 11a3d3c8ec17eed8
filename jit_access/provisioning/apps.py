from django.apps import AppConfig


class ProvisioningConfig(AppConfig):
    name = "jit_access.provisioning"
    label = "provisioning"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from jit_access.accounts import changes  # noqa: PLC0415  # models exist only now
        from jit_access.provisioning.people import forget_own_lock  # noqa: PLC0415  # models exist only now

        changes.register(forget_own_lock)
