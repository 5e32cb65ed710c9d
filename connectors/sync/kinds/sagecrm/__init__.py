"""Sage CRM, through the REST API (SData) of the customer's own server."""

from connectors.sync.kinds.sagecrm.options import KIND

__all__ = ["KIND"]
