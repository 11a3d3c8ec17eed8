from django.apps import AppConfig


class PolicyChangesConfig(AppConfig):
    name = "jit_access.policy_changes"
    label = "policy_changes"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from jit_access.policies import proposing  # noqa: PLC0415  # models exist only now
        from jit_access.policy_changes.console import take_loaded  # noqa: PLC0415  # models exist only now

        proposing.register(take_loaded)
