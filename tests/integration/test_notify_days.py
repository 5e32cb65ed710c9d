"""Deliveries over days of a virtual clock, to receivers that do everything wrong over real sockets."""

import asyncio
import base64
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from connectors.notify.channels import Webhook
from connectors.notify.schedule import DELAYS_S, JITTER
from deploy.ports import free_ports
from scorer.times import DAY, SECOND, Micros, format_time, parse_time
from tests.notify_rig import START, Stage, alert

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
SCHEDULE_S = (0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""The example of Standard Webhooks, whose spec is `spec/standard-webhooks.md` of that project."""

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def saying(text: str) -> Answer:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(text.replace("\n", "\r\n").encode())
        await writer.drain()

    return answer


def status(code: int, *headers: str) -> Answer:
    return saying(
        "\n".join([f"HTTP/1.1 {code} Said", *headers, "content-length: 0", "connection: close", "\n"])
    )


async def reset(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def hang(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()  # until the client gives up


async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for letter in b"HTTP/1.1 200 OK\r\n" * 100:
        writer.write(bytes([letter]))
        await writer.drain()
        await asyncio.sleep(0.01)


def endless(code: int) -> Answer:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {code} Said\r\ncontent-length: 10000000000\r\n\r\n".encode())
        while True:
            writer.write(b"x" * 65_536)
            await writer.drain()

    return answer


class Bad:
    """A receiver that answers what it is told to, and takes down who asked when."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.asked: list[tuple[Micros, str]] = []
        (self.port,) = free_ports(1)
        self.clock: Callable[[], Micros] = lambda: START

    @property
    def destination(self) -> Webhook:
        return Webhook(f"http://127.0.0.1:{self.port}/hook", SECRET)

    @property
    def delays_s(self) -> list[float]:
        """Between one request and the next."""
        moments = [START, *(moment for moment, _ in self.asked)]
        return [(after - before) / SECOND for before, after in itertools.pairwise(moments)]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            named = next(line for line in head.split("\r\n") if line.startswith("webhook-id: "))
            self.asked.append((self.clock(), named.removeprefix("webhook-id: ")))
            await self.answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def staged(answer: Answer, **settings: object) -> AsyncIterator[tuple[Bad, Stage]]:
    bad = Bad(answer)
    server = await asyncio.start_server(bad.serve, "127.0.0.1", bad.port)
    try:
        async with Stage({"sales": (bad.destination,)}, **settings) as stage:
            bad.clock = lambda: stage.now
            yield bad, stage
    finally:
        server.close()


def test_the_schedule_is_the_one_of_standard_webhooks() -> None:
    assert (0, *DELAYS_S) == SCHEDULE_S


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (status(500), "the receiver answered 500"),
        (status(404), "the receiver answered 404"),
        (status(429), "the receiver answered 429"),
        (status(429, "Retry-After: 3"), "the receiver answered 429"),
        (endless(503), "the receiver answered 503"),
        (saying("HTTP/1.1 2"), "no answer: RemoteProtocolError"),
        (reset, "no answer: "),
    ],
    ids=["500", "404", "429", "429-soon", "503-endless", "cut-off", "reset"],
)
async def test_what_may_pass_is_tried_on_schedule_then_parked_and_asked_for_again(
    answer: Answer, said: str
) -> None:
    async with staged(answer, timeout_s=60) as (bad, stage):  # an answer comes, also on a busy machine
        await stage.take(alert(1))
        await stage.until(Micros(START + 5 * DAY))
        assert len(bad.asked) == len(SCHEDULE_S)
        for waited, planned in zip(bad.delays_s, SCHEDULE_S, strict=True):
            assert planned <= waited <= planned * (1 + JITTER)
        assert {name for _, name in bad.asked} == {"alert-1"}
        ((name, _, reason),) = stage.lot.told
        assert name == "alert-1"
        assert said in reason
        assert reason.endswith("in 10 attempts")
        (row,) = stage.all()
        assert (row.state, row.attempts, row.error, bytes(row.alert)) == ("parked", 10, reason, b"null")

        bad.answer = status(204)
        asked = (
            b'{"id": "alert-1", "channel": "sales", "destination": "webhook 127.0.0.1", "result": "retry", '
        )
        await stage.take(asked + b'"alert": ' + alert(1) + b"}", topic="t.parked")
        assert len(bad.asked) == 11
        assert stage.states() == {"alert-1": "delivered"}
        await stage.take(asked + b'"alert": ' + alert(1) + b"}", topic="t.parked")
        assert len(bad.asked) == 11


@pytest.mark.parametrize("answer", [hang, drip])
async def test_who_does_not_answer_in_time_is_tried_as_often_and_then_parked(answer: Answer) -> None:
    async with staged(answer, timeout_s=0.2) as (_, stage):  # so short that a busy machine may not even ask
        await stage.take(alert(1))
        await stage.until(Micros(START + 5 * DAY))
        ((_, _, reason),) = stage.lot.told
        assert reason == "no answer within 0.2 s, in 10 attempts"
        (row,) = stage.all()
        assert (row.state, row.attempts) == ("parked", len(SCHEDULE_S))
        took = (parse_time(row.changed) - START) / SECOND
        assert sum(SCHEDULE_S) <= took <= sum(SCHEDULE_S) * (1 + JITTER)


@pytest.mark.parametrize(
    ("said", "least_s", "most_s"),
    [("60", 60, 60), (format_time(START), 5, 5.5), ("999999999", 86_400, 86_400)],
    ids=["seconds", "no-date", "too-long"],
)
async def test_a_receiver_that_asks_for_a_wait_is_given_it_within_bounds(
    said: str, least_s: float, most_s: float
) -> None:
    async with staged(status(429, f"Retry-After: {said}")) as (bad, stage):
        await stage.take(alert(1))
        bad.answer = status(200)
        await stage.until(Micros(START + 2 * DAY))
        assert len(bad.asked) == 2
        assert least_s <= bad.delays_s[1] <= most_s


async def test_a_date_to_wait_for_is_read_by_our_clock() -> None:
    async with staged(status(503, "Retry-After: Sun, 01 Nov 2026 09:02:00 GMT")) as (bad, stage):
        await stage.take(alert(1))
        await stage.take(alert(2, "u-2"))
        assert [name for _, name in bad.asked] == ["alert-1"]  # the destination is left alone, also by others
        bad.answer = status(200)
        await stage.until(Micros(START + DAY))
        assert [(moment - START) / SECOND for moment, _ in bad.asked[1:]] == [120, 120]


@pytest.mark.parametrize("answer", [endless(200), saying("HTTP/1.1 200 OK\ncontent-length: 9\n\nhalf")])
async def test_who_took_it_may_say_what_it_likes_of_it(answer: Answer) -> None:
    async with staged(answer) as (bad, stage):
        await stage.take(alert(1))
        assert stage.states() == {"alert-1": "delivered"}
        assert len(bad.asked) == 1


async def test_a_receiver_that_is_gone_gets_nothing_more_until_notify_starts_anew() -> None:
    async with staged(status(410)) as (bad, stage):
        await stage.take(alert(1), alert(2))
        await stage.take(alert(3, "u-2"))
        assert stage.states() == {f"alert-{number}": "parked" for number in (1, 2, 3)}
        assert all(
            reason.startswith("the receiver answered 410: disabled") for _, _, reason in stage.lot.told
        )
        assert len(bad.asked) == 1
        assert stage.desk.health == {"webhook 127.0.0.1": ("disabled", 0)}
        await stage.restart()
        bad.answer = status(204)
        await stage.take(alert(4))
        assert stage.states()["alert-4"] == "delivered"


async def test_a_redirect_is_parked_with_advice_and_not_followed() -> None:
    async with staged(status(302, "location: http://169.254.169.254/latest/meta-data/")) as (bad, stage):
        await stage.take(alert(1))
        ((_, _, reason),) = stage.lot.told
        assert reason == (
            "the receiver answered 302: redirects are not followed, write the address that it names into the "
            "channels file"
        )
        assert len(bad.asked) == 1


async def test_a_private_address_that_nobody_allowed_is_not_asked() -> None:
    from connectors.outward.addresses import Allowed

    async with staged(status(204), allowed=Allowed()) as (bad, stage):
        await stage.take(alert(1))
        ((_, _, reason),) = stage.lot.told
        assert "LEADHEAT_ALLOW_PRIVATE" in reason
        assert bad.asked == []


async def test_a_lead_s_later_alert_waits_behind_one_that_is_tried_again_others_do_not() -> None:
    async with staged(status(500)) as (bad, stage):
        await stage.take(alert(1))
        bad.answer = status(204)
        await stage.take(alert(2), alert(3, "u-2"))
        assert stage.states() == {"alert-1": "retrying", "alert-2": "waiting", "alert-3": "delivered"}
        await stage.restart()
        await stage.until(Micros(START + 10 * SECOND))
        assert [name for _, name in bad.asked] == ["alert-1", "alert-3", "alert-1", "alert-2"]


async def test_a_restart_goes_on_with_the_schedule() -> None:
    async with staged(status(500)) as (bad, stage):
        await stage.take(alert(1))
        for day in range(10):
            await stage.restart()
            await stage.take(alert(1))  # its offset was not committed
            await stage.until(Micros(START + day * DAY // 2))
        assert len(bad.asked) == len(SCHEDULE_S)
        for waited, planned in zip(bad.delays_s, SCHEDULE_S, strict=True):
            assert planned <= waited <= planned * (1 + JITTER)


async def test_a_destination_that_takes_nothing_is_asked_by_one_and_given_all_once_it_does() -> None:
    async with staged(status(503)) as (bad, stage):
        await stage.take(*(alert(number, f"u-{number}") for number in range(20)))
        asked = len(bad.asked)
        assert 5 <= asked < 20  # then the breaker opened
        assert stage.desk.health["webhook 127.0.0.1"] == ("open", 20)
        await stage.until(Micros(START + 3_600 * SECOND), step_s=10)
        assert len(bad.asked) - asked <= 3_600 / 30  # one at a time, and ever more rarely
        bad.answer = status(204)
        await stage.until(Micros(stage.now + 310 * SECOND), step_s=10)
        assert set(stage.states().values()) == {"delivered"}
        assert stage.desk.health["webhook 127.0.0.1"] == ("closed", 0)


async def test_a_destination_that_never_comes_back_keeps_nothing_for_ever() -> None:
    async with staged(status(503)) as (_, stage):
        await stage.take(*(alert(number, f"u-{number % 20}") for number in range(40)))
        await stage.until(Micros(START + 4 * DAY), step_s=1_800)
        assert set(stage.states().values()) == {"parked"}
        assert len(stage.lot.told) == 40


async def test_more_than_may_wait_is_parked_and_the_rest_is_not_held_up() -> None:
    async with staged(status(503), max_waiting=3) as (_, stage):
        await stage.take(*(alert(number, f"u-{number}") for number in range(5)))
        assert sorted(stage.states().values()) == ["parked"] * 2 + ["retrying"] * 3
        assert stage.lot.told[0][2] == "3 alerts wait for this destination already"


async def test_more_than_may_wait_is_not_parked_where_the_destination_takes_it() -> None:
    async with staged(status(204), max_waiting=3) as (bad, stage):
        await stage.take(*(alert(number, f"u-{number}") for number in range(20)))
        assert set(stage.states().values()) == {"delivered"}
        assert len(bad.asked) == 20


async def test_an_alert_outside_of_hours_is_held_till_they_open_and_delivered_once() -> None:
    due = Micros(START + DAY)
    async with staged(status(204)) as (bad, stage):
        held = alert(1, due=format_time(due))
        await stage.take(held, alert(2))
        assert stage.states() == {"alert-1": "held", "alert-2": "delivered"}  # one is not behind the other
        await stage.restart()
        await stage.take(held)
        await stage.until(Micros(START + 2 * DAY))
        assert bad.asked == [(START, "alert-2"), (due, "alert-1")]


async def test_what_is_taken_back_before_it_was_delivered_is_not_delivered_nor_is_that() -> None:
    async with staged(status(500)) as (bad, stage):
        await stage.take(alert(1), alert(2, due=format_time(Micros(START + DAY))), alert(3, "u-3"))
        await stage.take(alert(11, withdrawn="alert-1"), alert(12, withdrawn="alert-2"))
        assert stage.states() == {
            "alert-1": "withdrawn",
            "alert-11": "withdrawn",
            "alert-2": "withdrawn",
            "alert-12": "withdrawn",
            "alert-3": "retrying",
        }
        await stage.until(Micros(START + 5 * DAY))
        assert stage.states()["alert-3"] == "parked"
        await stage.take(alert(13, "u-3", withdrawn="alert-3"))
        assert (stage.states()["alert-3"], stage.states()["alert-13"]) == ("withdrawn", "withdrawn")
        assert stage.lot.told[-1][:2] == ("alert-3", "dropped")
        assert [name for _, name in bad.asked if name.startswith("alert-1")] == ["alert-1"]


async def test_what_was_delivered_is_taken_back_where_it_was_delivered() -> None:
    async with staged(status(204)) as (bad, stage):
        await stage.take(alert(1), alert(11, withdrawn="alert-1"))
        assert [name for _, name in bad.asked] == ["alert-1", "alert-11"]
        await stage.take(alert(12, withdrawn="long-forgotten"))
        assert bad.asked[-1][1] == "alert-12"


async def test_what_is_taken_back_while_it_is_under_way_is_told_only_if_it_arrived() -> None:
    async with staged(status(204)) as (bad, stage):
        for number, answer in ((1, status(204)), (2, status(500))):
            go = asyncio.Event()

            async def late(
                reader: asyncio.StreamReader,
                writer: asyncio.StreamWriter,
                go: asyncio.Event = go,
                answer: Answer = answer,
            ) -> None:
                await go.wait()
                await answer(reader, writer)

            bad.answer = late
            taking = asyncio.create_task(stage.take(alert(number)))
            while not any(name == f"alert-{number}" for _, name in bad.asked):
                await asyncio.sleep(0.001)
            withdrawing = asyncio.create_task(stage.take(alert(number + 10, withdrawn=f"alert-{number}")))
            while f"alert-{number + 10}" not in stage.states():
                await asyncio.sleep(0.001)
            go.set()
            await asyncio.gather(taking, withdrawing)
        assert stage.states() == {
            "alert-1": "delivered",
            "alert-11": "delivered",
            "alert-2": "withdrawn",
            "alert-12": "withdrawn",
        }


async def test_an_erased_lead_s_deliveries_end_and_leave_no_row() -> None:
    async with staged(status(500)) as (bad, stage):
        await stage.take(alert(1), alert(2), alert(3, "u-2"))
        keys = [key for key, row in stage.rows.held.items() if stage.desk.lead_of(key, row) == "u-1"]
        stage.gone.add("u-1")
        await stage.rows.put(0, dict.fromkeys(keys))
        stage.desk.forgot(0, keys)
        await stage.take(alert(4))
        asked = len(bad.asked)
        assert {row.lead for row in stage.all()} == {"u-2"}
        await stage.until(Micros(START + 5 * DAY))
        assert {name for _, name in bad.asked[asked:]} == {"alert-3"}


async def test_what_is_done_is_forgotten_after_ninety_days() -> None:
    async with staged(status(204)) as (bad, stage):
        await stage.take(alert(1))
        await stage.until(Micros(START + 89 * DAY))
        await stage.take(alert(1))
        assert len(bad.asked) == 1
        await stage.until(Micros(START + 91 * DAY))
        assert stage.all() == []


async def test_a_channel_that_was_not_in_the_file_is_found_once_it_is() -> None:
    async with staged(status(204)) as (_, stage):
        await stage.take(alert(1, to="support"))
        ((_, _, reason),) = stage.lot.told
        assert reason == "no channel 'support' in the channels file: add it there"
        assert stage._channels is not None
        stage._channels = {**stage._channels, "support": stage._channels["sales"]}
        await stage.restart()
        asked = b'{"id": "alert-1", "channel": "support", "destination": "none", "result": "retry", "alert": '
        await stage.take(asked + alert(1, to="support") + b"}", topic="t.parked")
        assert stage.states() == {"alert-1": "delivered"}


async def test_a_destination_that_is_no_longer_in_the_file_parks_what_waited_for_it() -> None:
    async with staged(status(500)) as (_, stage):
        await stage.take(alert(1))
        stage._channels = {"sales": ()}
        await stage.restart()
        await stage.settle()
        assert stage.states() == {"alert-1": "parked"}
        assert stage.lot.told[0][2] == "the channels file does not name this destination any more"


async def test_an_alert_that_comes_too_late_says_so() -> None:
    heard = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(1)
        await status(204)(reader, writer)

    async with staged(listen) as (_, stage):
        stage.now = Micros(START + 130 * 60 * SECOND)
        await stage.take(alert(1, expires=format_time(Micros(START + 3_600 * SECOND))))
        (row,) = stage.all()
        assert (row.state, row.expired) == ("delivered", True)
