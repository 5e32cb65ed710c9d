"""Sends a captured request again, byte for byte, over a socket of its own."""

import asyncio
import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from scorer.times import Micros, parse_time


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Captured:
    """One captured request."""

    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes
    received: Micros

    @property
    def wire(self) -> bytes:
        head = [f"{self.method} {self.path} HTTP/1.1", *(f"{name}: {value}" for name, value in self.headers)]
        return "\r\n".join(head).encode() + b"\r\n\r\n" + self.body


def captured(path: Path) -> Iterator[Captured]:
    """The requests of a capture, in their order; the clock of the page is the clock of reception."""
    for line in path.read_text(encoding="utf-8").splitlines():
        found: dict[str, Any] = json.loads(line)
        query = found.get("query")
        yield Captured(
            found["method"],
            found["path"] + (f"?{query}" if query else ""),
            [(name, value) for name, value in found["headers"]],
            base64.b64decode(found.get("body_b64") or ""),
            parse_time(found.get("client_time_at_request") or found["received_at"]),
        )


async def send(url: str, wire: bytes) -> Answer:
    """The answer to these bytes."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        writer.write(wire)
        await writer.drain()
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        return Answer(int(first.split()[1]), headers, body)
    finally:
        writer.close()
        await writer.wait_closed()
