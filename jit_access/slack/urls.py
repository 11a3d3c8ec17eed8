"""Where Slack reaches us. Both are the same door; Slack asks for two addresses."""

from __future__ import annotations

from django.urls import path

from jit_access.slack import views

app_name = "slack"
urlpatterns = [
    path("interactions", views.receive, name="interactions"),
    path("commands", views.receive, name="commands"),
]
