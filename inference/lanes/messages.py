"""Jobs and results as messages of the pipe: plain values out, checked values in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...datasets.scan import Scan, ScanKind
from ...detector.detections import Detections
from ..verdicts import ScreenedScan, Verdict
from .causes import LossCause
from .jobs import Job, ScanJob, ScanResult, Traits, WindowJob, WindowResult


def job_message(job: Job) -> tuple[dict[str, Any], bytes | memoryview]:
    """A job for the worker."""
    if isinstance(job, ScanJob):
        return {"kind": "scan", "scan_id": job.scan_id, "files": [str(path) for path in job.files]}, b""
    pixels = np.ascontiguousarray(job.scan.pixels)
    head = {
        "kind": "window", "scan_id": job.scan.scan_id, "scan_kind": str(job.scan.kind), "view": job.scan.view,
        "pitch_mm": job.scan.pitch_mm, "shape": list(pixels.shape), "dtype": pixels.dtype.str, "floor": job.floor,
    }  # fmt: skip
    return head, pixels.reshape(-1).view(np.uint8).data


def job_of(head: Mapping[str, Any], blob: bytearray) -> Job:
    """The job in a message; workers trust this program."""
    if head["kind"] == "scan":
        return ScanJob(head["scan_id"], tuple(Path(name) for name in head["files"]))
    pixels = np.frombuffer(blob, np.dtype(head["dtype"])).reshape(head["shape"])
    scan = Scan(head["scan_id"], pixels, ScanKind(head["scan_kind"]), head["pitch_mm"], head["view"])
    return WindowJob(scan, head["floor"])


def scan_message(result: ScanResult) -> dict[str, Any]:
    """The answer to a ScanJob."""
    screened = result.screened
    return {
        "verdict": str(screened.verdict),
        "reason": screened.reason,
        "timing_ms": dict(screened.timing_ms),
        "cause": result.cause and str(result.cause),
        "traits": result.traits and asdict(result.traits),
        "dense": screened.dense_xyxy_px.tolist(),
    } | _detections_message(screened.detections)


def scan_result(head: Mapping[str, Any], scan_id: str, classes: int) -> ScanResult:
    """The checked answer.

    Raises:
        KeyError, TypeError, ValueError: if it is not what a worker says.
    """
    traits = head["traits"]
    screened = ScreenedScan(
        scan_id, Verdict(head["verdict"]), str(head["reason"]), _detections(head, classes), _timing(head),
        _boxes(head["dense"]),
    )  # fmt: skip
    cause = LossCause(head["cause"]) if head["cause"] else None
    return ScanResult(screened, cause, None if traits is None else _traits(traits))


def window_message(result: WindowResult) -> dict[str, Any]:
    """The answer to a WindowJob."""
    dense = result.dense_xyxy_px.tolist()
    return {"dense": dense, "timing_ms": result.timing_ms} | _detections_message(result.detections)


def window_result(head: Mapping[str, Any], classes: int) -> WindowResult:
    """The checked answer. Raises as `scan_result`."""
    return WindowResult(_detections(head, classes), _boxes(head["dense"]), _timing(head))


def _detections_message(found: Detections) -> dict[str, Any]:
    return {"boxes": found.xyxy_px.tolist(), "scores": found.score.tolist(), "classes": found.class_id.tolist()}


def _detections(head: Mapping[str, Any], classes: int) -> Detections:
    class_id = np.asarray(head["classes"], np.int64)
    if ((class_id < 0) | (class_id >= classes)).any():
        raise ValueError("a class that the card does not list")
    return Detections(_boxes(head["boxes"]), np.asarray(head["scores"], np.float32), class_id)


def _boxes(values: object) -> NDArray[np.float32]:
    return np.asarray(values, np.float32).reshape(-1, 4)


def _timing(head: Mapping[str, Any]) -> dict[str, float]:
    return {str(stage): float(ms) for stage, ms in head["timing_ms"].items()}


def _traits(values: Mapping[str, Any]) -> Traits:
    return Traits(
        str(values["fingerprint"]), bool(values["blank"]), float(values["saturated"]),
        float(values["dead_columns"]), float(values["disorder"]),
    )  # fmt: skip
