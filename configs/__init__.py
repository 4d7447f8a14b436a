"""Shipped YAML and the one way to read it."""
