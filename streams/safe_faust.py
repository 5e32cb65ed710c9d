"""Refuses to start where Faust is not as its known faults demand, or not the version they are known of."""

from importlib import metadata
from typing import Any

import faust.streams

from streams.errors import StartError


def require(app: Any) -> None:
    """Raises StartError where an application is not safe to run."""
    conf = app.conf
    problems = {
        "its C extension is missing, without which it acknowledges records that it skips (install the "
        "binary wheel, and leave NO_CYTHON unset)": getattr(faust.streams, "_CStreamIterator", None) is None,
        "it would open its own HTTP port, which asks nobody for a key": conf.web_enabled,
        "it would decode with something else than `raw`; pickle would run code from a topic": (
            (conf.key_serializer, conf.value_serializer) != ("raw", "raw")
        ),
        "its threaded producer is broken": conf.producer_threaded,
        "its transactions lose records": str(conf.processing_guarantee.value) != "at_least_once",
        "it would create topics with settings of its own": conf.topic_allow_declare,
    }
    wrong = [text for text, is_wrong in problems.items() if is_wrong]
    wrong += [f"{name} {found} is installed, {pinned} is what was tested" for name, pinned, found in unlike()]
    if wrong:
        raise StartError("Faust is not safe to use: " + "; ".join(wrong))


def unlike() -> list[tuple[str, str, str]]:
    """Packages that are pinned to one version and installed in another: name, pin, version."""
    requirements = (text.partition(";") for text in metadata.requires("leadheat") or ())
    pins = (text.partition("==") for text, _, extra in requirements if "==" in text and not extra)
    return [
        (name.strip(), pin.strip(), found)
        for name, _, pin in pins
        if (found := metadata.version(name.strip())) != pin.strip()
    ]
