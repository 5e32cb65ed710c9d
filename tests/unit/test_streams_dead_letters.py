"""A dead letter keeps its record as it came and says in headers where it lay and why it is there."""

from typing import Any

import pytest
from aiokafka.structs import ConsumerRecord

from scorer import handover
from scorer.evidence import Evidence
from scorer.messages import DeadLetter, Record
from scorer.walk import Course
from streams.batching.producer import Outgoing
from streams.dead_letters import origin, outgoing, put_back

VISIT = b'{"type": "page_view", "anonymous_id": "a-1"}'
MOVED = handover.Moved("a-1", 7, Evidence(members=["a-1"]), Course(), ["a-1"])
TIE = handover.encode(handover.Tie("u-1", 5, by_alias=False))


def letter(topic: str, key: bytes | None, value: bytes | None) -> Any:
    """What scoring failed on, as the failed topic has it."""
    record = Record(topic, 3, 42, 1_000_000, key, value, (("traceparent", b"00-1"),))
    sent = outgoing(DeadLetter(record, "KeyError", "a bug"), "leadheat", 7_000)
    return ConsumerRecord("leadheat.failed", 1, 9, 7_000, 0, sent.key, sent.value, None, 1, 1, sent.headers)


def test_bytes_and_headers_of_the_contract() -> None:
    record = Record("page-views", 3, 42, 1_000, b"\xff", b'{"broken', (("traceparent", b"00-1"),))
    sent = outgoing(DeadLetter(record, "EventError", "no valid JSON"), "leadheat", 7)
    assert (sent.key, sent.value, sent.timestamp_ms) == (b"\xff", b'{"broken', 7)
    assert dict(sent.headers) == {
        "errors.topic": b"leadheat.page-views",
        "errors.partition": b"3",
        "errors.offset": b"42",
        "errors.timestamp": b"1",
        "errors.class": b"EventError",
        "errors.message": b"no valid JSON",
        "traceparent": b"00-1",
    }


def test_is_put_back_as_it_came() -> None:
    topic, record = put_back(letter("page-views", b"\xff", None), "leadheat")
    assert topic == "leadheat.page-views"
    assert record == Outgoing(b"\xff", None, 1_000, (("traceparent", b"00-1"),))


@pytest.mark.parametrize(
    ("key", "message", "topic"),
    [
        (b"a-1", handover.Misplaced("signals", 0, 3, VISIT), "leadheat.signals"),
        (b"u-1", handover.Forwarded("a-1", 7, "e", 5, VISIT, ["a-1"]), "leadheat.page-views"),
    ],
)
def test_an_event_that_was_handed_over_is_put_back_where_it_came_first(
    key: bytes, message: handover.Message, topic: str
) -> None:
    found, record = put_back(letter("handover", key, handover.encode(message)), "leadheat")
    assert (found, record.key, record.value, record.timestamp_ms) == (topic, b"a-1", VISIT, 1_000)


def test_what_an_id_knew_is_put_back_under_a_number_that_nothing_has_overtaken() -> None:
    failed = letter("handover", b"u-1", handover.encode(MOVED))
    topic, record = put_back(failed, "leadheat")
    assert (topic, record.key) == ("leadheat.handover", b"u-1")
    moved = handover.decode(record.value or b"")
    assert isinstance(moved, handover.Moved)
    assert (moved.sender, moved.number) == (origin(failed), 1) == ("leadheat.handover/3/42", 1)
    assert moved.evidence == MOVED.evidence


@pytest.mark.parametrize(("key", "value"), [(b"a-1", TIE), (b"a-1", b"junk"), (None, TIE), (b"a-1", None)])
def test_other_hand_overs_are_put_back_as_they_came(key: bytes | None, value: bytes | None) -> None:
    topic, record = put_back(letter("handover", key, value), "leadheat")
    assert (topic, record.key, record.value) == ("leadheat.handover", key, value)
