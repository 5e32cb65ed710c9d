"""A file of scores for software that imports files and offers nothing else."""

from connectors.sync.kinds.csv.options import KIND

__all__ = ["KIND"]
