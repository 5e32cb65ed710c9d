"""Says to which channels and destinations an alert goes."""

from dataclasses import dataclass

from connectors.notify.alert import Alert
from connectors.notify.channels import Channels, Console, Destination


@dataclass(frozen=True)
class Delivery:
    """One alert to one destination, or to none where its channel is not in the file."""

    channel: str
    destination: Destination | None


def route(alert: Alert, channels: Channels | None) -> list[Delivery]:
    """The deliveries of an alert, each destination once.

    `alert: NAME` goes to the channel NAME; `nurture`, `task` and `assign` to the channel of the verb's own
    name, if there is one. With no file (None) all are one line on the console.
    """
    if channels is None:
        return [Delivery("console", Console())] if alert.do else []
    found: dict[Destination, Delivery] = {}
    missing = []
    for verb, name in alert.actions:
        channel = name if verb == "alert" else verb
        if channel in channels:
            for destination in channels[channel]:
                found.setdefault(destination, Delivery(channel, destination))
        elif verb == "alert":
            missing.append(Delivery(channel, None))
    return [*found.values(), *dict.fromkeys(missing)]
