"""What of the failed topic was replayed is remembered in one committed offset and its metadata."""

from typing import Any

import pytest
from aiokafka.structs import ConsumerRecord, OffsetAndMetadata
from hypothesis import given
from hypothesis import strategies as st

from streams.replay import Choice, Done, ReplayError
from tests.properties.effort import examples


@examples(100)
@given(st.lists(st.integers(0, 60)), st.lists(st.integers(0, 60)))
def test_remembers_over_runs_what_was_replayed(first: list[int], second: list[int]) -> None:
    done = Done()
    for offset in first:
        done.add(offset, 0)
    found = done.committed()
    done = Done(found.offset, found.metadata)
    for offset in second:
        done.add(offset, 0)
    assert {offset for offset in range(70) if offset in done} == {*first, *second}


def test_what_retention_has_taken_counts_as_done() -> None:
    done = Done(-1, "")
    done.add(12, 10)
    assert done.committed() == OffsetAndMetadata(10, "12")
    done.add(10, 10)
    done.add(11, 10)
    assert done.committed() == OffsetAndMetadata(13, "")


def test_refuses_a_choice_that_leaves_too_many_gaps() -> None:
    done = Done()
    for offset in range(1, 4_000, 2):
        done.add(offset, 0)
    with pytest.raises(ReplayError, match="wider choice"):
        done.committed()


def letter(error_class: str, topic: str, failed_ms: int) -> Any:
    said = (("errors.class", error_class.encode()), ("errors.topic", topic.encode()))
    return ConsumerRecord("p.failed", 0, 0, failed_ms, 0, b"k", b"v", None, 1, 1, said)


@pytest.mark.parametrize(
    ("choice", "taken"),
    [
        (Choice(), True),
        (Choice(classes=frozenset({"KeyError"})), True),
        (Choice(classes=frozenset({"EventError"})), False),
        (Choice(topics=frozenset({"p.signals"})), True),
        (Choice(topics=frozenset({"p.page-views"})), False),
        (Choice(since_ms=1_000), True),
        (Choice(since_ms=1_001), False),
    ],
)
def test_chooses_by_class_topic_and_when_it_failed(choice: Choice, taken: bool) -> None:
    assert choice.takes(letter("KeyError", "p.signals", 1_000)) is taken
