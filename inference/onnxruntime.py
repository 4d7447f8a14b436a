"""The one door to onnxruntime, so that its settings hold wherever it is used.

Its official builds for Linux write a device identifier to the user's cache and report usage over the network. A
screening site's machine does neither: the opt-out must stand in the environment before the library is loaded.
"""

from __future__ import annotations

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime as ort

ort.disable_telemetry_events()  # for builds that know only this switch

__all__ = ["ort"]
