"""A site with LeadHeat's script on it, of another origin than the gateway's, and a real browser on it."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import pytest
import uvicorn
from playwright.async_api import BrowserContext, Error, Page, async_playwright
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from deploy.ports import free_ports
from tests.gateway_live import KEY, Live, eventually, live_gateway

PAGE_KEY: Final = "pk_page"
LINK_KEY: Final = "the link key of the tests"
_STUB: Final = "window.leadheat=window.leadheat||function(){(leadheat.q=leadheat.q||[]).push(arguments)};"
_PAGE: Final = """<!doctype html><html lang=fr><title>{title}</title>
<link rel=icon href=data:,>
{early}
<script async src="{gateway}/leadheat.js" data-key="{key}" {options}></script>
<h1 id=top>{title}</h1>
<a id=pdf href="/livre%20blanc.pdf?token=secret" target=_blank>PDF</a>
<a id=named href="/export?id=7" download="Tarifs 2026.csv">CSV</a>
<a id=out href="http://127.0.0.1:9/partner?code=secret" target=_blank><b>Partner</b></a>
<a id=in href="/autre">Autre</a>
<a id=anchor href="#top">Haut</a>
<form id=f1 name=contact data-leadheat-identify>
<input name=name value="contact field"><input type=email name=mail>
<textarea name=text></textarea><button>Envoyer</button></form>
<form id=newsletter data-leadheat-identify=traits><input name=email><button>Ok</button></form>
<form name=search><input type=email name=q><button>Chercher</button></form>
<script src="/site.js"></script>
"""
_SITE_JS: Final = """const stay = (event) => event.preventDefault()
for (const form of document.forms) form.addEventListener('submit', stay)
document.querySelector('#named').addEventListener('click', stay)"""


@dataclass
class Site:
    """What the site's pages have on them."""

    gateway: str
    url: str = ""
    options: str = ""
    early: str = ""
    """JavaScript that runs before the library is there."""
    headers: dict[str, str] = field(default_factory=dict)

    def page(self, request: Request) -> Response:
        title = {"/tarifs": "Nos tarifs", "/autre": "Autre"}.get(request.url.path, "Accueil")
        return HTMLResponse(
            _PAGE.format(
                title=title,
                early=f"<script>{_STUB}{self.early}</script>" if self.early else "",
                gateway=self.gateway,
                key=PAGE_KEY,
                options=self.options,
            ),
            headers=self.headers,
        )


@asynccontextmanager
async def _serving(site: Site) -> AsyncIterator[None]:
    async def script(_: Request) -> Response:
        return Response(_SITE_JS, media_type="text/javascript")

    async def file(_: Request) -> Response:
        return Response(b"%PDF", media_type="application/octet-stream")

    async def page(request: Request) -> Response:
        return site.page(request)

    routes = [Route("/site.js", script), Route("/livre blanc.pdf", file), Route("/{path:path}", page)]
    server = uvicorn.Server(
        uvicorn.Config(Starlette(routes=routes), port=free_ports(1)[0], log_config=None, access_log=False)
    )
    serving = asyncio.create_task(server.serve())
    try:
        await eventually(lambda: server.started)
        site.url = f"http://localhost:{server.config.port}"
        yield
    finally:
        server.should_exit = True
        await serving


@dataclass
class Visit:
    """A browser on the site, and the gateway behind it."""

    live: Live
    site: Site
    context: BrowserContext
    page: Page
    said: list[str]
    """What the browser's console and its pages complained of."""
    asked: list[str]
    """Every request, as `METHOD URL`."""

    async def go(self, path: str = "/tarifs", **more: Any) -> None:
        await self.page.goto(self.site.url + path, **more)
        await self.page.wait_for_function("window.leadheat && leadheat.loaded")

    async def call(self, *arguments: Any) -> None:
        await self.page.evaluate("(given) => leadheat(...given)", list(arguments))

    async def events(self, *types: str) -> list[dict[str, Any]]:
        """Events of these types, once there are so many of them."""
        found: list[dict[str, Any]] = []

        async def there() -> bool:
            first: dict[str, dict[str, Any]] = {}
            for one in await self.live.events():
                first.setdefault(one["id"], one)  # as scoring takes copies
            found[:] = [one for one in first.values() if one["type"] in types]
            return sorted(one["type"] for one in found) == sorted(types)

        try:
            await eventually(there)
        except AssertionError:
            types_found = [one["type"] for one in await self.live.events()]
            raise AssertionError(f"wanted {types}, found {types_found}, browser: {self.said}") from None
        return found

    async def nothing_came(self) -> bool:
        return await self.live.events() == [] and not self.posts()

    def posts(self) -> list[str]:
        return [one for one in self.asked if one.startswith("POST")]

    async def leave(self) -> None:
        """To a page without the library."""
        await self.page.goto("about:blank")

    def third_parties(self) -> set[str]:
        ours = {self.site.url.split("/")[2], self.live.url.split("/")[2]}
        return {one.split("/")[2] for one in self.asked if "://" in one} - ours


@asynccontextmanager
async def visiting(
    broker: str,
    *,
    options: str = "",
    early: str = "",
    headers: Mapping[str, str] | None = None,
    init: str = "",
) -> AsyncIterator[Visit]:
    """A visit about to begin; `init` runs in every page before all else."""
    keys = (KEY, f"browser:{PAGE_KEY}")
    async with live_gateway(broker, write_keys=keys, link_keys=(LINK_KEY,)) as live:
        site = Site(live.url, options=options, early=early)
        site.headers = {name: text.format(gateway=live.url) for name, text in (headers or {}).items()}
        async with _serving(site), async_playwright() as playwright:
            try:
                browser = await playwright.chromium.launch(
                    executable_path=shutil.which("chromium"), args=["--no-sandbox"]
                )
            except Error as error:
                pytest.skip(f"no Chromium here: {str(error)[:200]}")
            context = await browser.new_context(user_agent="Mozilla/5.0 Visitor")
            if init:
                await context.add_init_script(init)
            visit = Visit(live, site, context, await context.new_page(), [], [])
            context.on("request", lambda one: visit.asked.append(f"{one.method} {one.url}"))
            context.on("weberror", lambda one: visit.said.append(str(one.error)))
            context.on("console", lambda one: visit.said.append(f"{one.type}: {one.text}"))
            try:
                yield visit
            finally:
                await browser.close()
