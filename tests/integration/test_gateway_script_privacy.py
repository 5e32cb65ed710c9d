"""LeadHeat's browser script and a visitor's choices: consent, signals, storage that is shut, subdomains."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.gateway_live import Broker, running_broker
from tests.script_site import Visit, visiting

pytestmark = [pytest.mark.embedded, pytest.mark.browser, pytest.mark.slow]

GPC = "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', { get: () => true })"
DNT = "Object.defineProperty(Navigator.prototype, 'doNotTrack', { get: () => '1' })"
SHUT = """for (const name of ['localStorage', 'sessionStorage'])
  Object.defineProperty(window, name, { get() { throw new DOMException('shut', 'SecurityError') } })"""
NO_COOKIES = """{
  const shut = () => { throw new DOMException('shut', 'SecurityError') }
  Object.defineProperty(Document.prototype, 'cookie', { get: shut, set: shut })
}"""


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    with running_broker() as running:
        yield running


async def _kept(visit: Visit) -> dict[str, Any]:
    """All that the browser keeps for the site."""
    stored = await visit.page.evaluate("({...localStorage})")
    return {**stored, **{one["name"]: one["value"] for one in await visit.context.cookies()}}


async def _nothing_happens(visit: Visit) -> None:
    await visit.call("track", "too early")
    await visit.call("identify", "u-42")
    await visit.page.click("#f1 button")
    await visit.page.wait_for_timeout(1_500)
    await visit.page.evaluate("dispatchEvent(new Event('pagehide'))")
    assert await _kept(visit) == {}
    assert visit.posts() == []


async def test_nothing_before_consent_and_nothing_after_it_is_taken_back(broker: Broker) -> None:
    async with visiting(broker.bootstrap, options='data-consent="required"') as visit:
        await visit.go()
        await _nothing_happens(visit)
        await visit.call("consent", {"tracking": True, "email": False})
        given, view = sorted(await visit.events("identify", "page_view"), key=lambda one: one["type"])
        consent = given["traits"]["consent"]
        assert (consent["tracking"], consent["email"], consent["at"][:2]) == (True, False, "20")
        await visit.go("/autre")
        await visit.call("consent", {"tracking": True, "email": False})  # as banners do on every page
        await visit.events("identify", "page_view", "page_view")
        await visit.call("consent", {"tracking": False})
        taken = (await visit.events("identify", "identify"))[-1]
        assert taken["traits"]["consent"]["tracking"] is False
        assert taken["anonymous_id"] == view["anonymous_id"]
        before = len(visit.posts())
        await visit.go()
        await visit.call("track", "too late")
        await visit.page.wait_for_timeout(1_500)
        assert len(visit.posts()) == before
        assert "id" not in json.loads((await _kept(visit))["leadheat"])
        await visit.call("consent", {"tracking": True})
        again = (await visit.events("page_view", "page_view", "page_view"))[-1]
        assert again["anonymous_id"] != view["anonymous_id"]
        assert visit.said == []


async def test_who_read_before_consent_is_not_told_of(broker: Broker) -> None:
    async with visiting(broker.bootstrap, options='data-consent="required"') as visit:
        await visit.page.clock.install(time="2026-11-01T09:00:00Z")
        await visit.page.clock.pause_at("2026-11-01T10:00:00Z")
        await visit.go()
        await visit.page.clock.run_for(20_000)
        await visit.call("consent", {"tracking": True})
        await visit.page.clock.run_for(3_000)
        await visit.leave()
        [spent] = await visit.events("page_time")
        assert spent["properties"]["duration_s"] == pytest.approx(3)


async def test_a_refusal_in_the_first_moment_is_in_time(broker: Broker) -> None:
    async with visiting(broker.bootstrap, early="leadheat('consent', {tracking: false})") as visit:
        await visit.go()
        await visit.call("track", "too late")
        await visit.page.wait_for_timeout(1_500)
        assert await visit.nothing_came()
        assert set(await _kept(visit)) == {"leadheat"}
        assert set(json.loads((await _kept(visit))["leadheat"])) == {"tracking", "said"}


async def test_consent_in_the_first_moment_is_in_time(broker: Broker) -> None:
    early = "leadheat('consent', {tracking: true})"
    async with visiting(broker.bootstrap, options='data-consent="required"', early=early) as visit:
        await visit.go()
        await visit.call("track", "end")
        await visit.events("identify", "page_view", "end")


@pytest.mark.parametrize("signal", [GPC, DNT])
async def test_signals_are_as_no_consent_where_the_site_says_so(broker: Broker, signal: str) -> None:
    async with visiting(broker.bootstrap, options="data-respect-signals", init=signal) as visit:
        await visit.go()
        await _nothing_happens(visit)
        await visit.call("consent", {"tracking": True})
        await visit.events("identify", "page_view")
        assert visit.said == []


async def test_signals_are_the_site_s_to_heed(broker: Broker) -> None:
    async with visiting(broker.bootstrap, init=GPC) as visit:
        await visit.go()
        await visit.events("page_view")


@pytest.mark.parametrize("init", [SHUT, SHUT + "\n" + NO_COOKIES])
async def test_storage_that_is_shut(broker: Broker, init: str) -> None:
    async with visiting(broker.bootstrap, init=init) as visit:
        await visit.go()
        await visit.go("/autre")
        await visit.call("track", "end")
        found = await visit.events("page_view", "page_view", "end")
        cookies = {one["name"]: one for one in await visit.context.cookies()}
        ids = {one["anonymous_id"] for one in found}
        if init == SHUT:
            assert (len(ids), set(cookies)) == (1, {"leadheat"})
            assert cookies["leadheat"]["sameSite"] == "Lax"
            await visit.call("consent", {"tracking": False})
            await visit.go()
            await visit.call("track", "too late")
            await visit.events("page_view", "page_view", "identify")
        else:
            assert (len(ids), cookies) == (2, {})
        assert visit.said == []


async def test_an_id_for_all_subdomains(broker: Broker) -> None:
    async with visiting(broker.bootstrap, options='data-domain="acme.localhost"') as visit:
        port = visit.site.url.rpartition(":")[2]
        for host in ("www.acme.localhost", "blog.acme.localhost"):
            visit.site.url = f"http://{host}:{port}"
            await visit.go()
            await visit.page.evaluate(
                "const link = document.querySelector('#out');"
                "link.href = '//shop.acme.localhost:9/'; link.click()"
            )
            await visit.page.bring_to_front()
        await visit.call("track", "end")
        found = await visit.events("page_view", "page_view", "end")
        assert len({one["anonymous_id"] for one in found}) == 1
        assert not [one for one in await visit.live.events() if one["type"] == "link_click"]
