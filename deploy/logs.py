"""Sends log lines to stderr, short, with libraries only where something is wrong."""

import logging
import sys

from deploy.settings import Settings

_OURS = ("scorer", "streams", "connectors", "deploy")


def configure(settings: Settings) -> None:
    """Sets up logging for a process; ours at the chosen level, others from WARNING on."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s", force=True
    )
    for name in _OURS:
        logging.getLogger(name).setLevel(settings.log_level)
