"""Times until whoever is told of a lead has it: from the event, and from its alert beside one that hangs."""

import argparse
import asyncio
import base64
import contextlib
import email
import email.header
import json
import logging
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiosmtpd.controller import Controller
from rich.console import Console
from rich.table import Table

from deploy.kafka.cluster import Cluster
from deploy.ports import free_ports
from scorer.times import format_time
from scorer.topics import ALERTS, full_name
from streams import topics
from tests.benchmarks import event_to_receiver, results
from tests.benchmarks.arrivals import Arrivals, percentiles
from tests.benchmarks.roles import running

EVENTS_A_SECOND: Final = 10.0
ALERTS_A_SECOND: Final = 20.0
PARTITIONS: Final = 8
WEBHOOKS: Final = 4
LEADS: Final = 100
_PREFIX: Final = "delivery"
_SECRET: Final = "whsec_" + base64.b64encode(bytes(range(32))).decode()
_WITHIN_S: Final = 60.0


class Receivers:
    """Webhooks that take all at once, one that never answers, and a mail server."""

    def __init__(self, arrivals: Arrivals) -> None:
        self._arrivals = arrivals
        self.hook_port, self.mail_port = free_ports(2)
        self.hanging = 0
        self._connections: dict[asyncio.Task[Any], asyncio.StreamWriter] = {}

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """They listen until the end of the block."""
        server = await asyncio.start_server(self._hook, "127.0.0.1", self.hook_port)
        mail = Controller(self, hostname="127.0.0.1", port=self.mail_port)
        mail.start()
        try:
            yield
        finally:
            mail.stop()
            server.close()
            for writer in self._connections.values():
                writer.close()
            await asyncio.gather(*self._connections)

    async def _hook(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving = asyncio.current_task()
        assert serving is not None
        self._connections[serving] = writer
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await self._answer(reader, writer)
        writer.close()
        del self._connections[serving]

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            fields = dict(line.lower().split(": ", 1) for line in head.splitlines()[1:] if ": " in line)
            await reader.readexactly(int(fields["content-length"]))
            name = head.split(" ", 2)[1].strip("/")
            if name == "hang":
                self.hanging += 1
                await reader.read()  # until the sender gives up
                return
            self._arrivals.note(name, fields["webhook-id"])
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        """A mail came; its subject begins with the alert's id, as the lead's name."""
        subject = str(email.message_from_bytes(envelope.content)["subject"])
        words = email.header.make_header(email.header.decode_header(subject))
        self._arrivals.note("mail", str(words).split()[0])
        return "250 OK"


def _channels(receivers: Receivers) -> dict[str, list[Any]]:
    names = [f"hook-{number}" for number in range(WEBHOOKS)]
    url = f"http://127.0.0.1:{receivers.hook_port}"
    found: dict[str, list[Any]] = {name: [{"webhook": f"{url}/{name}", "secret": _SECRET}] for name in names}
    found["hang"] = [{"webhook": f"{url}/hang", "secret": _SECRET}]
    found["mail"] = [{"mail": ["sales@acme.example"]}]
    return found


def _settings(bootstrap: str, channels: Path, mail_port: int) -> dict[str, str]:
    return {
        "LEADHEAT_KAFKA": bootstrap,
        "LEADHEAT_TOPIC_PREFIX": _PREFIX,
        "LEADHEAT_CHANNELS": str(channels),
        "LEADHEAT_SMTP": f"smtp+plain://127.0.0.1:{mail_port}",
        "LEADHEAT_MAIL_FROM": "leads@leadheat.example",
        "LEADHEAT_ALLOW_PRIVATE": "127.0.0.1",
    }


class Load:
    """Sends alerts at a steady rate, and says how long each destination took to hear of them."""

    def __init__(self, producer: AIOKafkaProducer, arrivals: Arrivals) -> None:
        self._producer = producer
        self._arrivals = arrivals
        self._number = 0

    async def run(self, names: list[str], heard_by: list[str], rate: float, seconds: float) -> dict[str, Any]:
        """Percentiles in ms for each of those that must hear of all."""
        sent: dict[str, float] = {}
        due: list[tuple[str, str]] = []
        began = time.perf_counter()
        for turn in range(round(rate * seconds)):
            await asyncio.sleep(max(0.0, began + turn / rate - time.perf_counter()))
            alert = f"alert-{self._number}"
            self._number += 1
            due += [(name, alert) for name in heard_by]
            sent[alert] = time.perf_counter()
            await self._send(alert, names)
        await self._arrivals.all_of(due, _WITHIN_S)
        came = self._arrivals.first
        return {
            name: percentiles([came[one] - sent[one[1]] for one in due if one[0] == name])
            for name in heard_by
        }

    async def _send(self, alert: str, names: list[str]) -> None:
        lead = f"u-{self._number % LEADS}"
        told = {
            "id": alert,
            "play": "call",
            "lead_id": lead,
            "from": "warm",
            "to": "hot",
            "score": 73.2,
            "at": format_time(time.time_ns() // 1_000),
            "reasons": [{"criterion": "page", "label": "Page", "points": 28.9}],
            "do": [{"alert": name} for name in names],
            "traits": {"last_name": alert, "company": "Acme"},
        }
        await self._producer.send(full_name(_PREFIX, ALERTS), json.dumps(told).encode(), key=lead.encode())


async def measure(bootstrap: str, rate: float, seconds: float, rounds: int) -> list[dict[str, Any]]:
    """Without and with a destination that hangs, in turns: the machine is never quite the same."""
    await topics.ensure(bootstrap, _PREFIX, PARTITIONS, 1)
    arrivals = Arrivals()
    receivers = Receivers(arrivals)
    good = [*(f"hook-{number}" for number in range(WEBHOOKS)), "mail"]
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(receivers.open())
        stack.callback(arrivals.each_once)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        channels = folder / "channels.yml"
        channels.write_text(json.dumps(_channels(receivers)))
        settings = _settings(bootstrap, channels, receivers.mail_port)
        stack.enter_context(running(folder, settings, ["notify"]))
        producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", linger_ms=0)
        await producer.start()
        stack.push_async_callback(producer.stop)
        load = Load(producer, arrivals)
        await load.run(good, good, 5, 2)  # until the first ones have come all is not ready
        rows = []
        for turn in range(rounds):
            for hanging in (False, True) if turn % 2 == 0 else (True, False):
                names = [*good, "hang"] if hanging else good
                rows.append({"hanging": hanging, **await load.run(names, good, rate, seconds)})
        assert receivers.hanging, "the one that hangs was never asked"
        return rows


def main() -> None:
    """Measures, keeps the figures, prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="one round of 10 s, not four of 30")
    given = parser.parse_args()
    logging.getLogger("aiokafka").setLevel(logging.ERROR)
    seconds, rounds = (10.0, 1) if given.short else (30.0, 4)
    with Cluster() as cluster:
        from_event = asyncio.run(
            event_to_receiver.measure(cluster.bootstrap, EVENTS_A_SECOND, seconds, rounds)
        )
        from_alert = asyncio.run(measure(cluster.bootstrap, ALERTS_A_SECOND, seconds, rounds))
    figures = {"seconds": seconds, "from_event": from_event, "from_alert": from_alert}
    results.save("delivery", figures | {"events/s": EVENTS_A_SECOND, "alerts/s": ALERTS_A_SECOND})
    for shown in (event_table(from_event), table(from_alert)):
        Console().print(shown)


def event_table(rows: list[dict[str, Any]]) -> Table:
    """Of each receiver, the medians over the rounds, and the most in any."""
    shown = Table(title="HTTP request due to receiver, ms")
    for column in ("receiver", "p50", "p99", "most"):
        shown.add_column(column, justify="right")
    for name in rows[0]:
        p50, p99 = (results.Range.of([row[name][share] for row in rows]).middle for share in ("p50", "p99"))
        most = max(row[name]["most"] for row in rows)
        shown.add_row(name, *(f"{one:,.1f}" for one in (p50, p99, most)))
    return shown


def table(rows: list[dict[str, Any]]) -> Table:
    """Medians over the rounds, for each destination without and with another one that hangs."""
    shown = Table(title="alert in Kafka to receiver, ms (median over rounds)")
    for column in ("destination", "p50", "p99", "p50, one hangs", "p99, one hangs", "p99 more"):
        shown.add_column(column, justify="right")
    for name in (one for one in rows[0] if one != "hanging"):
        middle = {
            (share, hanging): results.Range.of(
                [row[name][share] for row in rows if row["hanging"] is hanging]
            ).middle
            for share in ("p50", "p99")
            for hanging in (False, True)
        }
        cells = [middle[share, hanging] for hanging in (False, True) for share in ("p50", "p99")]
        more = middle["p99", True] / middle["p99", False] - 1
        shown.add_row(name, *(f"{cell:,.1f}" for cell in cells), f"{more:+.0%}")
    return shown


if __name__ == "__main__":
    main()
