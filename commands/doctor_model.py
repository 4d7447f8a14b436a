"""The model, as ``doctor`` sees it: is it whole, does it answer as it must, how fast, and what may be done with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING

from ..detector.contract import SHIPPED_MODEL
from ..detector.errors import ParcelSightError
from .findings import Finding, Level

if TYPE_CHECKING:
    from ..inference.detector import Detector

_AREA = "model"
_ROUNDS = 7
_SLOW_MS = 120.0
"""A verdict is due 150 ms after a parcel's last line; what remains is for reading and for the ledger."""
_NOT_FREE = ("academic", "research", "non-commercial", "noncommercial", "nc-", "unknown", "none stated")


def check_model(model: Path) -> Iterator[Finding]:
    """Load the model as a lane would; what it is, says and costs."""
    from ..inference.detector import Detector
    from ..inference.known_answer import sha256_of
    from ..inference.verification import verify_model

    try:
        signer = verify_model(model).file.signed_by
        detector = Detector(model, threads=1)
        digest = sha256_of(model)
    except ParcelSightError as error:
        yield Finding(_AREA, "file", Level.FAIL, error.message, error.remedy or "install ParcelSight again")
        return
    signed = "not signed" if signer is None else f"signed by {signer}"
    told = f"{model.name}, {model.stat().st_size / 1e6:.1f} MB, whole, {signed}, sha256 {digest[:12]}…"
    yield Finding(_AREA, "file", Level.OK, told)
    yield Finding(_AREA, "backend", Level.OK, detector.describe())
    yield _answer(detector, digest)
    yield _speed(detector)
    yield _operating_point(detector)
    yield from _licences(detector)


def _answer(detector: Detector, digest: str) -> Finding:
    """The detection whose result is known."""
    from ..datasets.canonical import canonical_rgb
    from ..datasets.readers import read_scan
    from ..inference.known_answer import read_answer

    check = "known answer"
    try:
        answer = read_answer()
        if answer is None or answer.model_sha256 != digest:
            return Finding(
                _AREA,
                check,
                Level.WARN,
                f"none is known for this model, only for the shipped {SHIPPED_MODEL.name}",
                "compare it with its reference: parcelsight export proves parity when it writes a model",
            )
        found = detector.detect(canonical_rgb(read_scan(answer.sample_file())))
    except ParcelSightError as error:
        return Finding(_AREA, check, Level.FAIL, error.message, error.remedy or "install ParcelSight again")
    names = tuple(spec.name for spec in detector.card.classes)
    if difference := answer.differences(found, names):
        return Finding(
            _AREA,
            check,
            Level.FAIL,
            f"{answer.sample}: {difference}",
            "do not screen on this machine; try another onnxruntime version, and report the processor",
        )
    best = answer.detections[0]
    return Finding(_AREA, check, Level.OK, f"{answer.sample}: {best.name} {best.score:.2f}, as it must be")


def _speed(detector: Detector) -> Finding:
    import numpy as np

    picture = np.random.default_rng(1).integers(0, 256, (800, 1000, 3), dtype=np.uint8)
    times_ms = []
    for _ in range(_ROUNDS):
        started = perf_counter()
        detector.detect(picture)
        times_ms.append(1e3 * (perf_counter() - started))
    told = f"{median(times_ms):.0f} ms a scan of 1000×800 pixels on one thread (median of {_ROUNDS})"
    if median(times_ms) > _SLOW_MS:
        return Finding(
            _AREA,
            "speed",
            Level.WARN,
            told,
            "look what else runs here; a lane wants a core of its own with AVX2 or better",
        )
    return Finding(_AREA, "speed", Level.OK, told)


def _operating_point(detector: Detector) -> Finding:
    point = detector.card.operating_point
    if point.detection_rate is None or point.false_alarm_rate is None:
        return Finding(
            _AREA,
            "operating point",
            Level.WARN,
            f"{point.name!r}: its rates were not measured",
            "measure it on your own scans: parcelsight evaluate",
        )
    told = (
        f"{point.name!r}: finds {100 * point.detection_rate.value:.0f} % of objects, alarms on "
        f"{100 * point.false_alarm_rate.value:.1f} % of threat-free scans ({point.measured_on})"
    )
    return Finding(_AREA, "operating point", Level.OK, told)


def _licences(detector: Detector) -> Iterator[Finding]:
    card = detector.card
    taught = ", ".join(f"{data.name} ({data.licence})" for data in card.training_data) or "nothing named"
    told = f"weights {card.licence}; taught with {taught}; start weights {card.start_weights.split(' ')[0]}"
    words = " ".join([card.licence, *(data.licence for data in card.training_data)]).lower()
    if not card.training_data or any(word in words for word in _NOT_FREE):
        yield Finding(
            "licences", "model", Level.WARN, told, "ask whether the training data allow your use before it screens"
        )
    else:
        yield Finding("licences", "model", Level.OK, told)
    yield Finding(
        "licences", "program", Level.OK, "AGPL-3.0-or-later: who uses it over a network may ask for its source"
    )
