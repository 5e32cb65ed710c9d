"""Libraries from npm, unmodified, on a page of another origin than the gateway's, in a real browser."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import uvicorn
from playwright.async_api import Error, Page, Request, Response, async_playwright
from starlette.applications import Starlette
from starlette.requests import Request as Asked
from starlette.responses import HTMLResponse
from starlette.responses import Response as Answer
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from deploy.ports import free_ports
from tests.gateway_live import eventually

USER_AGENT = "Mozilla/5.0 Visitor"


async def npm_installed(folder: Path, *packages: str) -> Path:
    """The folder of packages that npm installed; skips the test where it can't."""
    if shutil.which("npm") is None:
        pytest.skip("needs npm")
    (folder / "package.json").write_text("{}")
    npm = await asyncio.create_subprocess_exec(
        *("npm", "install", "--no-audit", "--no-fund", *packages),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await npm.communicate()
    if npm.returncode:
        pytest.skip(f"npm could not install {packages}: {output.decode()[-300:]}")
    return folder / "node_modules"


@asynccontextmanager
async def site(pages: Mapping[str, str], library: Path) -> AsyncIterator[str]:
    """A site of some pages (HTML by path), the folder of a library under `/library`."""

    async def page(request: Asked) -> Answer:
        return HTMLResponse(f"<!doctype html><link rel=icon href='data:,'>{pages[request.url.path]}")

    routes: list[Route | Mount] = [Route(path, page) for path in pages]
    app = Starlette(routes=[*routes, Mount("/library", StaticFiles(directory=library))])
    server = uvicorn.Server(uvicorn.Config(app, port=free_ports(1)[0], log_config=None))
    serving = asyncio.create_task(server.serve())
    try:
        await eventually(lambda: server.started)
        yield f"http://localhost:{server.config.port}"
    finally:
        server.should_exit = True
        await serving


@dataclass
class Visit:
    """A page in a browser, what it asked for, and what went wrong in it."""

    page: Page
    asked: list[str] = field(default_factory=list)
    """Methods and addresses."""
    wrong: list[str] = field(default_factory=list)
    """Errors in the console, requests that failed or were refused."""


@asynccontextmanager
async def visit() -> AsyncIterator[Visit]:
    """A browser with a page; skips the test where there is no Chromium."""
    async with async_playwright() as playwright:
        try:
            browser = await playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox"]
            )
        except Error as error:
            pytest.skip(f"no Chromium here: {str(error)[:200]}")
        try:
            yield _watched(await browser.new_page(user_agent=USER_AGENT))
        finally:
            await browser.close()


def _watched(page: Page) -> Visit:
    found = Visit(page)

    def asked(request: Request) -> None:
        found.asked.append(f"{request.method} {request.url}")

    def answered(response: Response) -> None:
        if response.status >= 400:
            found.wrong.append(f"{response.status} {response.request.method} {response.url}")

    page.on("request", asked)
    page.on("response", answered)
    page.on("pageerror", lambda error: found.wrong.append(str(error)))
    page.on("console", lambda said: found.wrong.append(said.text) if said.type == "error" else None)
    return found
