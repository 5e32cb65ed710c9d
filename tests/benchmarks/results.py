"""Keeps what was measured as JSON under build/bench, with the machine and versions of that moment."""

import os
import platform
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any, Final

import msgspec

from deploy.kafka import jars
from tests.benchmarks.engines import ROOT

FOLDER: Final = ROOT / "build" / "bench"
_PACKAGES: Final = (
    "aiokafka",
    "msgspec",
    "faust-streaming",
    "quixstreams",
    "bytewax",
    "confluent-kafka",
    "rocksdict",
)


class Range(msgspec.Struct, frozen=True):
    """A figure over several runs."""

    middle: float
    least: float
    most: float

    @classmethod
    def of(cls, figures: list[float]) -> "Range":
        """The median, with the least and the most."""
        return cls(median(figures), min(figures), max(figures))


def machine() -> dict[str, Any]:
    """What it was measured on."""
    return {
        "at": time.strftime("%Y-%m-%d", time.gmtime()),
        "cores": os.cpu_count(),
        "processor": _processor(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)),
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "load_before": round(os.getloadavg()[0], 1),
        "versions": {
            "Python": platform.python_version(),
            "Apache Kafka": _kafka(),
            "Java": _java(),
            **{name: found for name in _PACKAGES if (found := _version(name))},
        },
    }


def save(name: str, measured: dict[str, Any]) -> Path:
    """Writes the figures of one benchmark, with the machine."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{name}.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode({"machine": machine()} | measured)) + b"\n")
    return path


def load(name: str) -> dict[str, Any] | None:
    """The figures of one benchmark, None where it was not run."""
    path = FOLDER / f"{name}.json"
    return msgspec.json.decode(path.read_bytes()) if path.exists() else None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _kafka() -> str:
    [found] = [jar.stem.removeprefix("kafka-clients-") for jar in jars.fetch().glob("kafka-clients-*.jar")]
    return found


def _java() -> str:
    told = subprocess.run(["java", "-version"], capture_output=True, text=True, check=True).stderr
    return told.split('"')[1] if '"' in told else sys.platform
