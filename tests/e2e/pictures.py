"""Makes the README's pictures again, from a demonstration: `make pictures`, two minutes and a Chromium."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from tests.e2e.conftest import ARGS, NAME, chromium_path
from tests.integration.processes import until
from tests.integration.up_running import Up, running

PLACE = Path(__file__).parents[2] / "docs" / "pictures"
_ANSWERS = (("accepted", "Marc Lefèvre"), ("accepted", "Yann Prigent"), ("rejected", "Marc Lefèvre"))
_WAITING = 5
"""Hot leads that nobody has answered yet; the others show how answers look."""
_SHOWN = "Verdier"
"""Whose page is shown: she came back often, asked for a demo, and cools within the week that is drawn."""


def main() -> None:
    """Plays the demonstration, lets sales answer and a lead come back, and takes the pictures."""
    path = chromium_path()
    if path is None:
        sys.exit("no Chromium: `apt-get install chromium`, or name one by LEADHEAT_CHROMIUM")
    PLACE.mkdir(exist_ok=True)
    with running("--demo") as up, sync_playwright() as playwright:
        until(lambda: any("curl" in line for line in up.err), within_s=240)
        _answer(up)
        hot, warm = _leads(up, "hot"), _leads(up, "warm")
        shown = next(lead["lead_id"] for lead in hot if lead["traits"].get("last_name") == _SHOWN)
        _visit(up, shown, hot[3]["lead_id"])
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGS))
        with _reader(browser, up, 1440, 900) as page:
            page.goto("/")
            page.wait_for_selector("tr.l")
            comes_back = page.locator("tr.l[data-tier=warm]").nth(2).get_attribute("data-id")
            up.send({"type": "demo_requested", "lead_id": comes_back or warm[0]["lead_id"]})
            page.wait_for_selector(".pill:not([hidden])")
            page.screenshot(path=PLACE / "board.png")
        with _reader(browser, up, 1440, 1240) as page:
            page.goto(f"/leads/{shown}")
            page.wait_for_selector(".lead-head")
            page.screenshot(path=PLACE / "lead.png")
        with _reader(browser, up, 390, 844) as page:
            page.goto("/")
            page.wait_for_selector("tr.l")
            page.screenshot(path=PLACE / "phone.png")
        browser.close()
    if quantise := shutil.which("pngquant"):  # a third of the size
        subprocess.run([quantise, "--ext", ".png", "--force", "256", *PLACE.glob("*.png")], check=True)


def _leads(up: Up, tier: str) -> list[dict[str, Any]]:
    with up.client() as client:
        return list(client.get("/v1/leads", params={"tier": tier}).raise_for_status().json()["leads"])


def _answer(up: Up) -> None:
    """Sales answers all but a few."""
    hot = {lead["lead_id"] for lead in _leads(up, "hot")}
    with up.client() as client:
        alerts = client.get("/v1/alerts", params={"limit": 500}).raise_for_status().json()["alerts"]
        waits = [
            one
            for one in alerts
            if one["lead_id"] in hot and one["to"] == "hot" and one["traits"].get("last_name") != _SHOWN
        ]
        for number, alert in enumerate(waits[_WAITING - 1 :]):
            answer, by = _ANSWERS[number % len(_ANSWERS)]
            given = {"answer": answer, "by": by}
            client.post(f"/v1/alerts/{alert['id']}/answer", json=given).raise_for_status()


def _visit(up: Up, *leads: str) -> None:
    """Leads read a page now."""
    page = {"url": "https://www.atelier-crm.example/clients", "title": "Cas clients"}
    context = {"channel": "email"}
    up.send(
        *({"type": "page_view", "lead_id": one, "properties": page, "context": context} for one in leads)
    ).raise_for_status()


@contextmanager
def _reader(browser: Browser, up: Up, width: int, height: int) -> Iterator[Page]:
    """A page of somebody who has signed in."""
    context = browser.new_context(
        viewport={"width": width, "height": height},
        locale="en-GB",
        color_scheme="light",
        timezone_id="Europe/Paris",
        base_url=up.url,
    )
    context.add_init_script(f"localStorage.setItem('leadheat.name', {NAME!r})")
    context.request.post("/v1/session", data={"key": up.said("read key")})
    yield context.new_page()
    context.close()


if __name__ == "__main__":
    main()
