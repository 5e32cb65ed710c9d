"""Fetches jars, once, as a pom.xml names them: those of Apache Kafka by default."""

import hashlib
import shutil
import subprocess
from pathlib import Path
from typing import Final

from deploy.errors import DeployError

POM: Final = Path(__file__).with_name("pom.xml")
_CHECKOUT: Final = Path(__file__).parents[2]
_FETCH_WITHIN_S: Final = 900


class KafkaMissingError(DeployError):
    """Java or Maven, which a real Kafka needs, is not there, or the jars cannot be had."""


def missing_tools() -> list[str]:
    """What of Java and Maven this machine lacks."""
    return [tool for tool in ("java", "mvn") if shutil.which(tool) is None]


def in_checkout() -> Path | None:
    """Where a checkout of the sources keeps the jars; None where this is an installed package."""
    return _CHECKOUT / "build" / "kafka" if (_CHECKOUT / "pyproject.toml").is_file() else None


def of_distribution(home: Path) -> Path:
    """The jars of an Apache Kafka that somebody unpacked."""
    folder = home.absolute() / "libs"
    if not list(folder.glob("kafka_2.13-*.jar")):
        raise KafkaMissingError(
            f"LEADHEAT_KAFKA_HOME: {home} is no unpacked Apache Kafka, which has a folder libs with "
            "kafka_2.13-….jar in it"
        )
    return folder


def fetched(kept_in: Path) -> bool:
    """Whether a folder has this pom's jars."""
    return _folder(kept_in).is_dir()


def fetch(kept_in: Path | None = None, pom: Path = POM) -> Path:
    """The folder of a pom's jars, in the one named or the checkout's, filled by Maven if need be."""
    folder = _folder(kept_in or in_checkout() or Path.cwd() / "build" / "kafka", pom)
    if folder.is_dir():
        return folder
    if lacking := missing_tools():
        raise KafkaMissingError(
            f"a real Kafka needs {' and '.join(lacking)}: install Java 17 or newer and Maven (Debian and "
            "Ubuntu: apt install default-jre-headless maven); instead of Maven you can unpack Apache Kafka's "
            "own archive and name its folder in LEADHEAT_KAFKA_HOME"
        )
    partial = folder.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    command = ["mvn", "--batch-mode", "--quiet", "--file", str(pom), "dependency:copy-dependencies"]
    command += ["-DincludeScope=runtime", f"-DoutputDirectory={partial}"]
    try:
        done = subprocess.run(  # noqa: S603
            command, cwd=pom.parent, capture_output=True, text=True, timeout=_FETCH_WITHIN_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise KafkaMissingError(f"Maven did not bring Kafka's jars within {_FETCH_WITHIN_S} s") from error
    if done.returncode != 0:
        raise KafkaMissingError(f"Maven could not bring Kafka's jars:\n{(done.stdout + done.stderr)[-2000:]}")
    partial.rename(folder)
    return folder


def _folder(kept_in: Path, pom: Path = POM) -> Path:
    return kept_in / hashlib.sha256(pom.read_bytes()).hexdigest()[:12]
