"""The engines that are compared: how each is started, what it promises, how it is set, and why so."""

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import msgspec

from deploy.kafka import jars
from scorer.topics import IN_TOPICS, SCORES, full_name
from streams.config import group_name
from tests.benchmarks.job import Job, Task

ROOT: Final = Path(__file__).parents[2]
_JAVA: Final = Path(__file__).with_name("kafka_streams")
_CLASSES: Final = ROOT / "build" / "kafka-streams-classes"

Kept = Literal["changelog", "recovery store", "nothing"]


@dataclass(frozen=True)
class Engine:
    """One of the compared."""

    name: str
    label: str
    promises: str
    settings: str
    command: Callable[[Job], list[str]]
    share: dict[Task, float]
    """The part of the log that it reads, of each task that it does: the slow ones would take minutes for all,
    and a JVM needs some seconds of work before it is at its best."""
    kept: Kept = "changelog"
    modules: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    yardstick: bool = False
    """Not an engine that one would run: what it leaves out is said in `promises`."""
    commits: bool = True
    ends: bool = True
    """Ends by itself when done."""

    @property
    def missing(self) -> list[str]:
        """What this machine lacks for it."""
        lacking = [name for name in self.modules if importlib.util.find_spec(name) is None]
        return lacking + [tool for tool in self.tools if shutil.which(tool) is None]


def _python(program: str) -> Callable[[Job], list[str]]:
    def command(job: Job) -> list[str]:
        module = f"tests.benchmarks.programs.{program}"
        return [sys.executable, "-m", module, msgspec.json.encode(job).decode()]

    return command


def _kafka_streams(store: Literal["memory", "rocksdb"]) -> Callable[[Job], list[str]]:
    def command(job: Job) -> list[str]:
        log = ",".join(full_name(job.prefix, topic) for topic in IN_TOPICS)
        arguments = [job.kafka, group_name(job.prefix), log, full_name(job.prefix, SCORES)]
        arguments += [str(job.count), job.folder, store]
        quiet = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
        return ["java", quiet, "-cp", f"{_compiled()}:{_streams_jars()}/*", "Counting", *arguments]

    return command


def _streams_jars() -> Path:
    return jars.fetch(pom=_JAVA / "pom.xml")


def _compiled() -> Path:
    """The folder of the Java program's classes, compiled anew where its source is newer."""
    source, made = _JAVA / "Counting.java", _CLASSES / "Counting.class"
    if not made.exists() or made.stat().st_mtime < source.stat().st_mtime:
        command = ["javac", "-cp", f"{_streams_jars()}/*", "-d", str(_CLASSES), str(source)]
        subprocess.run(command, check=True)
    return _CLASSES


ENGINES: Final = (
    Engine(
        "limit",
        "consume and parse only",
        "Nothing is kept, sent or committed: no engine in Python on aiokafka can cost less.",
        "aiokafka as it comes.",
        _python("limit"),
        {"count": 0.5},
        kept="nothing",
        yardstick=True,
        commits=False,
    ),
    Engine(
        "loop",
        "aiokafka by hand",
        "States in a dict with the offsets they hold; a changelog record and a score for each lead that a "
        "fetch touched, acknowledged before the commit. It never recovers, has no answer to a rebalance or a "
        "bad record, and takes topics as they come, not by time.",
        "16,384 records a fetch at most, commits every second.",
        _python("loop"),
        {"count": 0.5, "score": 0.4},
        yardstick=True,
    ),
    Engine(
        "leadheat",
        "LeadHeat",
        "Effectively once: the state holds the offsets it has taken in; scores, states and alerts are "
        "acknowledged before the commit. Topics are merged by time; tiers also change by time alone; bad "
        "records go to a topic of their own.",
        "As in production: Faust with batches, states in memory, commits every second.",
        _python("leadheat"),
        {"count": 0.5, "score": 0.4},
        ends=False,
    ),
    Engine(
        "faust",
        "Faust agent",
        "At least once: after a crash events count twice.",
        "As its guide writes an agent: table in memory with a changelog, commits every second (2.8 by "
        "default).",
        _python("faust_agent"),
        {"count": 0.04, "score": 0.03},
    ),
    Engine(
        "quix",
        "Quix Streams",
        "At least once; topics are aligned by time.",
        "RocksDB with a changelog, checkpoints every second (5 by default), polls for 0.05 s at most (1 by "
        "default, for which it stands still wherever one of several topics ends).",
        _python("quix"),
        {"count": 0.15, "score": 0.05},
        modules=("quixstreams",),
    ),
    Engine(
        "bytewax",
        "Bytewax",
        "State once, outputs at least once; state lives on this machine's disk only, not in Kafka.",
        "Recovery store on, an epoch a second (10 by default), source and sink as they come.",
        _python("bytewax_flow"),
        {"count": 0.2, "score": 0.06},
        kept="recovery store",
        modules=("bytewax", "confluent_kafka"),
        commits=False,
    ),
    Engine(
        "streams-memory",
        "Kafka Streams, in memory",
        "At least once.",
        "Java; in-memory store with a changelog, one thread, commits every second (30 by default), the "
        "default cache, which sends a lead's newest score only. CPU of the whole JVM, after warm-up.",
        _kafka_streams("memory"),
        {"count": 1.0},
        tools=("java", "javac", "mvn"),
    ),
    Engine(
        "streams-rocksdb",
        "Kafka Streams, RocksDB",
        "At least once.",
        "The same on RocksDB, its default store.",
        _kafka_streams("rocksdb"),
        {"count": 1.0},
        tools=("java", "javac", "mvn"),
    ),
)

BY_NAME: Final = {engine.name: engine for engine in ENGINES}
