"""Annotation formats and adapters of published data sets."""
