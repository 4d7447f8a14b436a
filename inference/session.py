"""The onnxruntime backend: one contract-1 model, loaded, checked against its contract and warm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..detector.contract import CONTRACT_VERSION, INPUT_NAME, OUTPUT_NAME, tensors
from ..detector.declared import check_tensors
from ..detector.errors import ModelError, UsageError
from .model_file import ModelFile
from .onnxruntime import ort

Device = Literal["auto", "cpu", "cuda"]

_CPU, _CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
_ERRORS_ONLY = 3


class OnnxSession:
    """Runs one model on one device.

    Args:
        model: the model's bytes, already looked through.
        side_px: S of the contract.
        threads: threads of one run on the CPU. They do not spin: spinning threads double the latency as soon as
            another process wants the cores.
        device: ``auto`` takes CUDA where this onnxruntime offers it and it starts.

    Raises:
        ModelError: if the model cannot be loaded, does not take and give what contract 1 says, or fails when run.
        UsageError: if ``cuda`` is asked for and not to be had.
    """

    def __init__(self, model: ModelFile, side_px: int, *, threads: int = 1, device: Device = "auto") -> None:
        self._source = model.path
        check_tensors(model.declared.tensors, tensors(side_px), str(CONTRACT_VERSION), str(model.path))
        offered = offers_cuda()
        if device == "cuda" and not offered:
            raise UsageError("this onnxruntime has no CUDA provider", "install onnxruntime-gpu, or use the device cpu")
        wanted = [_CUDA, _CPU] if offered and device != "cpu" else [_CPU]
        self._session = self._load(model.content, wanted, threads)
        running = self._session.get_providers()[0]
        if device == "cuda" and running != _CUDA:
            raise UsageError(
                "the CUDA provider did not start", "check driver and CUDA libraries, or use the device cpu"
            )
        self.description = _describe(running, threads, device, offered)
        self.run(np.ones((1, 3, side_px, side_px), np.float32))

    def run(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run (1, 3, S, S) through the network.

        Returns:
            (K, 6) x1 y1 x2 y2 in input pixels, score, class.

        Raises:
            ModelError: if the run fails, or gives another shape or values that are not finite.
        """
        try:
            # Input binding was measured and gains nothing on the CPU: a contiguous array is used in place.
            rows = self._session.run([OUTPUT_NAME], {INPUT_NAME: images})[0][0]
        except Exception as error:  # onnxruntime's exceptions share no public base class
            raise ModelError(f"{self._source} failed to run ({first_line(error)})", "export the model again") from error
        return checked_rows(rows, str(self._source))

    def run_batch(self, pictures: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        """Run several (3, S, S) together where the model's batch side is open, else one after the other.

        Returns:
            (K, 6) for each.

        Raises:
            ModelError: as ``run``.
        """
        if len(pictures) == 1 or isinstance(self._session.get_inputs()[0].shape[0], int):
            return [self.run(picture[None]) for picture in pictures]
        try:
            found = self._session.run([OUTPUT_NAME], {INPUT_NAME: np.stack(pictures)})[0]
        except Exception as error:  # as above
            raise ModelError(f"{self._source} failed to run ({first_line(error)})", "export the model again") from error
        return [checked_rows(rows, str(self._source)) for rows in found]

    def _load(self, content: bytes, providers: list[str], threads: int) -> ort.InferenceSession:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = _ERRORS_ONLY
        try:
            return ort.InferenceSession(content, options, providers=providers)
        except Exception as error:  # as above
            raise ModelError(
                f"{self._source} cannot be loaded by onnxruntime {ort.__version__} ({first_line(error)})",
                "export the model again with this version",
            ) from error


def offers_cuda() -> bool:
    """True where this onnxruntime can run on CUDA."""
    return _CUDA in ort.get_available_providers()


def checked_rows(rows: NDArray[np.float32], source: str) -> NDArray[np.float32]:
    """What a network gave, if it is (K, 6) and finite.

    Raises:
        ModelError: if it is not.
    """
    if rows.ndim != 2 or rows.shape[1] != 6:
        raise ModelError(f"{source} gave output of shape {rows.shape}, not (K, 6)", "export the model again")
    if not np.isfinite(rows).all():
        raise ModelError(f"{source} gave values that are not finite (NaN or infinity)", "use another model")
    return np.asarray(rows, np.float32)


def _describe(running: str, threads: int, device: Device, offered: bool) -> str:
    """Which backend runs, and why, in one sentence."""
    if running == _CUDA:
        why = "asked for" if device == "cuda" else "found on this machine"
        return f"onnxruntime {ort.__version__} on CUDA ({why})"
    if device == "cpu":
        why = "asked for"
    else:
        why = "the CUDA provider did not start" if offered else "this onnxruntime offers no CUDA"
    return f"onnxruntime {ort.__version__} on the CPU, {threads} thread{'s' * (threads > 1)} ({why})"


def first_line(error: Exception) -> str:
    """An engine's messages run over many lines; the first tells what is wrong."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
