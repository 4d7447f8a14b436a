"""A small server of the Open Inference Protocol over a Triton model repository, for where no Triton can be run.

It takes what Triton's documentation says a request has, with names, types and sides from config.pbtxt, and refuses what
Triton refuses: an unknown model or input, another type, another shape, another length. Its network runs in onnxruntime.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import onnxruntime

from parcelsight.inference.kserve import HEAD_LENGTH

_TENSOR = re.compile(r'(input|output) \[ \{ name: "(\w+)" data_type: TYPE_(\w+) dims: \[ ([-0-9, ]+) \] \} \]')
_TYPES = {"FP32": "<f4", "UINT8": "|u1", "INT64": "<i8"}


class Repository:
    """The models of a folder, as config.pbtxt tells them."""

    def __init__(self, folder: Path) -> None:
        self.models: dict[str, dict[str, Any]] = {}
        self.version = "1"
        for config in folder.glob("*/config.pbtxt"):
            text = config.read_text("ascii")
            tensors = [
                (kind, name, typ, [int(d) for d in dims.split(",")]) for kind, name, typ, dims in _TENSOR.findall(text)
            ]
            batched = int(re.findall(r"max_batch_size: (\d+)", text)[0]) > 0
            session = onnxruntime.InferenceSession(
                str(config.parent / "1" / "model.onnx"), providers=["CPUExecutionProvider"]
            )
            self.models[config.parent.name] = {
                "session": session,
                "input": {n: (t, [-1] * batched + d) for k, n, t, d in tensors if k == "input"},
                "output": {n: (t, [-1] * batched + d) for k, n, t, d in tensors if k == "output"},
            }

    def about(self, name: str) -> dict[str, Any]:
        """Model metadata."""
        model = self.models[name]
        told = {
            f"{kind}s": [{"name": n, "datatype": t, "shape": s} for n, (t, s) in model[kind].items()]
            for kind in ("input", "output")
        }
        return {"name": name, "versions": ["1"], "platform": "onnxruntime_onnx", **told}

    def infer(self, name: str, head: dict[str, Any], content: bytes) -> tuple[dict[str, Any], bytes]:
        """One request; ValueError for what Triton would refuse."""
        model, feeds, at = self.models[name], {}, 0
        for each in head["inputs"]:
            if each["name"] not in model["input"]:
                raise ValueError(f"unexpected inference input '{each['name']}'")
            kind, sides = model["input"][each["name"]]
            if each["datatype"] != kind:
                raise ValueError(f"inference input data-type is '{each['datatype']}', expected '{kind}'")
            fits = [want in (-1, side) for want, side in zip(sides, each["shape"], strict=False)]
            if len(sides) != len(each["shape"]) or not all(fits):
                raise ValueError(f"unexpected shape for input '{each['name']}'")
            size = each["parameters"]["binary_data_size"]
            if size != np.dtype(_TYPES[kind]).itemsize * int(np.prod(each["shape"])) or at + size > len(content):
                raise ValueError("byte size of the input does not fit its shape")
            feeds[each["name"]] = np.frombuffer(content[at : at + size], _TYPES[kind]).reshape(each["shape"])
            at += size
        if at != len(content) or set(feeds) != set(model["input"]):
            raise ValueError("expected other inputs")
        wanted = [each["name"] for each in head.get("outputs", [])] or list(model["output"])
        found = [np.ascontiguousarray(value) for value in model["session"].run(wanted, feeds)]
        outputs = [
            {
                "name": n,
                "datatype": model["output"][n][0],
                "shape": list(v.shape),
                "parameters": {"binary_data_size": v.nbytes},
            }
            for n, v in zip(wanted, found, strict=True)
        ]
        head = {"model_name": name, "model_version": self.version, "outputs": outputs}
        return head, b"".join(value.tobytes() for value in found)


class KServeServer:
    """Answers until closed; ``broken`` makes it answer 503, ``asked`` counts inferences."""

    def __init__(self, repository: Path, port: int = 0) -> None:
        models, server = Repository(repository), self
        self.broken, self.asked, self.token = False, 0, ""
        self.repository = models

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                name = self.path.removeprefix("/v2/models/")
                if self._is_let_in():
                    self._say(
                        *((200, models.about(name)) if name in models.models else (404, {"error": "unknown model"}))
                    )

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if not self._is_let_in():
                    return
                name = self.path.removeprefix("/v2/models/").removesuffix("/infer")
                length = int(self.headers.get(HEAD_LENGTH, len(body)))
                try:
                    head, content = models.infer(name, json.loads(body[:length]), body[length:])
                except (ValueError, KeyError) as error:
                    self._say(400, {"error": str(error)})
                    return
                server.asked += 1
                self._say(200, head, content)

            def _is_let_in(self) -> bool:
                if server.token and self.headers.get("Authorization") != f"Bearer {server.token}":
                    self._say(401, {"error": "who are you"})
                elif server.broken:
                    self._say(503, {"error": "no instance is ready"})
                else:
                    return True
                return False

            def _say(self, status: int, head: dict[str, Any], content: bytes = b"") -> None:
                text = json.dumps(head).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(text) + len(content)))
                if content:
                    self.send_header(HEAD_LENGTH, str(len(text)))
                self.end_headers()
                self.wfile.write(text + content)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self) -> None:
        """Hang up."""
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def kserve_server(repository: Path) -> Iterator[KServeServer]:
    """A server for a test."""
    server = KServeServer(repository)
    try:
        yield server
    finally:
        server.close()
