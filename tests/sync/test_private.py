"""A CRM at a private address: refused, and told so, unless it is allowed."""

import asyncio
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy.cli import app
from tests.sync.dataverse import OWN, SECRET, Dataverse
from tests.sync.standin import FastClock, serving
from tests.sync.test_dynamics import _text


@pytest.mark.parametrize("allowed", ["", "127.0.0.1"], ids=["refused", "allowed"])
async def test_check_says_that_an_address_is_private(
    allowed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crm = Dataverse(FastClock(speed=1.0))
    crm.columns |= OWN
    (tmp_path / "sync.yml").write_text(_text(crm, "  direction: both"))
    monkeypatch.setenv("LEADHEAT_SYNC", str(tmp_path / "sync.yml"))
    monkeypatch.setenv("LEADHEAT_ALLOW_PRIVATE", allowed)
    monkeypatch.setenv("SECRET", SECRET)
    async with serving(crm.app(), crm.port):
        result = await asyncio.to_thread(CliRunner().invoke, app, ["sync", "--check"])
    if allowed:
        assert result.output == "dynamics: lets us in, and has every field\n"
    else:
        assert "dynamics: its host is at a private address" in str(result.exception)
        assert "LEADHEAT_ALLOW_PRIVATE" in str(result.exception)
        assert crm.calls == []
