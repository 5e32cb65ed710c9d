"""Hours of steady load on `leadheat up`: is memory flat, is nothing late, is nothing refused?"""

import argparse
import contextlib
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console

from deploy.kafka.cluster import Cluster
from tests.integration.up_running import Up, command_line, running

_LEADS: Final = 20_000
_PATHS: Final = ("/tarifs", "/blog/crm", "/integration-crm", "/clients", "/")
_LOOK_EVERY_S: Final = 30.0
_WARM_UP_SHARE: Final = 0.25  # of the time: caches fill, allocators find their size
_MOST_GROWTH_MB_A_MINUTE: Final = 1.0
_CATCH_UP_WITHIN_S: Final = 120.0
_console = Console()


@dataclass(frozen=True)
class Look:
    """One look at a running machine."""

    at_s: float
    sent: int
    memory_mb: float  # of our own processes: broker and store hold what they are given
    lag: float
    scored: float


def main() -> int:
    """Runs the load; 0 where everything held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=4.0)
    parser.add_argument("--rate", type=int, default=200, help="events a second")
    parser.add_argument(
        "--embedded", action="store_true", help="the embedded broker in place of a real Kafka"
    )
    arguments = parser.parse_args()
    with _machine(arguments.embedded) as up:
        looks, refused = _load(up, arguments.hours * 3_600, arguments.rate)
        last = _caught_up(up, looks[-1])
    growth = _growth(looks)
    _console.print(
        f"memory grows by {growth:.2f} MB a minute; {refused} requests refused; lag {last.lag:.0f}"
    )
    _console.print(f"{last.sent} events sent, {last.scored:.0f} scored")
    held = growth <= _MOST_GROWTH_MB_A_MINUTE and not refused and not last.lag and last.scored >= last.sent
    return 0 if held else 1


@contextlib.contextmanager
def _machine(embedded: bool) -> Iterator[Up]:
    with contextlib.ExitStack() as entered:
        more = () if embedded else ("--kafka", entered.enter_context(Cluster()).bootstrap)
        yield entered.enter_context(running(*more))


def _load(up: Up, seconds: float, rate: int) -> tuple[list[Look], int]:
    """Sends a batch each second, and looks now and then."""
    chance, started = random.Random(20), time.monotonic()
    sent = refused = 0
    looks: list[Look] = []
    next_look = _LOOK_EVERY_S
    while (passed := time.monotonic() - started) < seconds:
        if up.send(*(_event(chance) for _ in range(rate))).status_code == 200:
            sent += rate
        else:
            refused += 1
        if passed >= next_look:
            looks.append(_look(up, passed, sent))
            next_look += _LOOK_EVERY_S
        time.sleep(max(0.0, 1.0 - (time.monotonic() - started - passed)))  # the load's own pace
    looks.append(_look(up, time.monotonic() - started, sent))
    return looks, refused


def _event(chance: random.Random) -> dict[str, object]:
    lead = f"u-{int(chance.paretovariate(0.8)) % _LEADS}"
    url = f"https://example.com{chance.choice(_PATHS)}"
    return {"type": "page_view", "lead_id": lead, "properties": {"url": url}}


def _look(up: Up, at_s: float, sent: int) -> Look:
    values: dict[str, float] = {}
    page = httpx.get(f"{up.url}/metrics", trust_env=False, timeout=30).text
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            if sample.labels.get("result", "scored") == "scored":
                values[sample.name] = values.get(sample.name, 0.0) + sample.value
    look = Look(
        at_s,
        sent,
        sum(_resident_mb(pid) for pid in up.children() if "deploy." in command_line(pid)),
        values.get("leadheat_consumer_lag_records", 0.0),
        values.get("leadheat_events_total", 0.0),
    )
    _console.print(
        f"{look.at_s:8.0f} s {look.sent:10d} sent {look.memory_mb:8.1f} MB {look.lag:8.0f} waiting"
    )
    return look


def _resident_mb(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except FileNotFoundError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS")), 0.0)


def _caught_up(up: Up, look: Look) -> Look:
    deadline = time.monotonic() + _CATCH_UP_WITHIN_S
    while (look.lag or look.scored < look.sent) and time.monotonic() < deadline:
        time.sleep(1.0)
        look = _look(up, look.at_s + 1, look.sent)
    return look


def _growth(looks: list[Look]) -> float:
    """The slope of memory over time after the warm-up, by least squares, in MB a minute."""
    warm = [one for one in looks if one.at_s >= _WARM_UP_SHARE * looks[-1].at_s]
    if len(warm) < 2:
        return 0.0
    time_mean = sum(one.at_s for one in warm) / len(warm)
    memory_mean = sum(one.memory_mb for one in warm) / len(warm)
    spread = sum((one.at_s - time_mean) ** 2 for one in warm)
    shared = sum((one.at_s - time_mean) * (one.memory_mb - memory_mean) for one in warm)
    return 60 * shared / spread


if __name__ == "__main__":
    sys.exit(main())
