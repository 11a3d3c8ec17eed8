from django.apps import AppConfig


class WorkloadsConfig(AppConfig):
    name = "jit_access.workloads"
    label = "workloads"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from jit_access.accounts import changes  # noqa: PLC0415  # models exist only now
        from jit_access.workloads.ending import end_with_agent  # noqa: PLC0415  # models exist only now

        changes.register_end(end_with_agent)
