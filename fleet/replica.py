"""One replica on Ray Serve: a network behind the Open Inference Protocol, its requests gathered into batches."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..detector.contract import INPUT_NAME, OUTPUT_NAME, from_metadata
from ..inference.kserve import HEAD_LENGTH, PIXELS_NAME
from ..inference.model_file import read_model
from ..inference.session import OnnxSession

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

PLATFORM = "parcelsight_ray_serve"
_MOST_HEAD_BYTES = 65_536

Run = Callable[[NDArray[np.float32]], Awaitable[NDArray[np.float32]]]
"""(3, S, S) → (K, 6), batched by whoever gives it."""


class BadRequest(Exception):
    """What the asker must change."""


class NetworkReplica:
    """Answers ``GET`` (what it is), and ``POST …/infer``.

    Args:
        content: of the model file.
        name: under which it is deployed.
        threads: of one run.
        device: ``cpu``, or ``auto`` where it was given a GPU.
    """

    def __init__(self, content: bytes, name: str, threads: int, device: str) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{name}.onnx"
            path.write_bytes(content)
            file = read_model(path)
        self._name, self._sha256 = name, file.sha256
        self._side_px = from_metadata(file.metadata, name).input_px
        self._session = OnnxSession(file, self._side_px, threads=threads, device="cpu" if device == "cpu" else "auto")

    async def answer(
        self, request: Request, run: Callable[[NDArray[np.float32]], Awaitable[NDArray[np.float32]]]
    ) -> Response:
        """One HTTP request."""
        from starlette.responses import JSONResponse, Response

        if request.method == "GET":
            return JSONResponse(self._about())
        try:
            picture = self._picture(await request.body(), request.headers.get(HEAD_LENGTH, ""))
        except BadRequest as error:
            return JSONResponse({"error": str(error)}, 400)
        rows = np.ascontiguousarray((await run(picture))[None], "<f4")
        content = rows.tobytes()
        output = {"name": OUTPUT_NAME, "datatype": "FP32", "shape": list(rows.shape)}
        outputs = [output | {"parameters": {"binary_data_size": len(content)}}]
        about = {"model_name": self._name, "model_version": self._sha256[:16], "outputs": outputs}
        head = json.dumps(about).encode("ascii")
        return Response(head + content, 200, {HEAD_LENGTH: str(len(head))}, "application/octet-stream")

    async def run(self, pictures: list[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        """A batch of (3, S, S) → as many (K, 6); beside the event loop, which goes on gathering the next batch."""
        return await asyncio.get_running_loop().run_in_executor(None, self._session.run_batch, pictures)

    def check(self) -> None:
        """Raise where the network does not run any more."""
        self._session.run(np.ones((1, 3, self._side_px, self._side_px), np.float32))

    def _about(self) -> dict[str, Any]:
        side = self._side_px
        return {
            "name": self._name,
            "versions": ["1"],
            "platform": PLATFORM,
            "sha256": self._sha256,
            "inputs": [
                {"name": INPUT_NAME, "datatype": "FP32", "shape": [1, 3, side, side]},
                {"name": PIXELS_NAME, "datatype": "UINT8", "shape": [1, 3, side, side]},
            ],
            "outputs": [{"name": OUTPUT_NAME, "datatype": "FP32", "shape": [1, -1, 6]}],
        }

    def _picture(self, body: bytes, told: str) -> NDArray[np.float32]:
        """(3, S, S), 0…1. Raises BadRequest."""
        side = self._side_px
        kinds = {INPUT_NAME: ("FP32", [1, 3, side, side], 4), PIXELS_NAME: ("UINT8", [1, 3, side, side], 1)}
        try:
            length = int(told)
            if not 0 < length <= min(_MOST_HEAD_BYTES, len(body)):
                raise ValueError("the head's length")
            (each,) = json.loads(body[:length])["inputs"]
            kind, shape, width = kinds[each["name"]]
            if each["datatype"] != kind or each["shape"] != shape or len(body) - length != int(np.prod(shape)) * width:
                raise ValueError(f"{each['datatype']} {each['shape']}")
        except (ValueError, KeyError, TypeError) as error:
            raise BadRequest(f"one input {INPUT_NAME} or {PIXELS_NAME} as binary data is taken: {error}") from error
        if kind == "FP32":
            picture = np.frombuffer(body, "<f4", offset=length).reshape(shape)[0]
            if not np.isfinite(picture).all():
                raise BadRequest("values that are not finite")
            return np.asarray(picture, np.float32)
        levels = np.frombuffer(body, np.uint8, offset=length).reshape(shape)[0]
        return np.asarray(np.divide(levels, np.float32(255)), np.float32)
