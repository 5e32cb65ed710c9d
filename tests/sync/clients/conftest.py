"""A client that weighs more than all the rest is needed here: `make crm-clients` brings it."""

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("PowerPlatform") else ["test_*.py"]
