"""What an import refuses."""

from deploy.errors import DeployError


class ArchiveError(DeployError):
    """A file that is not imported; the text names it, and the line."""


class CsvMappingError(DeployError):
    """A mapping of columns that is wrong; the text says where, and what would be right."""


class ImportStoppedError(DeployError):
    """The broker was away for too long; what it has is taken down, and the same command goes on."""
