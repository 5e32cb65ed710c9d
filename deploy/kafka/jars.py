"""Fetches the jars of Apache Kafka, once, as pom.xml names them."""

import hashlib
import shutil
import subprocess
from pathlib import Path
from typing import Final

from deploy.errors import DeployError

POM: Final = Path(__file__).with_name("pom.xml")
_KEPT_IN: Final = Path(__file__).parents[2] / "build" / "kafka"
_FETCH_WITHIN_S: Final = 900


class KafkaMissingError(DeployError):
    """Java or Maven, which a real Kafka needs, is not there, or the jars cannot be had."""


def missing_tools() -> list[str]:
    """What of Java and Maven this machine lacks."""
    return [tool for tool in ("java", "mvn") if shutil.which(tool) is None]


def fetch() -> Path:
    """The folder of Kafka's jars, filled by Maven if this pom's jars are not yet there."""
    folder = _KEPT_IN / hashlib.sha256(POM.read_bytes()).hexdigest()[:12]
    if folder.is_dir():
        return folder
    if lacking := missing_tools():
        raise KafkaMissingError(
            f"a real Kafka needs {' and '.join(lacking)}: install Java 17 or newer and Maven"
        )
    partial = folder.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    command = ["mvn", "--batch-mode", "--quiet", "--file", str(POM), "dependency:copy-dependencies"]
    command += ["-DincludeScope=runtime", f"-DoutputDirectory={partial}"]
    try:
        done = subprocess.run(  # noqa: S603
            command, cwd=POM.parent, capture_output=True, text=True, timeout=_FETCH_WITHIN_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise KafkaMissingError(f"Maven did not bring Kafka's jars within {_FETCH_WITHIN_S} s") from error
    if done.returncode != 0:
        raise KafkaMissingError(f"Maven could not bring Kafka's jars:\n{(done.stdout + done.stderr)[-2000:]}")
    partial.rename(folder)
    return folder
