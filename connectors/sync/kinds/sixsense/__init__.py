"""6sense: what it knows of the intent of leads' companies; it is asked, and told nothing."""

from connectors.sync.kinds.sixsense.options import KIND

__all__ = ["KIND"]
