from django.apps import AppConfig


class EnvelopesConfig(AppConfig):
    name = "jit_access.envelopes"
    label = "envelopes"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from jit_access.accounts import changes  # noqa: PLC0415  # models exist only now
        from jit_access.envelopes.services import ending  # noqa: PLC0415  # models exist only now
        from jit_access.envelopes.standing import agreed_in_envelope  # noqa: PLC0415  # models exist only now
        from jit_access.grants import agreed_beforehand  # noqa: PLC0415  # models exist only now
        from jit_access.workloads import changes as workload_changes  # noqa: PLC0415  # models exist only now

        changes.register(ending.suspend_envelopes_of)
        changes.register_end(ending.stop_envelopes_of)
        workload_changes.register(ending.end_with_trust)
        agreed_beforehand.register(agreed_in_envelope)
