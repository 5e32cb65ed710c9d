"""The roles as in production: each a process of its own, set by the environment alone."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from deploy import ports
from deploy.embedded import broker, store
from deploy.errors import UnreachableError
from tests.environment import running
from tests.integration.processes import until

pytestmark = [pytest.mark.embedded, pytest.mark.slow]

_WRITE, _READ = "wk_test", "rk_test"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A broker, a store, and the settings that name them."""
    folder = tmp_path_factory.mktemp("store")
    [kafka_port] = ports.free_ports(1)
    kafka = f"{broker.HOST}:{kafka_port}"
    with running(broker.command(kafka_port), {}), running(store.command(folder), {}):
        until(lambda: _answers(kafka) and Path(store.url(folder).removeprefix("unix://")).exists())
        yield {
            "LEADHEAT_KAFKA": kafka,
            "LEADHEAT_REDIS": store.url(folder),
            "LEADHEAT_PARTITIONS": "2",
            "LEADHEAT_SESSION_TIMEOUT_S": "6",
            "LEADHEAT_WRITE_KEYS": _WRITE,
            "LEADHEAT_READ_KEYS": _READ,
        }


def _leadheat(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "deploy.cli", *arguments]


def _answers(kafka: str) -> bool:
    try:
        ports.require_broker(kafka)
    except UnreachableError:
        return False
    return True


def _get(url: str, key: str = "") -> httpx.Response | None:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        return httpx.get(url, headers=headers, trust_env=False)
    except httpx.TransportError:
        return None


def _status(url: str, key: str = "") -> int:
    answer = _get(url, key)
    return 0 if answer is None else answer.status_code


def test_topics_are_created_and_then_right(environment: dict[str, str]) -> None:
    def topics(**more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            _leadheat("topics"),
            env={**os.environ, **environment, **more},
            capture_output=True,
            text=True,
            check=False,
        )

    first, second = topics(), topics()
    assert (first.returncode, second.returncode) == (0, 0)
    assert "leadheat.page-views" in first.stdout
    assert "created" in first.stdout
    assert "created" not in second.stdout
    wrong = topics(LEADHEAT_PARTITIONS="5")
    assert wrong.returncode == 1
    assert "not as they must be" in wrong.stderr


def test_the_four_roles_score_an_event_and_stop_with_status_0(environment: dict[str, str]) -> None:
    subprocess.run(
        _leadheat("topics"), env={**os.environ, **environment}, stdout=subprocess.DEVNULL, check=True
    )
    gateway_port, serve_port, worker_port, notify_port = ports.free_ports(4)
    with contextlib.ExitStack() as started:
        roles = {
            name: started.enter_context(running(_leadheat(name, *arguments), {**environment, **more}))
            for name, arguments, more in (
                ("gateway", ["--port", str(gateway_port)], {}),
                ("serve", [], {"LEADHEAT_PORT": str(serve_port)}),
                ("worker", [], {"LEADHEAT_METRICS_PORT": str(worker_port)}),
                ("notify", [], {"LEADHEAT_METRICS_PORT": str(notify_port)}),
            )
        }
        for port in (gateway_port, serve_port):
            until(lambda port=port: _status(f"http://127.0.0.1:{port}/readyz") == 200)  # type: ignore[misc]
        answer = httpx.post(
            f"http://127.0.0.1:{gateway_port}/v1/events",
            json={"type": "demo_requested", "lead_id": "u-1"},
            headers={"Authorization": f"Bearer {_WRITE}"},
            trust_env=False,
        )
        assert answer.status_code == 200
        until(lambda: _status(f"http://127.0.0.1:{serve_port}/v1/leads/u-1", _READ) == 200)
        for port in (worker_port, notify_port):
            metrics = _get(f"http://127.0.0.1:{port}/metrics")
            assert metrics is not None
            assert "leadheat_" in metrics.text
        for process in roles.values():
            process.send_signal(signal.SIGTERM)
        assert {name: process.wait(60) for name, process in roles.items()} == dict.fromkeys(roles, 0)
