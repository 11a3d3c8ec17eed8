from django.apps import AppConfig


class GrantsConfig(AppConfig):
    name = "jit_access.grants"
    label = "grants"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from jit_access.accounts import changes as account_changes  # noqa: PLC0415  # models exist only now
        from jit_access.accounts import leaks  # noqa: PLC0415  # models exist only now
        from jit_access.grants.recorded import open_grants  # noqa: PLC0415  # models exist only now
        from jit_access.grants.services import reevaluation, signing_out  # noqa: PLC0415  # models exist only now
        from jit_access.grants.services.leaking import end_leaked_leases  # noqa: PLC0415  # models exist only now
        from jit_access.grants.services.locking import apply_lock  # noqa: PLC0415  # models exist only now
        from jit_access.locks import changes as lock_changes  # noqa: PLC0415  # models exist only now
        from jit_access.mfa import session_news  # noqa: PLC0415  # models exist only now
        from jit_access.policies import changes as policy_changes  # noqa: PLC0415  # models exist only now
        from jit_access.policies import recorded  # noqa: PLC0415  # models exist only now
        from jit_access.targets import changes as target_changes  # noqa: PLC0415  # models exist only now

        account_changes.register(reevaluation.reevaluate_subject)
        account_changes.register_end(reevaluation.end_all_of)
        leaks.register(end_leaked_leases)
        lock_changes.register(apply_lock)
        session_news.register(signing_out.end_with_sessions)
        policy_changes.register(reevaluation.reevaluate_all)
        target_changes.register_tier(reevaluation.reevaluate_target)
        recorded.register(open_grants)
