"""What `accounts` says to people, delivered: a message for each, and a loud one where the security team watches."""

from __future__ import annotations

from jit_access.accounts.news import Message
from jit_access.notifications.alerts import alert
from jit_access.notifications.services import tell


def deliver(message: Message) -> None:
    """Handler of `accounts.news`, in the transaction of the change."""
    if message.is_loud:
        alert(message.kind, subject=message.subject, text=message.text, path=message.path, dedupe_key=message.key)
    for person in message.people:
        tell(
            person,
            kind=message.kind,
            subject=message.subject,
            text=message.text,
            path=message.path,
            dedupe_key=message.key,
        )
