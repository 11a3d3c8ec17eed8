"""The ways a message can leave the house. A room above (chat, say) registers its own in `AppConfig.ready`."""

from __future__ import annotations

from typing import Protocol

from jit_access.notifications.models import Notification


class Channel(Protocol):
    """One way out. Delivery may happen twice; it must never happen to somebody else."""

    @property
    def name(self) -> str: ...

    def deliver(self, notification: Notification) -> None:
        """Hand over one message. Raises: PeerError, `retryable` when trying again can help."""
        ...


_channels: dict[str, Channel] = {}


def register(channel: Channel) -> None:
    """Use this channel from now on. The same name replaces the earlier one."""
    _channels[channel.name] = channel


def unregister(name: str) -> None:
    """Stop using a channel."""
    _channels.pop(name, None)


def registered() -> tuple[Channel, ...]:
    """Every channel, in the order of registration."""
    return tuple(_channels.values())
