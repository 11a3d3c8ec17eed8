from django.apps import AppConfig


class AccessReviewsConfig(AppConfig):
    name = "jit_access.access_reviews"
    label = "access_reviews"
    default_auto_field = "django.db.models.BigAutoField"
