"""Rows that roles keep of a lead on compacted topics: found for an export, waited for by an erasure."""

from collections.abc import Collection
from typing import Any

import msgspec

from deploy.privacy.topic_log import read_all


async def rows_of(kafka: str, topic: str, ids: Collection[str]) -> list[dict[str, Any]]:
    """The newest row of each of these ids that is there, as JSON."""
    held: dict[str, bytes] = {}
    async for record in read_all(kafka, topic):
        key = (record.key or b"").decode(errors="replace")
        if key in ids:
            held.pop(key, None)
            if record.value is not None:
                held[key] = record.value
    return [msgspec.json.decode(held[key], type=dict[str, Any]) for key in sorted(held)]
