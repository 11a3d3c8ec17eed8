from django.apps import AppConfig


class MFAConfig(AppConfig):
    name = "jit_access.mfa"
    label = "mfa"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django.contrib.auth.signals import user_logged_in  # noqa: PLC0415  # models exist only now

        from jit_access.mfa.sessions import note_login  # noqa: PLC0415  # models exist only now

        user_logged_in.connect(note_login, dispatch_uid="mfa.note_login")
