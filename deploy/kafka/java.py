"""Finds the Java that a real Kafka runs on, and says what to do where there is none or too old a one."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from deploy.kafka.jars import KafkaMissingError

OLDEST: Final = 17  # what Apache Kafka 4's broker is compiled for
_ANSWER_WITHIN_S: Final = 30  # it takes a fifth of a second
_ADVICE: Final = (
    f"install Java {OLDEST} or newer (Debian and Ubuntu: apt install default-jre-headless; "
    "macOS: brew install openjdk) or name its folder in JAVA_HOME"
)


def find(home: Path | None = None) -> str:
    """The `java` under a Java home, else that of the PATH; KafkaMissingError unless it is new enough."""
    program = str(home / "bin" / "java") if home is not None else shutil.which("java")
    if program is None:
        raise KafkaMissingError(f"a real Kafka needs Java, and there is none on the PATH: {_ADVICE}")
    try:
        done = subprocess.run(  # noqa: S603 (the user's own Java)
            [program, "-version"], capture_output=True, text=True, timeout=_ANSWER_WITHIN_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise KafkaMissingError(f"{program} cannot be run ({error}): {_ADVICE}") from error
    found = release(done.stderr + done.stdout) if done.returncode == 0 else None
    if found is None:
        raise KafkaMissingError(f"{program} does not say which Java it is: {_ADVICE}")
    if found < OLDEST:
        raise KafkaMissingError(f"{program} is Java {found}, and Kafka needs {OLDEST} or newer: {_ADVICE}")
    return program


def release(text: str) -> int | None:
    """Which Java `java -version` says it is.

    >>> release('openjdk version "17.0.15" 2025-04-15'), release('java version "1.8.0_392"'), release("21")
    (17, 8, None)
    """
    match = re.search(r'version "(?:1\.)?(\d+)', text)
    return int(match[1]) if match else None
