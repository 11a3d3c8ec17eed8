"""Addresses of the activity."""

from __future__ import annotations

from django.urls import path

from jit_access.api import activity

urlpatterns = [
    path("activity", activity.ActivityView.as_view(), name="activity"),
    path("activity/log", activity.LogView.as_view(), name="activity-log"),
    path("activity/<str:record_id>", activity.ActivityRecordView.as_view(), name="activity-record"),
    path("activity/<str:record_id>/proof", activity.ActivityProofView.as_view(), name="activity-proof"),
]
