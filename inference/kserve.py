"""The network behind a server of the Open Inference Protocol (KServe v2, HTTP): Triton, or Ray Serve as we deploy it.

A model of that name somewhere is not yet our model: when a session is opened the server must answer a test picture as
the model file itself does on this machine. Afterwards it is only asked.

Protocol: https://github.com/kserve/open-inference-protocol, with Triton's binary tensor data extension, which both
servers speak: a JSON head of ``Inference-Header-Content-Length`` bytes, then the tensors' bytes in their order.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from pathlib import Path
from time import monotonic, sleep
from typing import Literal
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from ..detector.contract import INPUT_NAME, OUTPUT_NAME
from ..detector.errors import ModelError, UsageError
from .model_file import ModelFile
from .session import OnnxSession, checked_rows

PIXELS_NAME = "pixels"
"""An input that our own servers take beside ``images``: uint8 (N, 3, S, S), the picture in a quarter of the bytes."""
HEAD_LENGTH = "Inference-Header-Content-Length"
_MOST_ANSWER_BYTES = 16_000_000
_PAUSE_S = 0.03
_TRIED_LOGITS = 20
_LOGIT_TOLERANCE = 0.3
"""Between engines and precisions of one model (float16 included) logits of its best rows move by less than 0.1."""
_BOX_TOLERANCE_PX = 3.0


class KServeConfig(BaseModel):
    """``engine: {kind: kserve, url: http://…}`` of LANES.yaml: who runs the network for the workers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["kserve"]
    url: str = Field(pattern=r"^https?://[A-Za-z0-9.\[\]:-]+(/[A-Za-z0-9._/-]*)?$", max_length=300)
    model: str = Field(default="", pattern=r"^[A-Za-z0-9_.-]*$", max_length=100)
    """Its name on the server; without, the name on the model's card."""
    limit_s: float = Field(default=1.2, ge=0.1, le=60)
    """Failed requests are repeated for so long; then the engine counts as lost and the scan goes back to its queue."""
    token_file: Path | None = None
    """One line: sent as ``Authorization: Bearer …``."""


class EngineLost(BaseException):
    """The server does not answer. No `Exception`: what turns errors into verdicts must not see it.

    A scan is not UNSCREENED because a network is down: it goes back to its queue, and the lane says that it is not
    screening.
    """


class KServeSession:
    """A `Session` over one kept connection.

    Args:
        model: the file whose network the server should run.
        side_px: S of the contract.
        config: where.
        name: on the model's card.

    Raises:
        EngineLost: if the server does not answer in time.
        ModelError: if it has no such model, or one that answers otherwise than the file.
        UsageError: if the token cannot be read.
    """

    def __init__(self, model: ModelFile, side_px: int, config: KServeConfig, name: str) -> None:
        self._config, self._url = config, urlsplit(config.url.rstrip("/"))
        self._name = config.model or name
        self._where = f"{config.url} (model {self._name!r})"
        self._headers = _headers(config)
        self._connection: http.client.HTTPConnection | None = None
        self._version = ""
        """Of the model as it was checked; the server tells it with every answer."""
        self._scaled, self._rounded = np.empty(0, np.float32), np.empty(0, np.uint8)
        about = json.loads(self._asked("GET", f"/v2/models/{self._name}", b"", {})[0] or b"{}")
        self._as_pixels = PIXELS_NAME in {str(each.get("name")) for each in about.get("inputs", [])}
        self._check(OnnxSession(model, side_px, threads=1, device="cpu"), side_px)
        self.description = f"{about.get('platform', 'a server')} at {config.url} (KServe v2, asked for)"

    def run(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run (1, 3, S, S) through the network there.

        Returns:
            (K, 6) as `OnnxSession.run` gives them.

        Raises:
            EngineLost: if no answer came within ``limit_s``, tries included, or another model answers than was checked.
            ModelError: if the server refuses the picture, or answers what the contract does not allow.
        """
        head, tensor = _request(self._levels(images) if self._as_pixels else images)
        length = {HEAD_LENGTH: str(len(head)), "Content-Type": "application/octet-stream"}
        body, headers = self._asked("POST", f"/v2/models/{self._name}/infer", head + tensor, length)
        version, rows = _rows(body, headers, self._where)
        if self._version and version != self._version:
            raise EngineLost(f"{self._where} is now version {version[:40]!r}, and was {self._version[:40]!r}")
        self._version = version
        return checked_rows(rows, self._where)

    def _levels(self, images: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Exact: every value is a level / 255 (detector.py), so rounding gives the level back. Buffers are reused."""
        if self._scaled.shape != images.shape:
            self._scaled, self._rounded = np.empty_like(images), np.empty(images.shape, np.uint8)
        np.multiply(images, np.float32(255), out=self._scaled)
        np.add(self._scaled, np.float32(0.5), out=self._scaled)
        np.copyto(self._rounded, self._scaled, casting="unsafe")
        return self._rounded

    def _check(self, ours: OnnxSession, side_px: int) -> None:
        picture = _test_picture(side_px)
        if not _agree(ours.run(picture), self.run(picture)):
            raise ModelError(
                f"{self._where} answers a test picture otherwise than the model file of this lane",
                "deploy this lane's model there, or name the file that is deployed under `model:`",
            )

    def _asked(self, method: str, path: str, body: bytes, more: Mapping[str, str]) -> tuple[bytes, Mapping[str, str]]:
        """An answer of 200; tried again where the server, or one of its replicas, is gone."""
        until, why = monotonic() + self._config.limit_s, ""
        while (left_s := until - monotonic()) > 0:
            try:
                status, answer, headers = self._exchange(method, path, body, more, left_s)
            except (OSError, http.client.HTTPException) as error:
                self._hang_up()
                why = f"{type(error).__name__} {error}".strip()
            else:
                if status == 200:
                    return answer, headers
                why = f"{status} {answer[:200].decode('utf-8', 'replace')}"
                if status < 500 and status != 429:
                    raise ModelError(f"{self._where} refuses: {' '.join(why.split())}", "check model and address")
            sleep(min(_PAUSE_S, max(0.0, until - monotonic())))
        raise EngineLost(f"{self._where} does not answer ({' '.join(why.split()) or 'no time left'})")

    def _exchange(
        self, method: str, path: str, body: bytes, more: Mapping[str, str], left_s: float
    ) -> tuple[int, bytes, Mapping[str, str]]:
        if self._connection is None:
            kind = http.client.HTTPSConnection if self._url.scheme == "https" else http.client.HTTPConnection
            self._connection = kind(self._url.hostname or "", self._url.port, timeout=left_s)
            self._connection.connect()
        if self._connection.sock is not None:  # None where the server closed it: it is opened again
            self._connection.sock.settimeout(left_s)
        self._connection.request(method, self._url.path + path, body or None, {**self._headers, **more})
        response = self._connection.getresponse()
        answer = response.read(_MOST_ANSWER_BYTES + 1)
        if len(answer) > _MOST_ANSWER_BYTES:
            self._hang_up()
            raise http.client.HTTPException("an answer far too long")
        return response.status, answer, dict(response.headers.items())

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _headers(config: KServeConfig) -> dict[str, str]:
    if config.token_file is None:
        return {}
    try:
        token = config.token_file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"engine.token_file {config.token_file} cannot be read ({error})", "name a file") from error
    return {"Authorization": f"Bearer {token}"}


def _request(tensor: NDArray[np.float32] | NDArray[np.uint8]) -> tuple[bytes, bytes]:
    """JSON head and tensor."""
    name, kind = (PIXELS_NAME, "UINT8") if tensor.dtype == np.uint8 else (INPUT_NAME, "FP32")
    content = np.ascontiguousarray(tensor).tobytes()
    parameters = {"binary_data_size": len(content)}
    head = {
        "inputs": [{"name": name, "shape": list(tensor.shape), "datatype": kind, "parameters": parameters}],
        "outputs": [{"name": OUTPUT_NAME, "parameters": {"binary_data": True}}],
    }
    return json.dumps(head).encode("ascii"), content


def _rows(body: bytes, headers: Mapping[str, str], where: str) -> tuple[str, NDArray[np.float32]]:
    """The model's version and (K, 6) out of an answer. Raises ModelError."""
    lowered = {name.lower(): value for name, value in headers.items()}
    try:
        length = int(lowered.get(HEAD_LENGTH.lower(), len(body)))
        head = json.loads(body[:length])
        version = str(head.get("model_version") or "")
        output = next(each for each in head["outputs"] if each["name"] == OUTPUT_NAME)
        shape = tuple(int(side) for side in output["shape"])
        if output["datatype"] != "FP32" or len(shape) != 3 or shape[0] != 1:
            raise ValueError(f"{output['datatype']} {shape}")
        if "data" in output:
            return version, np.asarray(output["data"], np.float32).reshape(shape)[0]
        return version, np.frombuffer(body[length:], "<f4").reshape(shape)[0]
    except (ValueError, KeyError, TypeError, StopIteration) as error:
        raise ModelError(f"{where} gave an answer that is none ({error})", "see which model is deployed") from error


def _test_picture(side_px: int) -> NDArray[np.float32]:
    """(1, 3, S, S): grey shapes on white, one nearly black; every value is a level / 255."""
    levels = np.full((side_px, side_px, 3), 255, np.uint8)
    unit = side_px // 16
    for number, level in enumerate((30, 120, 180, 60, 200)):
        top, left = unit * (1 + 3 * number), unit * (2 + number)
        levels[top : top + 2 * unit, left : left + unit * (3 + number)] = (level, min(255, level + 20 * number), level)
    return np.ascontiguousarray((levels.astype(np.float32) / np.float32(255)).transpose(2, 0, 1)[None])


def _agree(ours: NDArray[np.float32], theirs: NDArray[np.float32]) -> bool:
    """True where the best rows have the same scores, and the best one the same class and box, within rounding."""
    if ours.shape != theirs.shape:
        return False
    one, other = (rows[np.argsort(-rows[:, 4], kind="stable")] for rows in (ours, theirs))
    if not np.allclose(_logits(one), _logits(other), atol=_LOGIT_TOLERANCE):
        return False
    if not len(one):
        return True
    near = (np.abs(other[:, :4] - one[0, :4]).max(axis=1) <= _BOX_TOLERANCE_PX) & (other[:, 5] == one[0, 5])
    return bool(near.any())


def _logits(rows: NDArray[np.float32]) -> NDArray[np.float64]:
    score = np.clip(rows[:_TRIED_LOGITS, 4].astype(np.float64), 1e-6, 1 - 1e-6)
    return np.log(score / (1 - score))
