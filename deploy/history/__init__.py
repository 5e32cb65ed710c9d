"""Imports of history: files of events that were recorded elsewhere, onto the in-topics."""
