"""The worker's own HTTP answers: that it lives, whether it scores, what it counted."""

import json
import urllib.error
import urllib.request

from deploy.ports import free_ports
from streams import health, metrics


def ask(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def test_answers() -> None:
    (port,) = free_ports(1)
    doing = ["recovering"]
    health.serve(port, lambda: doing[0])
    assert ask(port, "/healthz") == (200, '{"status": "ok"}')
    status, body = ask(port, "/readyz")
    assert (status, json.loads(body)["reason"]) == (503, "recovering")
    doing[0] = "scoring"
    assert ask(port, "/readyz")[0] == 200
    status, body = ask(port, "/metrics")
    assert status == 200
    assert metrics.LEADS.describe()[0].name in body
