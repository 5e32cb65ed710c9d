"""A dead letter keeps its record as it came and says in headers where it lay and why it is there."""

from scorer.messages import DeadLetter, Record
from streams.dead_letters import outgoing


def test_bytes_and_headers_of_the_contract() -> None:
    record = Record("page-views", 3, 42, 1_000, b"\xff", b'{"broken', (("traceparent", b"00-1"),))
    sent = outgoing(DeadLetter(record, "EventError", "no valid JSON"), "leadheat", 7)
    assert (sent.key, sent.value, sent.timestamp_ms) == (b"\xff", b'{"broken', 7)
    assert dict(sent.headers) == {
        "errors.topic": b"leadheat.page-views",
        "errors.partition": b"3",
        "errors.offset": b"42",
        "errors.class": b"EventError",
        "errors.message": b"no valid JSON",
        "traceparent": b"00-1",
    }
