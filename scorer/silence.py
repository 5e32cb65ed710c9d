"""Records of history, which set off no alert: the header that says so, and until when.

Score records that tell of nothing else bear it on, and those that a changed grid has made: `until` is then
that of the lead's history, if it has any.
"""

from collections.abc import Iterable
from typing import Final

from scorer.errors import EventError
from scorer.messages import Header
from scorer.times import Micros, format_time, parse_time

SILENT: Final = "leadheat.silent"
"""Header of a record of history: until when nothing that time does to its lead is announced either."""

NO_HISTORY: Final = 0
"""In place of such a moment, where a lead has no imported history: no longer in a state than it need be."""


def header(until: Micros) -> Header:
    """The header of a record of history.

    >>> header(1_790_000_000_000_000)
    ('leadheat.silent', b'2026-09-21T14:13:20Z')
    """
    return SILENT, format_time(until).encode()


def is_silent(headers: Iterable[Header]) -> bool:
    """Whether a record is of history, or tells of nothing else.

    >>> is_silent([header(1_790_000_000_000_000)]), is_silent([("traceparent", b"00")])
    (True, False)
    """
    return any(name == SILENT for name, _ in headers)


def silent_until(headers: Iterable[Header]) -> int:
    """What a record's header says; raises EventError where that is no time.

    >>> silent_until([header(1_790_000_000_000_000)]), silent_until([("traceparent", b"00")])
    (1790000000000000, 0)
    """
    for name, value in headers:
        if name == SILENT:
            try:
                return parse_time(value.decode())
            except ValueError as error:
                raise EventError(f"header {SILENT}: {error}") from None
    return NO_HISTORY
