"""Tells what robots do from what people do, in the events that come in."""
