"""A headless Chromium and a board to look at, for the tests of the board."""

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.e2e.board_fixture import KEY, MONDAY, Desk, board_server

ARGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
NAME = "Inès Caron"
Open = Callable[..., Page]


def chromium_path() -> str | None:
    """Where a Chromium is, by LEADHEAT_CHROMIUM or on the path."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return os.environ.get("LEADHEAT_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The browser."""
    path = chromium_path()
    if path is None:
        pytest.skip("no Chromium: `apt-get install chromium`, or name one by LEADHEAT_CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGS))
        yield browser
        browser.close()


@pytest.fixture
def board() -> Iterator[tuple[str, Desk]]:
    """A board's address and the desk behind it."""
    with board_server(MONDAY) as served:
        yield served


@pytest.fixture
def desk(board: tuple[str, Desk]) -> Desk:
    """What the server tells."""
    return board[1]


@pytest.fixture
def context_of(chromium: Browser, board: tuple[str, Desk]) -> Iterator[Callable[..., BrowserContext]]:
    """Makes contexts of a signed-in reader: language, width, theme, known name."""
    made: list[BrowserContext] = []

    def make(
        lang: str = "en-GB", width: int = 1440, theme: Any = "light", name: str = NAME
    ) -> BrowserContext:
        context = chromium.new_context(
            viewport={"width": width, "height": 900},
            locale=lang,
            color_scheme=theme,
            timezone_id="Europe/Paris",
            reduced_motion="reduce",
            base_url=board[0],
        )
        made.append(context)
        if name:
            context.add_init_script(
                f"localStorage.getItem('leadheat.name') ?? localStorage.setItem('leadheat.name', {name!r})"
            )
        answer = context.request.post("/v1/session", data={"key": KEY})
        assert answer.ok
        return context

    yield make
    for context in made:
        context.close()


@pytest.fixture
def open_page(context_of: Callable[..., BrowserContext]) -> Iterator[Open]:
    """Opens a page of the board and waits until it stands; a script error fails the test."""
    errors: list[str] = []

    def opened(path: str = "/", wait: str = "main .panel", **reader: Any) -> Page:
        page = context_of(**reader).new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(path)
        page.wait_for_selector(wait)
        return page

    yield opened
    assert errors == []
