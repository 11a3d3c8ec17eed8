"""E-mail: plain text first, the same words as HTML in one column, one link with its host written out.

No images, no tracking, nothing that decides when it is opened, and never a secret or a code.
"""

from __future__ import annotations

import smtplib
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from jit_access.domain.errors import PeerError
from jit_access.domain.reasons import Reason
from jit_access.notifications.models import Notification


class MailChannel:
    """Sends through Django's mail backend. People without an address read their messages in the pages."""

    name = "mail"

    def deliver(self, notification: Notification) -> None:
        user = notification.user
        if not user.email or not user.is_active:
            return
        try:
            compose(notification).send()
        except smtplib.SMTPRecipientsRefused as exc:
            raise PeerError(Reason.UPSTREAM_AWAY, "The mail server refused the address.", retryable=False) from exc
        except (smtplib.SMTPException, OSError) as exc:
            raise PeerError(Reason.UPSTREAM_AWAY, "The mail server did not take the message.", retryable=True) from exc


def compose(notification: Notification) -> EmailMultiAlternatives:
    """The message as it is sent."""
    context = {
        "subject": notification.subject,
        "paragraphs": [line for line in notification.text.splitlines() if line.strip()],
        "link": f"{settings.PUBLIC_URL}{notification.path}" if notification.path else "",
        "host": urlsplit(settings.PUBLIC_URL).netloc,
        "name": notification.user.display_name,
    }
    message = EmailMultiAlternatives(
        subject=notification.subject,
        body=render_to_string("notifications/mail.txt", context),
        to=[notification.user.email],
        # Answers by machines (out of office) must not start a conversation with us. Source: RFC 3834.
        headers={"Auto-Submitted": "auto-generated"},
    )
    message.attach_alternative(render_to_string("notifications/mail.html", context), "text/html")
    return message
