"""Adobe Marketo Engage, through its REST API."""

from connectors.sync.kinds.marketo.options import KIND

__all__ = ["KIND"]
