"""Scans in and labelled scans out: value types, picture and annotation formats, splits, the synthetic scanner."""
