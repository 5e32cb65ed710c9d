"""LeadHeat's browser script in a real browser: pages, time, files, forms, identity."""

from collections.abc import Iterator

import pytest

from connectors.ingest.link_tokens import Link, LinkKeys
from scorer.times import SECOND, parse_time
from tests.gateway_live import Broker, running_broker
from tests.script_site import LINK_KEY, PAGE_KEY, visiting

pytestmark = [pytest.mark.embedded, pytest.mark.browser, pytest.mark.slow]

CSP = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self' {gateway}; connect-src {gateway}; "
    "img-src data:; form-action 'self'; base-uri 'none'; require-trusted-types-for 'script'"
}
HIDE = """(hidden) => {
  const state = hidden ? 'hidden' : 'visible'
  Object.defineProperty(document, 'visibilityState', { get: () => state, configurable: true })
  document.dispatchEvent(new Event('visibilitychange'))
}"""


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    with running_broker() as running:
        yield running


async def test_a_visit_under_a_strict_policy(broker: Broker) -> None:
    async with visiting(broker.bootstrap, headers=CSP) as visit:
        await visit.go(
            "/tarifs?utm_source=linkedin&utm_campaign=q4&mail=ada@acme.example&page=2#token=secret"
        )
        [view] = await visit.events("page_view")
        address = f"{visit.site.url}/tarifs?utm_source=linkedin&utm_campaign=q4&page=2"
        assert view["properties"] == {"url": address, "title": "Nos tarifs"}
        assert view["context"] == {
            "utm_source": "linkedin",
            "utm_campaign": "q4",
            "channel": "browser",
            "ip": "127.0.0.1",
            "user_agent": "Mozilla/5.0 Visitor",
        }
        assert "lead_id" not in view
        await visit.page.click("#in")
        first, second = await visit.events("page_view", "page_view")
        views = [one for one in await visit.live.events() if one["type"] == "page_view"]
        assert len(views) == 2  # a copy would not count, but costs
        assert second["anonymous_id"] == first["anonymous_id"]
        assert second["properties"]["referrer"] == address
        assert visit.said == []
        assert visit.third_parties() == set()
        assert {one.replace(visit.live.url, "") for one in visit.posts()} == {f"POST /v1/e?key={PAGE_KEY}"}
        assert not [one for one in visit.asked if one.startswith("OPTIONS")]
        assert await visit.context.cookies() == []


async def test_pages_of_an_application(broker: Broker) -> None:
    async with visiting(broker.bootstrap) as visit:
        await visit.go("/tarifs?utm_source=linkedin")
        await visit.page.evaluate(
            "history.pushState({}, '', '/autre'); history.replaceState({}, '', '/autre?sort=1');"
            "document.title = 'Autre'"
        )
        await visit.events("page_view", "page_view")
        await visit.page.evaluate("history.replaceState({}, '', '/autre?sort=2')")
        await visit.page.evaluate("location.hash = '#/panier'")
        await visit.events("page_view", "page_view", "page_view")
        await visit.page.go_back()
        await visit.page.click("#anchor")
        await visit.call("track", "end")
        *views, end = await visit.events("page_view", "page_view", "page_view", "page_view", "end")
        paths = [one["properties"]["url"].removeprefix(visit.site.url) for one in views]
        assert paths == [
            "/tarifs?utm_source=linkedin",
            "/autre?sort=1",
            "/autre?sort=2#/panier",
            "/autre?sort=2",
        ]
        assert [one["properties"].get("referrer", "").removeprefix(visit.site.url) for one in views] == [
            "",
            *paths[:3],
        ]
        assert [one["properties"]["title"] for one in views] == ["Nos tarifs", "Autre", "Autre", "Autre"]
        assert {one["context"]["utm_source"] for one in [*views, end]} == {"linkedin"}
        assert visit.said == []


async def test_time_counts_while_the_page_is_seen_and_somebody_is_there(broker: Broker) -> None:
    async with visiting(broker.bootstrap) as visit:
        clock, page = visit.page.clock, visit.page
        await clock.install(time="2026-11-01T09:00:00Z")
        await clock.pause_at("2026-11-01T10:00:00Z")
        await visit.go()
        await clock.run_for(10_000)
        await page.evaluate(HIDE, True)
        await clock.run_for(300_000)
        await page.mouse.move(5, 5)  # over another window's edge: nobody sees the page
        await clock.run_for(1_000)
        await page.evaluate(HIDE, False)
        await clock.run_for(5_000)
        await page.keyboard.press("ArrowDown")
        await clock.run_for(600_000)  # read for half a minute more
        await page.mouse.move(30, 30)
        await clock.run_for(2_500)
        await page.evaluate("history.pushState({}, '', '/autre')")
        await clock.run_for(4_000)
        await visit.leave()
        await visit.events("page_view", "page_view", *["page_time"] * 5)
        spent: dict[str, list[float]] = {}
        for one in await visit.events(*["page_time"] * 5):
            path = one["properties"]["url"].removeprefix(visit.site.url)
            spent.setdefault(path, []).append(one["properties"]["duration_s"])
        assert sum(spent["/tarifs"]) == pytest.approx(10 + 5 + 30 + 2.55)  # 50 ms until a new page is seen
        assert spent["/autre"] == [pytest.approx(3.95)]


async def test_time_is_told_at_the_end_and_after_a_way_back(broker: Broker) -> None:
    """By the browser itself: a page that is left, and comes back as it was."""
    async with visiting(broker.bootstrap) as visit:
        await visit.go()
        await visit.page.wait_for_timeout(1_300)
        await visit.page.goto(visit.site.url.replace("localhost", "127.0.0.1") + "/autre")
        told = await visit.events("page_view", "page_time", "page_view")
        [spent] = [one for one in told if one["type"] == "page_time"]
        by_url = {one["properties"]["url"]: one for one in told if one is not spent}
        view, other = by_url.pop(f"{visit.site.url}/tarifs"), by_url.popitem()[1]
        assert spent["properties"]["url"] == view["properties"]["url"]
        assert 1.3 <= spent["properties"]["duration_s"] < 20
        assert other["anonymous_id"] != view["anonymous_id"]
        await visit.page.evaluate("history.back()")
        views = await visit.events("page_view", "page_view", "page_view")
        [back] = [one for one in views if one["id"] not in (view["id"], other["id"])]
        assert back["properties"]["url"] == view["properties"]["url"]
        assert back["anonymous_id"] == view["anonymous_id"]
        ids = [one["id"] for one in await visit.live.events()]
        assert ids.count(spent["id"]) == 1  # what a beacon took is not sent again by the next page
        assert visit.said == []


async def test_a_page_that_was_made_ready_unseen_and_one_that_comes_back_as_it_was(broker: Broker) -> None:
    ready = "Object.defineProperty(document, 'prerendering', { get: () => window.ready, configurable: true })"
    async with visiting(broker.bootstrap, init=f"window.ready = true; {ready}") as visit:
        await visit.go()
        await visit.call("track", "asked for")
        [asked] = await visit.events("asked_for")
        assert not [one for one in await visit.live.events() if one["type"] == "page_view"]
        await visit.page.evaluate("document.dispatchEvent(new Event('prerenderingchange'))")
        [view] = await visit.events("page_view")
        assert asked["anonymous_id"] == view["anonymous_id"]
        for kept in (False, True):
            await visit.page.evaluate(
                "(kept) => dispatchEvent(new PageTransitionEvent('pageshow', { persisted: kept }))", kept
            )
        await visit.call("track", "end")
        await visit.events("page_view", "page_view", "end")


async def test_an_event_made_offline_arrives_once_and_with_its_own_time(broker: Broker) -> None:
    async with visiting(broker.bootstrap) as visit:
        await visit.page.clock.install(time="2026-11-01T09:00:00Z")
        await visit.page.clock.pause_at("2026-11-01T10:00:00Z")
        await visit.go()
        await visit.page.clock.run_for(1_000)
        [first] = await visit.events("page_view")
        await visit.context.set_offline(True)
        await visit.call("track", "Demo Requested", {"planType": "pro", "n": 1})
        before = len(visit.posts())
        await visit.page.clock.run_for(120_000)
        assert len(visit.posts()) == before
        await visit.context.set_offline(False)  # and nothing but this sets it going: the clock stands still
        [demo] = await visit.events("demo_requested")
        assert demo["properties"]["event"] == "Demo Requested"
        assert demo["properties"]["plan_type"] == "pro"
        assert demo["anonymous_id"] == first["anonymous_id"]
        assert visit.live.clock() - parse_time(demo["time"]) >= 120 * SECOND  # by the browser's clock
        assert visit.said == []


async def test_what_was_not_sent_when_the_page_was_left_is_sent_by_the_next(broker: Broker) -> None:
    async with visiting(broker.bootstrap) as visit:
        await visit.go()
        await visit.events("page_view")
        await visit.context.set_offline(True)
        await visit.call("track", "left offline")
        await visit.leave()
        await visit.context.set_offline(False)
        await visit.go("/autre")
        await visit.events("page_view", "page_view", "left_offline")
        await visit.call("track", "end")
        await visit.events("left_offline", "end")
        assert await visit.page.evaluate("localStorage.getItem('leadheat.unsent')") is None


async def test_a_gateway_that_fails_is_tried_again(broker: Broker) -> None:
    async with visiting(broker.bootstrap) as visit:
        refusals = iter([503, 429, 500])
        tried: list[str] = []

        async def refuse(route: object) -> None:
            tried.append(route.request.post_data)  # type: ignore[attr-defined]
            status = next(refusals, None)
            if status is None:
                await route.continue_()  # type: ignore[attr-defined]
            else:
                await route.fulfill(status=status, headers={"Access-Control-Allow-Origin": "*"})  # type: ignore[attr-defined]

        await visit.context.route("**/v1/e?*", refuse)
        await visit.go()
        [view] = await visit.events("page_view")
        assert len(tried) == 4
        assert all(view["id"] in body for body in tried)


async def test_files_and_links_elsewhere(broker: Broker) -> None:
    async with visiting(broker.bootstrap) as visit:
        await visit.go()
        for one in ("#pdf", "#named", "#out b", "#anchor"):
            await visit.page.click(one)
        await visit.page.click("#pdf", button="right")  # opens a menu, and no file
        await visit.page.click("#pdf", button="middle")
        pdf, named, out, again = await visit.events("download", "download", "link_click", "download")
        for download in (pdf, again):
            assert download["properties"] == {
                "url": f"{visit.site.url}/tarifs",
                "title": "Nos tarifs",
                "asset": "livre blanc.pdf",
                "link": f"{visit.site.url}/livre%20blanc.pdf",
            }
        assert named["properties"]["asset"] == "Tarifs 2026.csv"
        assert out["properties"]["link"] == "http://127.0.0.1:9/partner"
        assert not [one for one in visit.said if "ERR_CONNECTION_REFUSED" not in one]


async def test_forms_tell_their_name_and_who_it_is_only_where_they_are_asked_to(broker: Broker) -> None:
    async with visiting(broker.bootstrap) as visit:
        await visit.go()
        await visit.page.fill("#f1 textarea", "typed-canary")
        await visit.page.fill("#f1 [type=email]", "Ada@Acme.example")
        await visit.page.click("#f1 button")
        await visit.page.fill("#newsletter input", "bob@acme.example")
        await visit.page.click("#newsletter button")
        await visit.page.fill("[name=search] input", "canary@acme.example")
        await visit.page.click("[name=search] button")
        found = await visit.events("form_submit", "form_submit", "form_submit", "identify", "identify")
        forms = [one["properties"]["form"] for one in found if one["type"] == "form_submit"]
        assert sorted(forms) == ["contact", "newsletter", "search"]
        who = sorted(
            (one.get("lead_id"), one["traits"]["email"])
            for one in found
            if one["type"] == "identify" and "lead_id" in one
        )
        assert who == [("ada@acme.example", "ada@acme.example")]
        [trait] = [one["traits"] for one in found if one["type"] == "identify" and "lead_id" not in one]
        assert trait == {"email": "bob@acme.example"}
        assert "canary" not in str(found)


async def test_who_it_is(broker: Broker) -> None:
    who = "leadheat('identify', 'u-42', {firstName: 'Ada', company: {name: 'Acme'}});"
    early = who + "leadheat('track', 'Démo vue')"
    async with visiting(broker.bootstrap, early=early) as visit:
        await visit.go()
        await visit.call("identify", {"title": "CEO"})
        await visit.call("identify", 42)
        await visit.call("track", "outcome", {"outcome": "won"})
        await visit.call("nonsense")
        await visit.call("track", "cut \ud83d")
        await visit.call("track", "end")
        found = await visit.events("identify", "identify", "identify", "demo_vue", "page_view", "cut", "end")
        known, traits, number = [one for one in found if one["type"] == "identify"]
        assert (known["lead_id"], known["traits"]) == ("u-42", {"first_name": "Ada", "company": "Acme"})
        assert (traits.get("lead_id"), traits["traits"]) == (None, {"title": "CEO"})
        assert number["lead_id"] == "42"
        assert len({one["anonymous_id"] for one in found}) == 1
        assert all("lead_id" not in one for one in found if one["type"] != "identify")
        assert not [one for one in await visit.live.events() if one["type"] == "outcome"]
        await visit.call("forget")
        await visit.call("track", "somebody else")
        [other] = await visit.events("somebody_else")
        assert other["anonymous_id"] != known["anonymous_id"]
        assert visit.said == []


async def test_a_click_in_an_e_mail_ties_the_browser_to_the_lead(broker: Broker) -> None:
    async with visiting(broker.bootstrap) as visit:
        link = Link("click", "u-42", "demo", to=f"{visit.site.url}/tarifs?a=1#/x", ties=True)
        await visit.page.goto(f"{visit.live.url}/c/{LinkKeys([LINK_KEY]).sign(link)}")
        click, view, identify = sorted(
            await visit.events("email_click", "page_view", "identify"),
            key=lambda one: ["email_click", "page_view", "identify"].index(one["type"]),
        )
        assert click["lead_id"] == identify["lead_id"] == "u-42"
        assert identify["anonymous_id"] == view["anonymous_id"]
        assert view["properties"]["url"] == visit.page.url == f"{visit.site.url}/tarifs?a=1#/x"
        assert parse_time(identify["time"]) >= parse_time(click["time"])
        assert visit.said == []
