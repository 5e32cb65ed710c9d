"""Plays the sample leads through the gateway, each event when the clock of the demonstration reaches it."""

import asyncio
import logging
import sys
from bisect import bisect_right
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import httpx

from deploy import logs, settings
from deploy.demo.generator import LEFT_ALONE, generate
from deploy.demo.journey import Played
from deploy.demo.progress import Shown, shown
from deploy.demo.sending import Sender
from deploy.errors import SettingsError, telling
from deploy.settings import Settings
from scorer.times import SECOND, Micros

_log = logging.getLogger(__name__)

_BATCH: Final = 500  # of some 260 bytes: far below what the gateway takes at once
_SHORTEST_WAIT_S: Final = (
    0.02  # below it a request would carry one event, and half the machine go into requests
)
_LONGEST_WAIT_S: Final = 0.5  # the clock is asked again at least so often
_TIMEOUT_S: Final = 15.0  # longer than the gateway waits for its broker

Send = Callable[[Sequence[dict[str, Any]]], Awaitable[None]]


async def play(
    played: Sequence[Played],
    clock: Callable[[], Micros],
    rate: float,
    send: Send,
    show: Shown,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Sends events given in order of time, none before `clock` shows its moment.

    `rate` (> 0) says how many seconds `clock` goes on in one second of `sleep`.
    """
    position = 0
    while position < len(played):
        now = clock()
        due = bisect_right(played, now, position, key=lambda one: one[0])
        if due == position:
            ahead_s = (played[position][0] - now) / SECOND / rate
            await sleep(min(max(ahead_s, _SHORTEST_WAIT_S), _LONGEST_WAIT_S))
            continue
        batch = played[position : min(due, position + _BATCH)]
        await send([event for _, event in batch])
        position += len(batch)
        show(position, batch[-1][0])


def farewell(url: str, write_key: str) -> str:
    """What the player says at its end: what to try, ready to be copied."""
    body = f'{{"type": "demo_requested", "lead_id": "{LEFT_ALONE}"}}'
    return (
        "The sample leads are played; everything stays up for events of your own. "
        f"A lead who cooled asks for a demo, and sales is alerted:\n"
        f"curl {url}/v1/events -H 'Authorization: Bearer {write_key}' -d '{body}'"
    )


async def run(loaded: Settings, url: str) -> None:
    """Plays the sample leads through the gateway at `url`, on the clock that the settings say.

    On the wall's clock all their moments have passed: then all are sent at once.
    """
    write_key = _secret_key(loaded.require_write_keys())
    clock, scale = loaded.clock(), loaded.scale()
    played = generate(clock() if scale is None else scale.meets)
    async with httpx.AsyncClient(base_url=url, timeout=_TIMEOUT_S, trust_env=False) as client:
        with shown(len(played)) as show:
            await play(played, clock, scale.rate if scale else 1.0, Sender(client, write_key).send, show)
    sys.stderr.write(f"{farewell(url, write_key)}\n")


def _secret_key(write_keys: Sequence[str]) -> str:
    for key in write_keys:
        if ":" not in key:
            return key
    raise SettingsError(
        f"{settings.PREFIX}WRITE_KEYS names only public ids of protocols: "
        "add a secret key, with which the demonstration sends its events"
    )


def main() -> int:
    """Runs the player in a process of its own: `python -m deploy.demo.player URL`."""
    if len(sys.argv) != 2:
        sys.stderr.write("usage: python -m deploy.demo.player http://HOST:PORT\n")
        return 2
    loaded = settings.load()
    logs.configure(loaded)
    asyncio.run(run(loaded, sys.argv[1].rstrip("/")))
    return 0


if __name__ == "__main__":
    sys.exit(telling(main))
