"""Which engine runs a model: one seam, one file an engine."""

from __future__ import annotations

from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from .choice import can_run, read_choice
from .kserve import KServeConfig, KServeSession
from .model_file import ModelFile
from .openvino_session import OpenVinoSession
from .session import OnnxSession, offers_cuda

Device = Literal["auto", "cpu", "cuda", "openvino", "openvino-bf16"]
"""``auto`` is CUDA where there is any, else what was measured to be fastest without a loss (choice.py), else ``cpu``.

``openvino`` computes in float32, ``openvino-bf16`` in bfloat16; both need the extra [openvino]. To compare networks,
ask for ``cpu``: onnxruntime in the file's own precision."""


class Session(Protocol):
    """A loaded, warm model."""

    description: str
    """Which engine runs it, where, and why."""

    def run(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """(1, 3, S, S) → (K, 6) x1 y1 x2 y2 in input pixels, score, class; finite."""
        ...


def open_session(
    model: ModelFile, side_px: int, *, threads: int, device: Device, engine: KServeConfig | None = None, name: str = ""
) -> Session:
    """Load a contract-1 model, or find it on the server that ``engine`` names (``name`` is the card's).

    Raises:
        ModelError: if it cannot be loaded or breaks its contract.
        UsageError: if the device is not to be had.
        MissingExtra: if it needs a package that is not installed.
        EngineLost: if the server does not answer.
    """
    if engine is not None:
        return KServeSession(model, side_px, engine, name)
    why = "asked for"
    if device == "auto" and not offers_cuda():
        choice = read_choice(model)
        if choice is not None and can_run(choice.device):
            device, why = choice.device, choice.why()
    if device == "openvino":
        return OpenVinoSession(model, side_px, threads=threads, why=why)
    if device == "openvino-bf16":
        return OpenVinoSession(model, side_px, threads=threads, precision="bf16", why=why)
    return OnnxSession(model, side_px, threads=threads, device=device)
