"""Bounds the shape of an event: what no tracker sends, and what would cost all who read it later."""

from typing import Any, Final

from scorer.errors import EventError
from scorer.event import Event

MOST_ID_BYTES: Final = 500
"""Of an identity, which is also the record's key: e-mail addresses end at 254."""
MOST_NAMES: Final = 1_000
"""Of fields, at all depths."""
MOST_TEXT: Final = 16_000
"""Characters of one text: half of an event."""
_SMALL: Final = 2_000
"""Bytes below which an event can have neither so many names nor so long a text."""


def require_shape(event: Event, size: int) -> None:
    """Raises EventError where an event has what none should; `size` is that of its JSON in bytes."""
    for name, value in (("lead_id", event.lead_id), ("anonymous_id", event.anonymous_id)):
        if value is not None and len(value) * 4 > MOST_ID_BYTES and len(value.encode()) > MOST_ID_BYTES:
            raise EventError(f"{name}: longer than {MOST_ID_BYTES} bytes")
    if size < _SMALL:
        return
    parts = {"properties": event.properties, "context": event.context}
    if event.type == "identify":
        parts["traits"] = event.trait_values()
    names = 0
    for part, whole in parts.items():
        level: list[Any] = [whole]
        while level:
            names += sum(len(one) for one in level if isinstance(one, dict))
            if names > MOST_NAMES:
                raise EventError(f"{part}: more than {MOST_NAMES} fields in the event")
            if any(isinstance(one, str) and len(one) > MOST_TEXT for one in level):
                raise EventError(f"{part}: a text longer than {MOST_TEXT} characters")
            level = [
                inner
                for one in level
                if isinstance(one, dict | list)
                for inner in (one.values() if isinstance(one, dict) else one)
            ]
