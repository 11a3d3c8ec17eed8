from django.apps import AppConfig


class AccessRequestsConfig(AppConfig):
    name = "jit_access.access_requests"
    label = "access_requests"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from jit_access.access_requests import changes as request_changes  # noqa: PLC0415  # models exist only now
        from jit_access.access_requests import reminding  # noqa: PLC0415  # models exist only now
        from jit_access.access_requests.recorded import recorded_requests  # noqa: PLC0415  # models exist only now
        from jit_access.access_requests.services import expiring, voiding  # noqa: PLC0415  # models exist only now
        from jit_access.access_requests.services.ending_with_account import end_requests_of  # noqa: PLC0415  # as above
        from jit_access.accounts import changes  # noqa: PLC0415  # models exist only now
        from jit_access.policies import recorded  # noqa: PLC0415  # models exist only now

        changes.register(expiring.invalidate_requests_of)
        changes.register(voiding.void_verdicts_of)
        changes.register_end(end_requests_of)
        recorded.register(recorded_requests)
        request_changes.register(reminding.follow)
