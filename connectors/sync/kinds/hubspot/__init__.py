"""HubSpot, through its CRM API v3."""

from connectors.sync.kinds.hubspot.options import KIND

__all__ = ["KIND"]
