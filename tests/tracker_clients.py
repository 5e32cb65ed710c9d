"""Runs trackers' own libraries, as the registries carry them: in Node.js, and on a site in a real browser."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import uvicorn
from playwright.async_api import ConsoleMessage, Error, Page, Response, async_playwright
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from deploy.ports import free_ports
from tests.gateway_live import eventually


async def installed(folder: Path, *packages: str) -> Path:
    """The folder of modules with these packages in it; skips the test where npm can't bring them."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("needs Node.js and npm")
    (folder / "package.json").write_text("{}")
    status, output = await _run(
        "npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", *packages, folder=folder
    )
    if status != 0:
        pytest.skip(f"npm could not install {packages}: {output[-300:]}")
    return folder / "node_modules"


async def node(modules: Path, script: str, *arguments: str) -> tuple[int, str]:
    """The exit status of a script beside these modules, and all that it printed."""
    (modules.parent / "visit.cjs").write_text(script)
    return await _run("node", "visit.cjs", *arguments, folder=modules.parent)


async def _run(*command: str, folder: Path) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


@asynccontextmanager
async def site(pages: Mapping[str, str], libraries: Mapping[str, Path]) -> AsyncIterator[str]:
    """A site of these pages and folders, of another origin than the gateway's; its address."""

    def answering(text: str) -> Callable[[Request], Awaitable[HTMLResponse]]:
        async def answer(_: Request) -> HTMLResponse:
            return HTMLResponse(text)

        return answer

    routes: list[BaseRoute] = [Route(path, answering(text)) for path, text in pages.items()]
    routes += [Mount(path, StaticFiles(directory=folder)) for path, folder in libraries.items()]
    config = uvicorn.Config(Starlette(routes=routes), port=free_ports(1)[0], log_config=None)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    try:
        await eventually(lambda: server.started)
        yield f"http://localhost:{server.config.port}"
    finally:
        server.should_exit = True
        await serving


@dataclass
class Visitor:
    """A page of a real browser, and what went over its wire and console."""

    page: Page
    answers: list[tuple[str, str, int]] = field(default_factory=list)
    """Method, address and status."""
    errors: list[str] = field(default_factory=list)

    def statuses(self, origin: str) -> dict[str, set[int]]:
        """What an origin answered, by path."""
        found: dict[str, set[int]] = {}
        for _, address, status in self.answers:
            if address.startswith(origin):
                found.setdefault(address.removeprefix(origin).partition("?")[0], set()).add(status)
        return found

    def hosts(self) -> set[str]:
        """Where its requests went."""
        return {address.split("/")[2] for _, address, _ in self.answers}


@asynccontextmanager
async def visitor(flags: Sequence[str] = ()) -> AsyncIterator[Visitor]:
    """A fresh visitor; skips the test where there is no Chromium."""
    async with async_playwright() as playwright:
        try:
            browser = await playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox", *flags]
            )
        except Error as error:
            pytest.skip(f"no Chromium here: {str(error)[:200]}")
        try:
            found = Visitor(await browser.new_page(user_agent="Mozilla/5.0 Visitor"))

            def heard(message: ConsoleMessage) -> None:
                if message.type == "error" and "favicon" not in str(message.location):
                    found.errors.append(message.text)

            def answered(response: Response) -> None:
                found.answers.append((response.request.method, response.url, response.status))

            found.page.on("console", heard)
            found.page.on("pageerror", lambda error: found.errors.append(str(error)))
            found.page.on("response", answered)
            yield found
        finally:
            await browser.close()
