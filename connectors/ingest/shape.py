"""Bounds the shape of an event: what no tracker sends, and what would cost all who read it later."""

from dataclasses import dataclass
from typing import Any, Final

from scorer.errors import EventError
from scorer.event import Event

MOST_ID_BYTES: Final = 500
"""Of an identity, which is also the record's key: e-mail addresses end at 254."""
MOST_NAMES: Final = 1_000
"""Of fields, at all depths: a CRM's contact alone has some hundreds."""
_SMALL: Final = 2_000
"""Bytes below which an event can't have so many names."""


@dataclass(frozen=True)
class Shape:
    """What an installation may set of it."""

    depth: int = 32
    """Levels of objects and lists, of which `properties`, `context` and `traits` are the first."""
    text_bytes: int = 8_192
    """Of one text."""


DEFAULT: Final = Shape()


def require_shape(event: Event, raw: bytes, shape: Shape = DEFAULT) -> None:
    """Raises EventError where an event has what none should; `raw` is its JSON."""
    for name, value in (("lead_id", event.lead_id), ("anonymous_id", event.anonymous_id)):
        if value is not None and _longer(value, MOST_ID_BYTES):
            raise EventError(f"{name}: longer than {MOST_ID_BYTES} bytes")
    if len(raw) < min(_SMALL, shape.text_bytes) and raw.count(b"{") + raw.count(b"[") <= shape.depth:
        return
    parts = {"properties": event.properties, "context": event.context}
    if event.type == "identify":
        parts["traits"] = event.trait_values()
    names = 0
    for part, whole in parts.items():
        level: list[Any] = [whole]
        depth = 0
        while level:
            names += sum(len(one) for one in level if isinstance(one, dict))
            if names > MOST_NAMES:
                raise EventError(f"{part}: more than {MOST_NAMES} fields in the event")
            if any(isinstance(one, str) and _longer(one, shape.text_bytes) for one in level):
                raise EventError(f"{part}: a text longer than {shape.text_bytes} bytes")
            inside = [one for one in level if isinstance(one, dict | list)]
            depth += bool(inside)
            if depth > shape.depth:
                raise EventError(f"{part}: nested more than {shape.depth} levels deep")
            level = [inner for one in inside for inner in (one.values() if isinstance(one, dict) else one)]


def _longer(text: str, most_bytes: int) -> bool:
    return len(text) > most_bytes or (len(text) * 4 > most_bytes and len(text.encode()) > most_bytes)
