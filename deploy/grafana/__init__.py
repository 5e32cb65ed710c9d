"""Grafana's provisioning, and the dashboard that it shows."""
