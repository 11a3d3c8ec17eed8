from django.apps import AppConfig


class OAuthConfig(AppConfig):
    name = "jit_access.oauth"
    label = "oauth"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from jit_access.accounts import changes as account_changes  # noqa: PLC0415  # models exist only now
        from jit_access.accounts import leaks  # noqa: PLC0415  # models exist only now
        from jit_access.mfa import session_news  # noqa: PLC0415  # models exist only now
        from jit_access.oauth import endings  # noqa: PLC0415  # models exist only now
        from jit_access.oauth.token_exchange import end_with_trust  # noqa: PLC0415  # models exist only now
        from jit_access.workloads import changes as trust_changes  # noqa: PLC0415  # models exist only now

        account_changes.register(endings.end_with_account)
        account_changes.register_end(endings.end_all_of)
        leaks.register(endings.end_leaked)
        session_news.register_ended(endings.end_with_sessions)
        trust_changes.register(end_with_trust)
