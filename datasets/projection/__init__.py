"""Threat image projection: a threat's own shadow laid over a scan of a real parcel, as the beam would have done it."""
