"""Microsoft Dynamics 365 Sales, through the Dataverse Web API."""

from connectors.sync.kinds.dynamics.options import KIND

__all__ = ["KIND"]
