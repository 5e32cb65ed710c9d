"""Reads Snowplow's archives: enriched events, 131 fields apart by tabs, or requests of the tracker protocol.

A line of either becomes items of the tracker protocol, which the gateway's own translation reads.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from connectors.ingest.batches import message_of
from connectors.ingest.mapping import SourceMapping
from connectors.ingest.snowplow_events import Arrival, translate
from scorer.errors import EventError
from scorer.times import FOREVER, Micros, parse_time

_FIELDS: Final = {
    0: "aid",
    1: "p",
    6: "eid",
    12: "uid",
    13: "ip",
    15: "duid",
    17: "tnuid",
    29: "url",
    30: "page",
    31: "refr",
    52: "co",
    53: "se_ca",
    54: "se_ac",
    55: "se_la",
    56: "se_pr",
    57: "se_va",
    58: "ue_pr",
    59: "tr_id",
    60: "tr_af",
    61: "tr_tt",
    62: "tr_tx",
    63: "tr_sh",
    64: "tr_ci",
    65: "tr_st",
    66: "tr_co",
    67: "ti_id",
    68: "ti_sk",
    69: "ti_nm",
    70: "ti_ca",
    71: "ti_pr",
    72: "ti_qu",
    77: "ua",
    83: "lang",
    100: "tz",
    108: "tr_cu",
    112: "ti_cu",
}
"""What the tracker protocol calls the fields of an enriched event, by their places from 0."""
_EVENT: Final = 5
_EVENTS: Final = {
    "page_view": "pv",
    "page_ping": "pp",
    "struct": "se",
    "unstruct": "ue",
    "transaction": "tr",
    "transaction_item": "ti",
}
_MOMENTS: Final = (130, 124, 4, 3)
"""When it happened, by whom that is known best: asserted, derived, by the device's clock, the collector's."""
_DERIVED: Final = 122
_ROBOT: Final = "/spiders_and_robots/"
_LEAST_FIELDS: Final = 59
"""Early versions have fewer fields, in the same order."""


def events_of(line: bytes, mapping: SourceMapping) -> list[dict[str, Any]]:
    """The events of a line; raises EventError where it can't be read."""
    if line.lstrip().startswith(b"{"):
        return [
            event for item in _items(line) for event in translate(item, Arrival(Micros(FOREVER)), mapping)
        ]
    fields = line.decode().split("\t")
    if len(fields) < _LEAST_FIELDS:
        raise EventError(f"expected the 131 fields of an enriched event, apart by tabs, got {len(fields)}")
    found = translate(_item(fields), Arrival(Micros(FOREVER)), mapping)
    if _by_robot(fields):
        for event in found:
            event["context"] = {**event.get("context", {}), "bot": True}
    return found


def _items(line: bytes) -> Iterator[dict[str, Any]]:
    told = message_of(line)
    data = told.get("data") if isinstance(told, dict) else None
    for item in data if isinstance(data, list) else [told]:
        if not isinstance(item, dict):
            raise EventError("data: expected a list of objects")
        item.pop("stm", None)  # when it was received, to which that compares, nobody wrote down
        yield item


def _item(fields: list[str]) -> Mapping[str, str]:
    item = {name: fields[at] for at, name in _FIELDS.items() if at < len(fields) and fields[at]}
    item["e"] = _EVENTS.get(fields[_EVENT], fields[_EVENT])
    times = (fields[at] for at in _MOMENTS if at < len(fields) and fields[at])
    if (text := next(times, None)) is not None:
        try:
            item["ttm"] = f"{parse_time(text) / 1_000:.3f}"
        except ValueError as error:
            raise EventError(f"time: {error}") from None
    return item


def _by_robot(fields: list[str]) -> bool:
    """Whether Snowplow's list of robots knows it."""
    if len(fields) <= _DERIVED or _ROBOT not in fields[_DERIVED]:
        return False
    try:
        entities = msgspec.json.decode(fields[_DERIVED])["data"]
        return any(_ROBOT in one["schema"] and one["data"]["spiderOrRobot"] is True for one in entities)
    except (msgspec.MsgspecError, RecursionError, LookupError, TypeError):
        return False
