"""Salesforce Sales Cloud, through its REST API."""

from connectors.sync.kinds.salesforce.options import KIND

__all__ = ["KIND"]
