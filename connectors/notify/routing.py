"""Says to which channels and destinations an alert goes."""

from dataclasses import dataclass
from typing import Final

from connectors.notify.alert import Alert
from connectors.notify.channels import OWNER, Channels, Console, Destination, Owner

_NAMED: Final = ("alert", "webhook")
"""Verbs whose object is a channel."""


@dataclass(frozen=True)
class Delivery:
    """One alert to one destination, or to none where its channel is not in the file."""

    channel: str
    destination: Destination | None


def route(alert: Alert, channels: Channels | None) -> list[Delivery]:
    """The deliveries of an alert, each destination once.

    `alert: NAME` and `webhook: NAME` go to the channel NAME, `alert: owner` to whoever has the lead; any
    other verb to the channel of its own name, if there is one. With no file (None) all is one line on the
    console.
    """
    if channels is None:
        return [Delivery("console", Console())] if alert.do else []
    found: dict[Destination, Delivery] = {}
    missing = []
    for verb, name in alert.actions:
        channel = str(name) if verb in _NAMED else verb
        if verb == "alert" and channel == OWNER:
            found.setdefault(Owner(), Delivery(OWNER, Owner()))
        elif channel in channels:
            for destination in channels[channel]:
                found.setdefault(destination, Delivery(channel, destination))
        elif verb in _NAMED:
            missing.append(Delivery(channel, None))
    return [*found.values(), *dict.fromkeys(missing)]
