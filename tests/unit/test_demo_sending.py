"""The sender of sample events: patient where it helps, plain where it does not."""

import json
import logging
from collections.abc import Iterator

import httpx
import pytest

from deploy.demo.sending import RefusedError, Sender

_EVENTS = [{"type": "page_view", "lead_id": "u-1"}]
_DONE = httpx.Response(200, json={"accepted": 1, "rejected": []})


class Door:
    """Answers what it is told, in turn, and keeps what came."""

    def __init__(self, *answers: httpx.Response | httpx.TransportError) -> None:
        self._answers: Iterator[httpx.Response | httpx.TransportError] = iter(answers)
        self.requests: list[httpx.Request] = []
        self.waits: list[float] = []

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = next(self._answers)
        if isinstance(answer, httpx.TransportError):
            raise answer
        return answer

    async def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)

    async def send(self) -> None:
        transport = httpx.MockTransport(self._answer)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
            await Sender(client, "wk", self._sleep).send(_EVENTS)


async def test_posts_the_events_with_the_key() -> None:
    door = Door(_DONE)
    await door.send()
    [request] = door.requests
    assert (request.method, request.url.path) == ("POST", "/v1/events")
    assert request.headers["Authorization"] == "Bearer wk"
    assert json.loads(request.content) == _EVENTS


async def test_waits_as_long_as_the_gateway_asks() -> None:
    door = Door(
        httpx.Response(429, headers={"Retry-After": "2"}),
        httpx.Response(503, headers={"Retry-After": "1"}),
        _DONE,
    )
    await door.send()
    assert door.waits == [2, 1]
    assert len(door.requests) == 3


async def test_waits_longer_and_longer_while_nobody_answers_but_never_gives_up() -> None:
    door = Door(*(httpx.ConnectError("refused") for _ in range(8)), httpx.Response(503), _DONE)
    await door.send()
    assert door.waits == [0.25, 0.5, 1, 2, 4, 5, 5, 5, 5]


@pytest.mark.parametrize("status", [400, 401, 403, 413])
async def test_says_when_the_gateway_will_never_take_them(status: int) -> None:
    with pytest.raises(RefusedError, match=str(status)):
        await Door(httpx.Response(status, json={"error": "no"})).send()


async def test_says_that_some_were_rejected_and_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    rejected = [{"index": 0, "error": "type: missing"}]
    with caplog.at_level(logging.WARNING):
        await Door(httpx.Response(200, json={"accepted": 1, "rejected": rejected})).send()
    assert "type: missing" in caplog.text
