from django.apps import AppConfig


class AccessRequestsConfig(AppConfig):
    name = "jit_access.access_requests"
    label = "access_requests"
    default_auto_field = "django.db.models.BigAutoField"
