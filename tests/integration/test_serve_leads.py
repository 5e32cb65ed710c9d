"""The read API's leads and accounts, on a real broker and a real store."""

import json
from urllib.parse import quote

import pytest

from scorer.times import DAY, parse_time
from tests.serve_live import Reading, Scored, Store, eventually, identify, page_view

pytest_plugins = ["tests.serve_fixtures"]
pytestmark = pytest.mark.embedded


async def test_a_lead_answers_to_all_its_identities(api: Reading, topics: Scored) -> None:
    await topics.publish(
        page_view(1, anonymous_id="a-1"),
        page_view(2, anonymous_id="a-1"),
        identify(3, "u-1", "a-1", title="CEO", email="anne@acme.fr"),
    )
    await api.caught_up(topics)
    by_lead, by_browser = await api.get("/v1/leads/u-1"), await api.get("/v1/leads/a-1")
    assert by_lead == by_browser
    assert by_lead["lead_id"] == "u-1"
    assert by_lead["identities"] == ["u-1", "a-1"]
    assert by_lead["score"] == 40.0
    assert by_lead["tier"] == "warm"
    assert by_lead["last_event"] == {
        "type": "page_view",
        "time": "2026-11-01T09:00:00Z",
        "title": "Page /pricing",
        "url": "https://leadheat.example/pricing",
    }
    assert len(by_lead["spark"]) == 7
    assert by_lead["spark"][-1] == 40.0


@pytest.mark.parametrize("lead", ["a/b", "a/timeline", "/", "100%", "a%2Fb", "é à?#", "日本", "a+b\\"])
async def test_a_lead_may_be_called_anything(api: Reading, topics: Scored, lead: str) -> None:
    await topics.publish(page_view(1, lead_id=lead))
    await api.caught_up(topics)
    path = f"/v1/leads/{quote(lead, safe='')}"
    assert (await api.get(path))["lead_id"] == lead
    assert (await api.get(f"{path}/timeline"))["lead_id"] == lead


async def test_a_score_fades_on_the_clock(api: Reading, topics: Scored) -> None:
    await topics.publish(page_view(1, lead_id="u-1"), page_view(2, lead_id="u-1"))
    await api.caught_up(topics)
    topics.clock.pass_seconds(7 * 86_400)
    lead = await api.get("/v1/leads/u-1")
    assert lead["score"] == pytest.approx(10.0)
    assert lead["as_of"] == "2026-11-08T09:00:00Z"
    assert [entry[:3] for entry in lead["fading"]] == [["pricing", 20.0, 604_800.0]]
    assert lead["pending"] == [["silent", -15.0, "2026-12-01T09:00:00Z"]]
    topics.clock.pass_seconds(30 * 86_400)
    later = await api.get("/v1/leads/u-1")
    assert later["pending"] == []
    assert later["contributions"]["silent"] == -15.0


async def test_what_is_not_there_is_404(api: Reading, topics: Scored) -> None:
    await topics.publish(page_view(1, lead_id="u-1"))
    await api.caught_up(topics)
    for path in (
        "leads/u-2",
        "leads/u-2/timeline",
        "leads/u-2/curve",
        "accounts/acme.fr",
        "alerts/none",
        "nothing",
    ):
        answer = await api.client.get(f"/v1/{path}")
        assert answer.status_code == 404, path
        assert answer.json()["error"]


async def test_a_deleted_record_takes_the_lead_away(api: Reading, topics: Scored) -> None:
    await topics.publish(page_view(1, lead_id="u-1"), identify(2, "u-1", company="Acme"))
    await api.caught_up(topics)
    assert (await api.get("/v1/leads", q="acme"))["leads"]
    await topics.send("scores", b"u-1", None, topics.clock.now)
    await api.caught_up(topics)
    assert (await api.client.get("/v1/leads/u-1")).status_code == 404
    assert (await api.client.get("/v1/accounts/acme")).status_code == 404
    for params in ({}, {"q": "acme"}, {"sort": "name"}, {"sort": "recent"}, {"sort": "cools"}):
        assert (await api.get("/v1/leads", **params))["leads"] == [], params
    assert (await api.get("/v1/status"))["leads"] == {"cold": 0, "warm": 0, "hot": 0}


async def test_an_id_may_hold_any_character(api: Reading, topics: Scored) -> None:
    for number, name in enumerate(("a/b c?d", "é\n'\"<script>", "x:y*")):
        await topics.publish(page_view(number, lead_id=name))
    await api.caught_up(topics)
    for path, name in (
        ("a%2Fb%20c%3Fd", "a/b c?d"),
        ("%C3%A9%0A'%22%3Cscript%3E", "é\n'\"<script>"),
        ("x:y*", "x:y*"),
    ):
        assert (await api.get(f"/v1/leads/{path}"))["lead_id"] == name
        assert (await api.get(f"/v1/leads/{path}/timeline"))["events"][0]["lead_id"] == name


async def crowd(topics: Scored, count: int) -> None:
    """Leads that looked at the prices at different times, some of them bosses."""
    for number in range(count):
        topics.clock.now = type(topics.clock.now)(topics.clock.now + 3_600_000_000)
        lead = f"u-{number:03}"
        title = "CEO" if number % 3 == 0 else "Clerk"
        await topics.publish(
            identify(number, lead, title=title, last_name=f"Name{number % 7}", company=f"Firm {number % 5}"),
            *(page_view(number * 10 + view, lead_id=lead) for view in range(number % 6)),
        )


async def test_lists_are_those_of_every_lead_sorted(api: Reading, topics: Scored) -> None:
    await crowd(topics, 40)
    await api.caught_up(topics)
    topics.clock.pass_seconds(86_400)
    leads = [await api.get(f"/v1/leads/u-{number:03}") for number in range(40)]
    ranked = sorted(leads, key=lambda one: (-one["score"], one["lead_id"]))
    listed = (await api.get("/v1/leads", limit=500))["leads"]
    assert [one["lead_id"] for one in listed] == [one["lead_id"] for one in ranked]
    assert listed == ranked
    assert (await api.get("/v1/leads", limit=7))["leads"] == ranked[:7]
    warm = [one for one in ranked if one["tier"] == "warm"]
    assert (await api.get("/v1/leads", tier="warm", limit=500))["leads"] == warm
    assert 0 < len(warm) < 40
    named = (await api.get("/v1/leads", sort="name", limit=500))["leads"]
    assert [one["lead_id"] for one in named] == [
        one["lead_id"] for one in sorted(leads, key=lambda one: (one["traits"]["last_name"], one["lead_id"]))
    ]
    recent = (await api.get("/v1/leads", sort="recent", limit=500))["leads"]
    seen = [one["last_event"]["time"] for one in recent if one["last_event"]]
    assert seen == sorted(seen, reverse=True)
    assert len(recent) == 40
    cools = (await api.get("/v1/leads", sort="cools", limit=500))["leads"]
    soonest = [one["next_tier"]["at"] for one in cools if one["tier"] != "cold" and one["next_tier"]]
    assert soonest == sorted(soonest)
    assert len(cools) == 40
    found = (await api.get("/v1/leads", q="firm 3", limit=500))["leads"]
    assert [one["lead_id"] for one in found] == [
        one["lead_id"] for one in ranked if one["traits"]["company"] == "Firm 3"
    ]


@pytest.mark.parametrize("sort", ["score", "cools", "recent", "name"])
async def test_pages_put_together_are_the_list(api: Reading, topics: Scored, sort: str) -> None:
    await crowd(topics, 23)
    await api.caught_up(topics)
    whole = [one["lead_id"] for one in (await api.get("/v1/leads", sort=sort, limit=500))["leads"]]
    found: list[str] = []
    following: str | None = ""
    while following is not None:
        page = await api.get("/v1/leads", sort=sort, limit=5, after=following)
        found += [one["lead_id"] for one in page["leads"]]
        following = page["next"]
        topics.clock.pass_seconds(3 * 86_400)  # a cursor stands for its own moment
    assert found == whole


async def test_a_page_of_five_hundred(api: Reading, topics: Scored) -> None:
    record = (await one_record(topics)).encode()
    for number in range(510):
        lead = f"u-{number:04}"
        await topics.send(
            "scores", lead.encode(), record.replace(b"u-first", lead.encode()), topics.clock.now
        )
    await api.caught_up(topics)
    page = await api.get("/v1/leads", limit=500, q="u")
    assert len(page["leads"]) == 500
    rest = await api.get("/v1/leads", limit=500, q="u", after=page["next"])
    assert len({one["lead_id"] for one in page["leads"] + rest["leads"]}) == 511
    assert rest["next"] is None


async def one_record(topics: Scored) -> str:
    await topics.publish(page_view(1, lead_id="u-first"))
    (record,) = await topics.landed("scores", 1)
    return json.dumps({name: value for name, value in record.items() if name != "//key"})


@pytest.mark.parametrize(
    "params",
    [
        {"limit": "0"},
        {"limit": "501"},
        {"limit": "ten"},
        {"limit": "٣"},
        {"sort": "age"},
        {"tier": "boiling"},
        {"after": "nonsense"},
        {"after": "WyJuYW1lIiwieCJd"},
    ],
)
async def test_a_wrong_query_is_told(api: Reading, topics: Scored, params: dict[str, str]) -> None:
    await api.caught_up(topics)
    answer = await api.client.get("/v1/leads", params=params)
    assert answer.status_code == 400
    assert next(iter(params)) in answer.json()["error"]


async def test_an_account_is_as_hot_as_its_hottest_lead(api: Reading, topics: Scored) -> None:
    await topics.publish(
        identify(1, "u-1", email="anne@acme.fr", title="CEO", company="Acme SA"),
        identify(2, "u-2", email="bob@acme.fr", title="Clerk"),
        identify(3, "u-3", email="carl@gmail.com", company="ACME  sa"),
        identify(4, "u-4", email="dora@gmail.com"),
        page_view(5, lead_id="u-1"),
    )
    await api.caught_up(topics)
    by_domain = await api.get("/v1/accounts/acme.fr")
    assert [one["lead_id"] for one in by_domain["leads"]] == ["u-1", "u-2"]
    assert by_domain["score"] == 30.0
    assert by_domain["tier"] == "warm"
    assert by_domain["tiers"] == {"warm": 1, "cold": 1}
    by_name = await api.get("/v1/accounts/acme%20sa")
    assert {one["lead_id"] for one in by_name["leads"]} == {"u-1", "u-3"}
    assert (await api.client.get("/v1/accounts/gmail.com")).status_code == 404


async def test_the_grid_is_read_again_when_its_file_changes(api: Reading, topics: Scored) -> None:
    await crowd(topics, 10)
    await api.caught_up(topics)
    text = api.config.grid.read_text()
    api.config.grid.write_text(text.replace("version: 1", "version: 2").replace("max: 60", "max: 15"))

    async def second() -> bool:
        return (await api.get("/v1/grid"))["version"] == 2

    await eventually(second)
    leads = [await api.get(f"/v1/leads/u-{number:03}") for number in range(10)]
    ranked = sorted(leads, key=lambda one: (-one["score"], one["lead_id"]))
    assert max(one["scores"]["engagement"] for one in ranked) <= 15
    listed = (await api.get("/v1/leads", limit=500))["leads"]
    assert [(one["lead_id"], one["score"]) for one in listed] == [
        (one["lead_id"], one["score"]) for one in ranked
    ]
    assert listed == ranked
    api.config.grid.write_text(text.replace("tiers:", "tears:"))
    assert (await api.get("/v1/grid"))["version"] == 2
    assert parse_time(ranked[0]["as_of"]) < topics.clock.now + DAY


async def test_bounds_follow_the_fading_scores(api: Reading, topics: Scored, serve_store: Store) -> None:
    await crowd(topics, 12)
    await api.caught_up(topics)
    topics.clock.pass_seconds(14 * 86_400)
    cache = serve_store.client()
    (name,) = cache.keys(f"{topics.prefix}:order:*:score:cold")

    def lowered() -> bool:
        return all(bound < 10.0 or bound >= 20.0 for _, bound in cache.zrange(name, 0, -1, withscores=True))

    await eventually(lowered)
    leads = [await api.get(f"/v1/leads/u-{number:03}") for number in range(12)]
    ranked = sorted(leads, key=lambda one: (-one["score"], one["lead_id"]))
    assert (await api.get("/v1/leads", limit=500))["leads"] == ranked
    assert (await api.get("/v1/leads", limit=3))["leads"] == ranked[:3]
    await topics.publish(
        page_view(999, lead_id=ranked[-1]["lead_id"]), page_view(998, lead_id=ranked[-1]["lead_id"])
    )
    await api.caught_up(topics)
    again = await api.get(f"/v1/leads/{ranked[-1]['lead_id']}")
    above = [one["lead_id"] for one in ranked[:-1] if one["score"] > again["score"]]
    assert (await api.get("/v1/leads", limit=500))["leads"][len(above)]["lead_id"] == again["lead_id"]
