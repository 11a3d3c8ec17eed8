"""Addresses of locks."""

from __future__ import annotations

from django.urls import path

from jit_access.api import locks

urlpatterns = [
    path("locks", locks.LocksView.as_view(), name="locks"),
    path("locks/preview", locks.LockPreviewView.as_view(), name="lock-preview"),
    path("locks/<str:public_id>", locks.LockView.as_view(), name="lock"),
    path("locks/<str:public_id>/lift", locks.LiftView.as_view(), name="lock-lift"),
]
