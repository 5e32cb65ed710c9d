"""How a lead's state came about: its records, and each version that the changelog has of it."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from scorer.lead import REVISION_BITS, decode


def history(lead: str, sources: Iterable[Any], states: Iterable[Any]) -> Iterator[str]:
    """Lines, in order of the moments at which the records were written where these tell, else of offsets."""
    key = lead.encode()
    yield f"== {lead}"
    for record in sources:
        if record.key == key:
            yield f"{_place(record)} {record.timestamp} {record.value[:300]!r}"
    for record in states:
        if record.key == key:
            yield f"{_place(record)} {_moment(record.timestamp)} {_version(record)}"


def _place(record: Any) -> str:
    return f"{record.topic.partition('.')[2]}/{record.partition}/{record.offset}"


def _moment(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1_000, UTC):%H:%M:%S.%f}"


def _version(record: Any) -> str:
    if record.value is None:
        return f"deleted {record.headers}"
    lead, stored = decode(record.value)
    generation, count = stored.revision >> REVISION_BITS, stored.revision & ((1 << REVISION_BITS) - 1)
    return (
        f"revision {generation}.{count} absorbed {lead.absorbed} handed {lead.handed} "
        f"ids {len(lead.evidence.ids) // 8} sums {list(lead.evidence.sums.values())[:4]}"
    )
