"""Searches every topic, the cache and given logs for a person, and says place by place what is found."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from deploy.errors import DeployError
from deploy.privacy.cache import Cached
from deploy.privacy.topic_log import read_all
from deploy.privacy.words import Marks, texts, texts_of_state
from scorer.residents import names_a_lead
from streams.config import changelog_name
from streams.topics import required

_TOLD: Final = 10
"""Places of a topic that are named; there may be thousands."""


async def search(
    kafka: str,
    prefix: str,
    marks: Marks,
    cached: Cached | None,
    logs: Iterable[Path],
    say: Callable[[str], None],
) -> list[dict[str, Any]]:
    """What was found in each place; never the words themselves."""
    found = []
    for topic in required(prefix):
        say(f"searching {topic.name}")
        state = topic.name == changelog_name(prefix)
        at = [
            f"{record.partition}/{record.offset}"
            async for record in read_all(kafka, topic.name)
            if any(map(marks.named, _texts_of(record, state=state)))
        ]
        found.append({"place": topic.name, "found": len(at), "at": at[:_TOLD]})
    if cached is not None:
        say("searching the cache")
        kinds = await cached.search(marks)
        found.append({"place": "cache", "found": len(kinds), "at": sorted(set(kinds))[:_TOLD]})
    for path in logs:
        say(f"searching {path}")
        lines = list(_lines_of(path, marks))
        found.append({"place": str(path), "found": len(lines), "at": [str(line) for line in lines[:_TOLD]]})
    return found


def _texts_of(record: Any, *, state: bool) -> Iterator[str]:
    yield from texts(record.key or b"")
    if state and record.value is not None and names_a_lead(record.key):
        yield from texts_of_state(record.value)
    else:
        yield from texts(record.value or b"")
    for _, value in record.headers:
        yield from texts(value)


def _lines_of(path: Path, marks: Marks) -> Iterator[int]:
    try:
        with path.open(errors="replace") as lines:
            for number, line in enumerate(lines, 1):
                if marks.named(line.strip()):
                    yield number
    except OSError as error:
        raise DeployError(f"{path} cannot be read: {error.strerror}") from None
