from django.apps import AppConfig


class SingleSignOnConfig(AppConfig):
    name = "jit_access.single_sign_on"
    label = "single_sign_on"
    default_auto_field = "django.db.models.BigAutoField"
