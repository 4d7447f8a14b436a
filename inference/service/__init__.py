"""The HTTP service: scans in, verdicts out, and whether screening is really happening."""
