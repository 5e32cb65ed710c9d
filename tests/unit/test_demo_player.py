"""The player: on the demonstration's clock, never ahead of it, and what it says."""

from collections.abc import Sequence
from typing import Any

import pytest

from deploy import settings
from deploy.demo import player
from deploy.demo.generator import LEFT_ALONE
from deploy.demo.journey import Played
from deploy.demo.player import farewell, play
from deploy.errors import SettingsError
from scorer.times import DAY, SECOND, Micros, format_time, parse_time
from scorer.timescale import Timescale

_MEETS = parse_time("2026-11-24T10:00:00Z")
_SCALE = Timescale(wall_from=Micros(_MEETS - 90 * SECOND), meets=_MEETS, starts=Micros(_MEETS - 42 * DAY))


class Wall:
    """A wall clock that goes on only while somebody sleeps."""

    def __init__(self, starts: int) -> None:
        self.now = starts
        self.waits: list[float] = []

    def clock(self) -> Micros:
        return _SCALE.at(Micros(self.now))

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += int(seconds * SECOND)


def _events(count: int) -> list[Played]:
    step = (_MEETS - _SCALE.starts) // (count - 1)
    moments = [Micros(_SCALE.starts + number * step) for number in range(count - 1)] + [_MEETS]
    return [(at, {"id": str(number), "time": format_time(at)}) for number, at in enumerate(moments)]


async def _played(wall: Wall, events: Sequence[Played]) -> tuple[list[list[str]], list[tuple[int, Micros]]]:
    batches: list[list[str]] = []
    shows: list[tuple[int, Micros]] = []

    async def send(batch: Sequence[dict[str, Any]]) -> None:
        assert all(parse_time(event["time"]) <= wall.clock() for event in batch), "ahead of the clock"
        batches.append([event["id"] for event in batch])
        wall.now += SECOND // 20  # what a request takes

    await play(events, wall.clock, _SCALE.rate, send, lambda sent, at: shows.append((sent, at)), wall.sleep)
    return batches, shows


async def test_every_event_is_sent_once_in_order_and_none_ahead_of_the_clock() -> None:
    events, wall = _events(800), Wall(_SCALE.wall_from)
    batches, shows = await _played(wall, events)
    assert [one for batch in batches for one in batch] == [event["id"] for _, event in events]
    assert shows[-1] == (800, _MEETS)
    assert 0 <= wall.now - _SCALE.meets < SECOND  # ends as the clocks meet
    assert max(wall.waits) <= 0.5


async def test_a_late_start_catches_up_at_once_and_what_is_past_goes_in_bounded_requests() -> None:
    batches, _ = await _played(Wall(_MEETS), _events(1_200))
    assert [len(batch) for batch in batches] == [500, 500, 200]


async def test_a_request_that_takes_long_makes_the_next_larger_and_loses_nothing() -> None:
    events, wall = _events(300), Wall(_SCALE.wall_from)
    sent: list[int] = []

    async def send(batch: Sequence[dict[str, Any]]) -> None:
        sent.append(len(batch))
        wall.now += 30 * SECOND

    await play(events, wall.clock, _SCALE.rate, send, lambda *_: None, wall.sleep)
    assert sum(sent) == 300
    assert len(sent) <= 5


def test_the_last_words_hold_a_command_to_copy() -> None:
    said = farewell("http://127.0.0.1:8000", "wk_secret")
    command = said.splitlines()[-1]
    assert command.startswith("curl http://127.0.0.1:8000/v1/events ")
    assert "Bearer wk_secret" in command
    assert f'"lead_id": "{LEFT_ALONE}"' in command
    assert "stays up" in said


async def test_without_a_secret_key_it_says_what_is_missing() -> None:
    loaded = settings.load(write_keys="matomo:7,ga4:*")
    with pytest.raises(SettingsError, match="add a secret key"):
        await player.run(loaded, "http://127.0.0.1:1")


@pytest.mark.parametrize("arguments", [[], ["http://127.0.0.1:8000", "more"]])
def test_wrong_usage_is_told(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["player", *arguments])
    assert player.main() == 2
    assert "usage" in capsys.readouterr().err
