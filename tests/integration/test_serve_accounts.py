"""The read API's accounts as `leadheat accounts` keeps them: list, orders, pages, one, the stream, alerts."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from connectors.accounts.config import AccountsConfig
from connectors.accounts.keeper import keep
from scorer.handover import Erase
from scorer.times import DAY
from tests.serve_live import GRID, Reading, Scored, eventually, identify, page_view
from tests.serve_sse import following

pytest_plugins = ["tests.serve_fixtures"]
pytestmark = pytest.mark.embedded

_ROLLED_UP = """
accounts: {roll_up: sum, cap_per_lead: 40, tiers: [{id: cold}, {id: hot, from: 60}], hysteresis: 5}
plays:
  - {id: account-hot, when: {account: {enters: hot}}, do: [{alert: sales}]}
"""


@pytest.fixture
def serve_grid(tmp_path: Path) -> Path:
    """A grid whose accounts are the sums of their leads."""
    path = tmp_path / "grid.yml"
    path.write_text(GRID.partition("plays:")[0] + _ROLLED_UP)
    return path


@pytest.fixture
async def keeping(topics: Scored, serve_grid: Path) -> AsyncIterator[None]:
    """Accounts are kept."""
    stop = asyncio.Event()
    config = AccountsConfig(topics.bootstrap, topics.prefix, serve_grid, topics.clock, session_timeout_s=1.0)
    task = asyncio.create_task(keep(config, stop))
    yield
    stop.set()
    await task


async def _people(topics: Scored, *more: dict[str, Any]) -> None:
    await topics.publish(
        identify(1, "u-1", email="anne@acme.fr", title="CEO", company="Acme SA", first_name="Anne"),
        identify(2, "u-2", email="bob@acme.fr", title="CEO"),
        identify(3, "u-3", email="carl@gmail.com", company="Globex"),
        identify(4, "u-4", email="dora@gmail.com"),
        *more,
    )


async def _listed(api: Reading, **asked: Any) -> list[dict[str, Any]]:
    return list((await api.get("/v1/accounts", **asked))["accounts"])


async def test_accounts_are_listed_hottest_first_and_fade(
    keeping: None, api: Reading, topics: Scored
) -> None:
    visits = [page_view(number, lead_id="u-1") for number in range(4)]
    await _people(topics, *visits, *(page_view(number + 9, lead_id="u-2") for number in range(2)))
    await eventually(lambda: _hot(api))
    first, second = await _listed(api)
    assert (first["account"], first["company"], first["count"]) == ("acme.fr", "Acme SA", 2)
    assert first["score"] == pytest.approx(40 + 40)  # one has 60, and counts for 40
    assert first["leads"][0] == {"lead_id": "u-1", "name": "Anne", "score": 60.0, "tier": "hot"}
    assert (second["account"], second["tier"], second["tiers"]) == ("globex", "cold", {"cold": 1})
    one = await api.get("/v1/accounts/acme.fr")
    assert [lead["lead_id"] for lead in one["leads"]] == ["u-1", "u-2"]
    assert {name: one[name] for name in ("tier", "since", "score")} == {
        name: first[name] for name in ("tier", "since", "score")
    }
    [cold] = (await api.get("/v1/accounts/globex/plays"))["plays"]
    assert (cold["state"], cold["last_at"]) == ("missing", None)
    assert cold["missing"] == [
        {"of": None, "needs": 60, "has": second["score"], "points": 60 - second["score"]}
    ]
    assert (await api.client.get("/v1/accounts/nobody.fr/plays")).status_code == 404
    assert [one["account"] for one in await _listed(api, tier="hot")] == ["acme.fr"]
    assert [one["account"] for one in await _listed(api, q="glob")] == ["globex"]
    assert [one["account"] for one in await _listed(api, sort="name")] == ["acme.fr", "globex"]
    for sort in ("score", "name"):
        page = await api.get("/v1/accounts", sort=sort, limit=1)
        after = await api.get("/v1/accounts", sort=sort, limit=1, after=page["next"])
        assert [page["accounts"][0]["account"], after["accounts"][0]["account"]] == ["acme.fr", "globex"]
        assert after["next"] is None
    assert (await api.client.get("/v1/accounts", params={"tier": "warm"})).status_code == 400
    topics.clock.pass_seconds(7 * 86_400)
    assert (await _listed(api))[0]["score"] == pytest.approx(40 + 20 + 10)
    topics.clock.pass_seconds(3 * 7 * 86_400)
    await topics.pass_time()
    await eventually(lambda: _is(api, "acme.fr", "cold"))  # by mere time
    since = (await api.get("/v1/accounts/acme.fr"))["since"]
    assert since > first["since"]


async def _hot(api: Reading) -> bool:
    answer = await api.client.get("/v1/accounts", params={"tier": "hot"})
    found = answer.json()["accounts"] if answer.status_code == 200 else []
    return bool(found) and found[0]["score"] == pytest.approx(80)


async def _is(api: Reading, account: str, tier: str) -> bool:
    return bool((await api.get(f"/v1/accounts/{account}"))["tier"] == tier)


async def test_an_account_that_gets_hot_is_told(keeping: None, api: Reading, topics: Scored) -> None:
    await api.caught_up(topics)
    async with following(api.client) as told:
        await _people(topics)
        await eventually(lambda: _there(api, 2))
        await topics.publish(*(page_view(number, lead_id=f"u-{1 + number % 2}") for number in range(6)))
        await told.until("alert")
    assert {one.data["account"] for one in told.seen if one.kind == "account"} == {"acme.fr", "globex"}
    (alert,) = (await api.get("/v1/alerts"))["alerts"]
    assert (alert["play"], alert["account"], alert["company"]) == ("account-hot", "acme.fr", "Acme SA")
    assert alert["lead_id"] == alert["leads"][0]["lead_id"] == alert["lead"]["lead_id"]
    assert {one["lead_id"] for one in alert["leads"]} == {"u-1", "u-2"}
    [play] = (await api.get("/v1/accounts/acme.fr/plays"))["plays"]
    assert (play["play"], play["when"]) == ("account-hot", {"account": {"enters": "hot"}})
    assert (play["state"], play["alerted"]) == ("holds", True)
    assert play["last_at"] == play["since"] == alert["at"]


async def _there(api: Reading, count: int) -> bool:
    answer = await api.client.get("/v1/accounts")
    return answer.status_code == 200 and len(answer.json()["accounts"]) == count


async def test_an_erased_lead_is_in_no_account(keeping: None, api: Reading, topics: Scored) -> None:
    await _people(topics, *(page_view(number, lead_id=f"u-{1 + number % 2}") for number in range(6)))
    await eventually(lambda: _there(api, 2))
    topics.clock.pass_seconds(DAY / 1e6)
    await topics.order("u-2", Erase(["u-2"]))
    await topics.order("u-3", Erase(["u-3"]))
    await eventually(lambda: _there(api, 1))
    assert (await api.get("/v1/accounts/acme.fr"))["count"] == 1
    answers = [await api.client.get(path) for path in ("/v1/accounts", "/v1/accounts/acme.fr", "/v1/alerts")]
    assert not any("u-2" in answer.text for answer in answers)
