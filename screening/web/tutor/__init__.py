"""Operator training: its pages and its API."""
