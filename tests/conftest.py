"""Rules for every test run: how processes share it; where LEADHEAT_CI is set, a skipped test fails it."""

import os

import pytest
from xdist.remote import Producer
from xdist.scheduler.protocol import Scheduling

from tests.kafka_fixtures import embedded_kafka, embedded_rig, rig, stored_rig
from tests.kafka_real import kafka_tools, own_kafka, real_kafka
from tests.sharing import Sharing, rank

__all__ = ["embedded_kafka", "embedded_rig", "kafka_tools", "own_kafka", "real_kafka", "rig", "stored_rig"]

_skipped: list[str] = []


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    """Hands tests to the processes that share the run."""
    config.option.loadscopereorder = False
    return Sharing(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Puts the longest first where processes share the run."""
    if hasattr(config, "workerinput"):
        items.sort(key=rank)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Notes what was skipped, but for recorded traffic that a checkout may lack."""
    if report.skipped and not hasattr(report, "wasxfail") and "captures" not in str(report.longrepr).lower():
        _skipped.append(report.nodeid)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Turns a run with skipped tests into a failed one."""
    if os.environ.get("LEADHEAT_CI") and _skipped and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Names what was skipped where nothing may be."""
    if os.environ.get("LEADHEAT_CI") and _skipped:
        terminalreporter.section("skipped, which LEADHEAT_CI forbids")
        for name in _skipped:
            terminalreporter.write_line(name)
