"""Every role on a real Kafka that lets in nobody without a password, by TLS and without."""

import contextlib
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from deploy import ports
from deploy.embedded import store
from deploy.kafka.cluster import Cluster
from tests.environment import running, with_settings
from tests.integration.processes import until

pytestmark = [pytest.mark.kafka, pytest.mark.embedded, pytest.mark.slow]

_WRITE, _READ = "wk_test", "rk_test"
_MODULE = "org.apache.kafka.common.security.plain.PlainLoginModule required"
_USERS = 'username="broker" password="broker-s" user_broker="broker-s" user_leadheat="leadheat-s";'


def _certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of its own authority, and its key."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    command += ["-out", str(certificate), "-keyout", str(key)]
    subprocess.run(command, check=True, capture_output=True)
    return certificate, key


def _listening(protocol: str, folder: Path) -> dict[str, str]:
    """The settings of a broker whose clients come by this protocol."""
    found = {
        "listener.security.protocol.map": f"PLAINTEXT:{protocol},CONTROLLER:PLAINTEXT",
        "sasl.enabled.mechanisms": "PLAIN",
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        "listener.name.plaintext.plain.sasl.jaas.config": f"{_MODULE} {_USERS}",
    }
    if protocol == "SASL_SSL":
        certificate, key = _certificate(folder)
        both = folder / "both.pem"
        both.write_text(key.read_text() + certificate.read_text())
        found |= {
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(both),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(certificate),
        }
    return found


@pytest.fixture(scope="module", params=["SASL_PLAINTEXT", "SASL_SSL"])
def environment(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, kafka_tools: None
) -> Iterator[dict[str, str]]:
    """A Kafka with a lock, a store, and the settings that open both."""
    folder = tmp_path_factory.mktemp("access")
    (folder / "password").write_text("leadheat-s\n")
    found = {
        "LEADHEAT_REDIS": store.url(folder),
        "LEADHEAT_PARTITIONS": "2",
        "LEADHEAT_WRITE_KEYS": _WRITE,
        "LEADHEAT_READ_KEYS": _READ,
        "LEADHEAT_KAFKA_SECURITY_PROTOCOL": request.param,
        "LEADHEAT_KAFKA_SASL_MECHANISM": "PLAIN",
        "LEADHEAT_KAFKA_USERNAME": "leadheat",
        "LEADHEAT_KAFKA_PASSWORD_FILE": str(folder / "password"),
    }
    with Cluster(settings=_listening(request.param, folder)) as cluster, running(store.command(folder), {}):
        if request.param == "SASL_SSL":
            found["LEADHEAT_KAFKA_CA"] = str(folder / "cert.pem")
        yield {**found, "LEADHEAT_KAFKA": cluster.bootstrap}


def _run(settings: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "deploy.cli", *arguments]
    return subprocess.run(command, env=with_settings(settings), capture_output=True, text=True, check=False)


def _status(url: str, key: str = "") -> int:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(url, headers=headers, trust_env=False).status_code
    return 0


def test_all_roles_are_let_in(environment: dict[str, str]) -> None:
    assert _run(environment, "topics").returncode == 0
    gateway, serve, notify = ports.free_ports(3)
    own = {
        "gateway": {"LEADHEAT_PORT": str(gateway)},
        "serve": {"LEADHEAT_PORT": str(serve)},
        "worker": {},
        "notify": {"LEADHEAT_METRICS_PORT": str(notify)},
    }
    with contextlib.ExitStack() as started:
        roles = [
            started.enter_context(running([sys.executable, "-m", "deploy.cli", name], environment | more))
            for name, more in own.items()
        ]
        for port in (gateway, serve):
            until(lambda port=port: _status(f"http://127.0.0.1:{port}/readyz") == 200)  # type: ignore[misc]
        for lead in ("u-1", "u-2"):
            event = {"type": "demo_requested", "lead_id": lead}
            headers = {"Authorization": f"Bearer {_WRITE}"}
            url = f"http://127.0.0.1:{gateway}/v1/events"
            assert httpx.post(url, json=event, headers=headers, trust_env=False).status_code == 200
            until(lambda lead=lead: _status(f"http://127.0.0.1:{serve}/v1/leads/{lead}", _READ) == 200)  # type: ignore[misc]
        assert "u-1" in _run(environment, "export", "u-1").stdout
        erased = _run(environment, "erase", "u-2", "--asked-by", "the test")
        assert erased.returncode in (0, 1) and '"receipt' in erased.stdout, erased.stderr
        until(lambda: _status(f"http://127.0.0.1:{serve}/v1/leads/u-2", _READ) == 404)
        for process in roles:
            process.send_signal(signal.SIGTERM)
        assert [process.wait(60) for process in roles] == [0, 0, 0, 0]


def test_replaying_is_let_in(environment: dict[str, str]) -> None:
    replayed = _run(environment, "replay")
    assert replayed.returncode == 0, replayed.stderr


def test_up_takes_a_kafka_with_a_lock(environment: dict[str, str]) -> None:
    port, *_ = ports.free_ports(1)
    command = [sys.executable, "-m", "deploy.cli", "up", "--port", str(port)]
    with running(command, environment) as up:
        until(lambda: _status(f"http://127.0.0.1:{port}/readyz") == 200)
        up.send_signal(signal.SIGINT)
        assert up.wait(60) == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"LEADHEAT_KAFKA_PASSWORD_FILE": "", "LEADHEAT_KAFKA_PASSWORD": "guessed"},
        {"LEADHEAT_KAFKA_USERNAME": "nobody"},
        {"LEADHEAT_KAFKA_SECURITY_PROTOCOL": "PLAINTEXT"},
        {"LEADHEAT_KAFKA_CA": ""},
    ],
    ids=["password", "user", "plaintext", "unknown authority"],
)
def test_who_is_not_let_in(environment: dict[str, str], wrong: dict[str, str]) -> None:
    if "LEADHEAT_KAFKA_CA" in wrong and "LEADHEAT_KAFKA_CA" not in environment:
        return  # without TLS nobody asks who a broker is
    refused = _run(environment | wrong, "topics")
    assert refused.returncode == 1
    assert "guessed" not in refused.stderr and "leadheat-s" not in refused.stderr
    assert "Traceback" not in refused.stderr
