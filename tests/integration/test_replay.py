"""`leadheat replay` counts, puts back what is chosen with its bytes, key and time, and each only once."""

import subprocess
import sys

from scorer.messages import DeadLetter, Record
from scorer.topics import FAILED, PAGE_VIEWS, SIGNALS, full_name
from streams import dead_letters
from tests.streaming import Rig, producer_to

CAME_MS = 1_790_000_000_000


async def fail(rig: Rig) -> None:
    """Twenty records failed, two of them twice, as after a crash."""
    async with producer_to(rig.bootstrap) as producer:
        for number in [*range(20), 3, 4]:
            topic, error = ((PAGE_VIEWS, "KeyError"), (SIGNALS, "ValueError"))[number % 2]
            record = Record(topic, 0, number, (CAME_MS + number) * 1_000, b"k-%d" % number, b"v-%d" % number)
            sent = dead_letters.outgoing(DeadLetter(record, error, "a bug"), rig.prefix)
            failed = full_name(rig.prefix, FAILED)
            headers = list(sent.headers)
            await producer.send_and_wait(
                failed, sent.value, key=sent.key, headers=headers, partition=number % 2
            )


def replay(rig: Rig, *options: str) -> tuple[str, str]:
    """Output of the command, and what it says to a person."""
    done = subprocess.run(
        [sys.executable, "-m", "deploy", "replay", "--kafka", rig.bootstrap, *options],
        capture_output=True,
        text=True,
        check=True,
        env={"LEADHEAT_TOPIC_PREFIX": rig.prefix, "PATH": ""},
    )
    return done.stdout, done.stderr.strip().splitlines()[-1]


async def test_puts_each_back_once(rig: Rig) -> None:
    await rig.make_topics()
    await fail(rig)
    views, signals = (full_name(rig.prefix, topic) for topic in (PAGE_VIEWS, SIGNALS))
    everything = f"10\tKeyError\t{views}\n10\tValueError\t{signals}\n"
    assert replay(rig) == (everything, "20 to put back (do it with --send); 2 put back before")
    assert replay(rig, "--class", "ValueError", "--send") == (
        f"10\tValueError\t{signals}\n",
        "10 put back; 10 not chosen; 2 put back before",
    )
    assert replay(rig, "--topic", "signals", "--send")[0] == ""
    assert replay(rig, "--since", "2200-01-01T00:00:00Z") == (
        "",
        "0 to put back (do it with --send); 10 not chosen; 12 put back before",
    )
    assert replay(rig, "--send") == (f"10\tKeyError\t{views}\n", "10 put back; 12 put back before")
    assert replay(rig, "--send") == ("", "0 put back; 22 put back before")
    for topic, odd in ((PAGE_VIEWS, 0), (SIGNALS, 1)):
        async with rig.read(topic) as read:
            await read.read_until(lambda read: len(read.records) >= 10)
        found = sorted((r.timestamp - CAME_MS, r.key, r.value, tuple(r.headers)) for r in read.records)
        assert found == [(n, b"k-%d" % n, b"v-%d" % n, ()) for n in range(odd, 20, 2)]
