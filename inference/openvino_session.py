"""The OpenVINO backend: one contract-1 model on Intel CPUs, in a precision that is asked for and told.

OpenVINO computes in bfloat16 by itself where the CPU can, and scores then differ; here nothing but ``bf16`` does that.
"""

from __future__ import annotations

import io
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..detector.contract import CONTRACT_VERSION, tensors
from ..detector.declared import check_tensors
from ..detector.errors import MissingExtra, ModelError, UsageError
from .model_file import ModelFile
from .session import checked_rows, first_line

Precision = Literal["f32", "bf16"]


class OpenVinoSession:
    """Runs one model on the CPU by OpenVINO.

    Args:
        model: the model's bytes, already looked through.
        side_px: S of the contract.
        threads: CPU threads of one run.
        precision: of what the model leaves in floating point.
        why: why this backend, for the description.

    Raises:
        MissingExtra: if OpenVINO is not installed.
        ModelError: if the model cannot be loaded, breaks contract 1, or fails when run.
        UsageError: if the CPU has no instructions for the precision, which would only be slower.
    """

    def __init__(
        self,
        model: ModelFile,
        side_px: int,
        *,
        threads: int = 1,
        precision: Precision = "f32",
        why: str = "asked for",
    ) -> None:
        try:
            import openvino
        except ImportError as error:
            raise MissingExtra("the device openvino", "openvino") from error
        self._source = model.path
        check_tensors(model.declared.tensors, tensors(side_px), str(CONTRACT_VERSION), str(model.path))
        core = openvino.Core()
        if precision == "bf16" and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            raise UsageError("this CPU has no bfloat16 instructions", "use the device openvino or cpu")
        try:
            network = core.read_model(io.BytesIO(model.content))
            self._request: Any = compiled(network, side_px, threads, precision)
        except Exception as error:  # its exceptions have no public base class
            raise ModelError(
                f"{self._source} cannot be loaded by OpenVINO ({first_line(error)})", "use the device cpu"
            ) from error
        self.description = f"OpenVINO {openvino.__version__.split('-')[0]} in {precision} on the CPU, " + (
            f"{threads} thread{'s' * (threads > 1)} ({why})"
        )
        self.run(np.ones((1, 3, side_px, side_px), np.float32))

    def run(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run (1, 3, S, S) through the network.

        Returns:
            (K, 6) x1 y1 x2 y2 in input pixels, score, class.

        Raises:
            ModelError: if the run fails, or gives another shape or values that are not finite.
        """
        try:
            self._request.infer({0: images}, share_inputs=True)
            rows = self._request.get_output_tensor(0).data[0].copy()  # its memory is used again by the next run
        except Exception as error:  # as above
            raise ModelError(f"{self._source} failed to run ({first_line(error)})", "use the device cpu") from error
        return checked_rows(rows, str(self._source))


def compiled(network: Any, side_px: int, threads: int, precision: Precision) -> Any:
    """An OpenVINO model of contract 1, compiled for one picture at a time; a request to it."""
    import openvino

    network.reshape([1, 3, side_px, side_px])
    settings = {
        "INFERENCE_PRECISION_HINT": precision,
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        "ENABLE_CPU_PINNING": False,  # lanes share the cores
    }
    return openvino.Core().compile_model(network, "CPU", settings).create_infer_request()
