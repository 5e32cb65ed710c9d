"""What is written to the log: everything of ours, a library's line once in a while."""

import logging

from deploy.logs import Repeats


def _line(name: str, text: str, *args: object) -> logging.LogRecord:
    return logging.LogRecord(name, logging.ERROR, "", 0, text, args, None)


def test_a_librarys_line_is_held_back_for_ten_seconds_and_counted() -> None:
    now = 100.0
    repeats = Repeats(lambda: now)
    told = [repeats.filter(_line("aiokafka", "no node %s", number)) for number in range(50)]
    assert told == [True] + [False] * 49
    assert repeats.filter(_line("aiokafka", "something else"))
    now += 10
    again = _line("aiokafka", "no node %s", 7)
    assert repeats.filter(again)
    assert again.getMessage() == "no node 7 (and 49 more like it)"
    now += 10
    later = _line("aiokafka", "no node %s", 8)
    assert repeats.filter(later)
    assert later.getMessage() == "no node 8"


def test_failed_requests_are_told_once_for_each_route_and_status() -> None:
    repeats = Repeats(lambda: 0.0)
    lines = [
        ("/v1/events", 503, 0.4),
        ("/v1/events", 503, 0.5),
        ("/v1/events", 500, 0.5),
        ("/readyz", 503, 0.4),
    ]
    told = [repeats.filter(_line("connectors.observe", "%s %d %.1f ms", *line)) for line in lines]
    assert told == [True, False, True, True]


def test_our_own_lines_are_all_written() -> None:
    repeats = Repeats(lambda: 0.0)
    assert all(repeats.filter(_line("connectors.notify.parking", "alert %s parked", one)) for one in "ab")
