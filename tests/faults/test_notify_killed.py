"""kill -9 of notify between every two of its steps: nothing is lost, repeats bear one id, order holds."""

import asyncio
import sys
from collections import Counter
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import Response

from deploy.parked import parked, tell
from scorer.times import Micros
from tests.faults.sizes import size
from tests.integration.processes import until_async
from tests.integration.test_notify_dispatch import PREFIX, SECRET, Topics, alert, channels
from tests.kafka_fixtures import EmbeddedBroker
from tests.webhook_receiver import Receiver, receiving

pytestmark = pytest.mark.embedded

LIVES = {"smoke": 3, "short": 10}.get(size().name, 100)
"""How often it is killed."""


class Unsteady(Receiver):
    """Fails on the first attempt of every third alert."""

    async def receive(self, request: Request) -> Response:
        name = request.headers["webhook-id"]
        third = int(name.removeprefix("alert-")) % 3 == 0
        self.always = 503 if third and name not in self.attempts else 204
        return await super().receive(request)


async def test_killed_between_every_two_steps_it_loses_nothing_and_repeats_under_the_same_id(
    embedded_kafka: EmbeddedBroker, tmp_path: Path
) -> None:
    topics = Topics(embedded_kafka.bootstrap)
    await topics.create()
    sales, moved = Unsteady(SECRET), Receiver(SECRET, always=302)
    sent = []
    async with receiving(sales), receiving(moved):
        file = channels(tmp_path, sales=[sales], support=[moved])
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.notify_lives", topics.address, PREFIX, str(file), str(LIVES)),
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        try:
            lives = asyncio.create_task(_read(process.stdout, LIVES))
            while not lives.done():
                number = len(sent)
                name = "support" if number % 5 == 4 else "sales"
                await topics.publish(alert(number, f"u-{number % 3}", name), lead=f"u-{number % 3}")
                sent.append(name)
                await asyncio.sleep(0.3)  # each life needs something to be killed at
            assert await lives == [f"life {number}: -9" for number in range(1, LIVES + 1)]
            for_sales = {f"alert-{number}" for number, name in enumerate(sent) if name == "sales"}
            for_support = {f"alert-{number}" for number, name in enumerate(sent) if name == "support"}
            await until_async(lambda: {one["data"]["id"] for one in sales.taken} == for_sales)
            await topics.dealt_with(len(sent))
            await until_async(lambda: set(moved.attempts) == for_support)
            while {one.id for one in await parked(topics.address, PREFIX)} != for_support:
                await asyncio.sleep(0.1)
            held = await parked(topics.address, PREFIX)
            assert len(held) == len(for_support)  # parked again or not, it is listed once
            moved.always = 204
            await tell(topics.address, PREFIX, held, "retry", Micros(0))
            await until_async(lambda: {one["data"]["id"] for one in moved.taken} == for_support)
            assert await parked(topics.address, PREFIX) == []
        finally:
            process.terminate()
            await process.wait()
    first = list(dict.fromkeys(one["data"]["id"] for one in sales.taken))  # what an idempotent receiver does
    for lead in range(3):
        numbers = [number for name in first if (number := int(name.removeprefix("alert-"))) % 3 == lead]
        assert numbers == sorted(numbers)
    repeated = Counter(one["data"]["id"] for one in sales.taken)
    print(f"{LIVES} kills, {len(sent)} alerts, {sum(repeated.values()) - len(repeated)} came twice or more")


async def _read(stream: asyncio.StreamReader, lines: int) -> list[str]:
    return [(await stream.readline()).decode().strip() for _ in range(lines)]
