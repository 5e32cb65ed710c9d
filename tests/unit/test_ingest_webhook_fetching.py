"""What a gateway fetches for a provider's signature, and what it remembers of deliveries."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from connectors.ingest.errors import RefusedError
from connectors.ingest.webhooks import fetching
from connectors.ingest.webhooks.fetching import FetchError, fetch_small
from connectors.ingest.webhooks.replays import Replays
from scorer.times import Micros


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[httpx.Request], httpx.Response]], None]:
    client = httpx.AsyncClient

    def answer(handler: Callable[[httpx.Request], httpx.Response]) -> None:
        def made(**how: Any) -> httpx.AsyncClient:
            return client(transport=httpx.MockTransport(handler), **how)

        monkeypatch.setattr(fetching.httpx, "AsyncClient", made)

    return answer


async def test_fetches_small_things_by_https(answering: Any) -> None:
    answering(lambda request: httpx.Response(200, text=str(request.url)))
    assert await fetch_small("https://sns.test/a.pem") == b"https://sns.test/a.pem"


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(302, headers={"Location": "https://169.254.169.254/"}),
        httpx.Response(404),
        httpx.Response(500),
        httpx.Response(200, content=b"x" * 65_537),
    ],
)
async def test_takes_no_redirect_no_error_and_nothing_large(answering: Any, answer: httpx.Response) -> None:
    answering(lambda request: answer)
    with pytest.raises(FetchError):
        await fetch_small("https://sns.test/a.pem")


async def test_fetches_nothing_otherwise(answering: Any) -> None:
    def away(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("away")

    answering(away)
    for url in ("https://sns.test/", "http://sns.test/", "file:///etc/passwd", "", "https://[", "https://\0"):
        with pytest.raises(FetchError):
            await fetch_small(url)


def test_a_delivery_that_is_under_way_is_told_to_try_again() -> None:
    replays = Replays()

    def claim(now: int = 0) -> bool:
        return replays.claim("a", Micros(0), Micros(now), keep_us=10)

    assert claim()
    with pytest.raises(RefusedError) as found:
        claim()
    assert (found.value.status, found.value.retry_after_s) == (503, 2)
    replays.done("a", taken=False)
    assert claim()
    replays.done("a", taken=True)
    assert not claim(10)
    assert claim(11)
