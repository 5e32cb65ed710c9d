"""The product's shard with a criterion that fails on one in a hundred of some events, until it is mended."""

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from scorer.event import Event
from scorer.lead_scoring import LeadScoring
from scorer.shard import Shard

ONE_IN: Final = 100


def fails_on(event_id: str, event_type: str) -> bool:
    """Whether the bug meets an event: of the crowd only, which comes near no tier."""
    return event_type == "page_time" and zlib.crc32(event_id.encode()) % ONE_IN == 0


class _Buggy(LeadScoring):
    """Divides by zero, once a lead is half changed."""

    def apply(self, key: bytes, resident: Any, event: Event, event_id: str, *more: Any) -> str:
        result = super().apply(key, resident, event, event_id, *more)
        if fails_on(event_id, event.type):
            raise ZeroDivisionError
        return result


class BuggyShard(Shard):
    """Scores with the bug."""

    scoring = _Buggy

    @classmethod
    def while_there(cls, bug: Path) -> Callable[..., Shard]:
        """Makes shards that have the bug for as long as a file is there."""

        def make(*told: Any) -> Shard:
            return (cls if bug.exists() else Shard)(*told)

        return make
