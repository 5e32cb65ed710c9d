"""What became of one alert at one destination: a row of `leadheat.deliveries`."""

import hashlib
from typing import Final, Literal

import msgspec

from scorer.times import Micros, format_time, parse_time

State = Literal["waiting", "held", "retrying", "delivered", "parked", "withdrawn"]
"""To be sent at once; to be sent when its hours open; to be tried again; and what may come in the end."""
_NONE: Final = msgspec.Raw(b"null")
OPEN: Final = frozenset({"waiting", "held", "retrying"})
"""Something is left to do."""


class Delivery(msgspec.Struct, frozen=True, omit_defaults=True):
    """A row. Moments are RFC 3339; the alert is held while it is still to be delivered."""

    id: str
    """The alert's."""
    state: State
    channel: str
    destination: str
    """Its label, which holds no secret."""
    lead: str
    play: str
    at: str
    """Of the alert."""
    changed: str
    """Since when it is in this state."""
    since: str
    """From when on it was to be delivered."""
    offset: int = 0
    """Of the alert's record: a lead's alerts are delivered in this order."""
    attempts: int = 0
    due: str | None = None
    error: str | None = None
    """Of the last attempt."""
    expired: bool = False
    """Delivered after it was of use, as the message said."""
    withdraws: str | None = None
    """The alert that this one takes back."""
    alert: msgspec.Raw = _NONE

    @property
    def due_at(self) -> Micros:
        """When to try it next."""
        return parse_time(self.due or self.since)

    @property
    def is_open(self) -> bool:
        """Whether something is left to do."""
        return self.state in OPEN

    def tried_again(self, due: Micros, error: str, now: Micros) -> "Delivery":
        """After an attempt that another one follows."""
        return msgspec.structs.replace(
            self,
            state="retrying",
            attempts=self.attempts + 1,
            due=format_time(due),
            error=error,
            changed=format_time(now),
        )

    def ended(
        self,
        state: State,
        now: Micros,
        error: str | None = None,
        *,
        tried: bool = True,
        expired: bool = False,
    ) -> "Delivery":
        """When nothing is left to do."""
        return msgspec.structs.replace(
            self,
            state=state,
            attempts=self.attempts + tried,
            due=None,
            error=error,
            expired=expired,
            alert=_NONE,
            changed=format_time(now),
        )


class Brief(msgspec.Struct, frozen=True):
    """What a look through many rows needs of each."""

    state: State
    lead: str
    changed: str


dump: Final = msgspec.json.Encoder().encode
load: Final = msgspec.json.Decoder(Delivery).decode
load_brief: Final = msgspec.json.Decoder(Brief).decode


def key_of(alert_id: str, channel: str, destination: str) -> str:
    """The row's key: the same alert, channel and destination give the same one.

    >>> key_of("a", "sales", "console") == key_of("a", "sales", "console") != key_of("a", "b", "console")
    True
    """
    return hashlib.sha256("\n".join((alert_id, channel, destination)).encode()).hexdigest()
