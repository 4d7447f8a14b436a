"""The engines that ``latency.py`` compares, each in a process of its own: ``-m benchmarks.latency_engines NAME``.

A process loads its engine, says ``ready``, and for each line on stdin times one round of calls: a JSON list of ms.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parcelsight.datasets.canonical import canonical_rgb
from parcelsight.datasets.opencv import cv2
from parcelsight.datasets.readers import decode_scan
from parcelsight.detector.contract import INPUT_NAME, OUTPUT_NAME, SHIPPED_MODEL
from parcelsight.inference.backend import Device
from parcelsight.inference.detector import Detector
from parcelsight.inference.known_answer import SAMPLES
from parcelsight.inference.letterbox import Letterbox

Call = Callable[[], object]
HEIGHT_PX, WIDTH_PX = 800, 1000
"""A parcel scanner's usual scan."""


def picture() -> NDArray[np.uint8]:
    """A sample parcel at the usual size, RGB."""
    rgb = canonical_rgb(decode_scan((SAMPLES / "parcel-10.jpg").read_bytes(), "parcel-10.jpg"))
    return np.asarray(cv2.resize(rgb, (WIDTH_PX, HEIGHT_PX), interpolation=cv2.INTER_CUBIC), np.uint8)


def jpeg() -> bytes:
    """The same as a file."""
    return bytes(cv2.imencode(".jpg", picture()[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])[1])


def network_input(side_px: int) -> NDArray[np.float32]:
    """The same as the network takes it, (1, 3, S, S)."""
    letterbox = Letterbox.fit(HEIGHT_PX, WIDTH_PX, side_px)
    square = np.full((side_px, side_px, 3), 255, np.uint8)
    size = (letterbox.content_width_px, letterbox.content_height_px)
    square[letterbox.content] = cv2.resize(picture(), size, interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(square.transpose(2, 0, 1)[None], np.float32) / np.float32(255)


def bare(stack: ExitStack) -> Call:
    """The session alone: what the network itself costs."""
    from benchmarks.runtime_overhead import bare_session

    session = bare_session(SHIPPED_MODEL, 1)
    images = network_input(Detector(SHIPPED_MODEL).card.input_px)
    return lambda: session.run([OUTPUT_NAME], {INPUT_NAME: images})


def array(stack: ExitStack) -> Call:
    """Decoded array to detections."""
    return _array(stack, 1, "cpu")


def encoded(stack: ExitStack) -> Call:
    """JPEG bytes to detections."""
    detector, data = Detector(SHIPPED_MODEL, threads=1, device="cpu"), jpeg()
    return lambda: detector.detect(canonical_rgb(decode_scan(data, "scan.jpg")))


def decode(stack: ExitStack) -> Call:
    """OpenCV's JPEG decoder alone, which the path from a file cannot do without."""
    data = np.frombuffer(jpeg(), np.uint8)
    return lambda: cv2.imdecode(data, cv2.IMREAD_COLOR)


def default_variant(stack: ExitStack) -> Call:
    """Decoded array to detections, with the device that was chosen for this model by measurement."""
    return _array(stack, 1, "auto")


def array_bf16(stack: ExitStack) -> Call:
    """The same file computed in bfloat16 by OpenVINO, where the CPU can: what is chosen with `quantised_variants`."""
    return _array(stack, 1, "openvino-bf16")


def array_two(stack: ExitStack) -> Call:
    """Decoded array to detections on two threads."""
    return _array(stack, 2, "cpu")


def _array(stack: ExitStack, threads: int, device: Device) -> Call:
    detector, rgb = Detector(SHIPPED_MODEL, threads=threads, device=device), picture()
    return lambda: detector.detect(rgb)


def ultralytics(stack: ExitStack) -> Call:
    """Ultralytics' predict on the same weights, decoded array to boxes, on one thread like all others."""
    import onnxruntime

    make = onnxruntime.InferenceSession

    def on_one_thread(path: str, options: Any = None, **more: Any) -> Any:
        options = more.pop("sess_options", options) or onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        return make(path, options, **more)

    onnxruntime.InferenceSession = on_one_thread  # it has no setting for it, and takes all cores
    return _ultralytics(stack)


def ultralytics_two(stack: ExitStack) -> Call:
    """The same as it comes: on a thread for each of the machine's cores, here two."""
    os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[:2]))
    return _ultralytics(stack)


def _ultralytics(stack: ExitStack) -> Call:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    os.environ |= {"YOLO_CONFIG_DIR": str(folder), "YOLO_AUTOINSTALL": "false", "YOLO_OFFLINE": "true"}
    import onnx
    import torch
    from ultralytics import YOLO

    torch.set_num_threads(1)
    model = onnx.load(SHIPPED_MODEL)
    detector = Detector(SHIPPED_MODEL, device="cpu")
    names = {number: spec.name for number, spec in enumerate(detector.card.classes)}
    side = detector.card.input_px
    told = {"task": "detect", "stride": 32, "batch": 1, "imgsz": [side, side], "names": names, "end2end": True}
    onnx.helper.set_model_props(model, {key: str(value) for key, value in told.items()})
    onnx.save(model, folder / "same.onnx")
    engine = YOLO(folder / "same.onnx", task="detect")
    bgr = np.ascontiguousarray(picture()[:, :, ::-1])
    return lambda: engine.predict(bgr, imgsz=side, verbose=False, device="cpu", rect=False)


def openvino(stack: ExitStack) -> Call:
    """OpenVINO on the same file, in 32 bit: what another engine would make of it."""
    import openvino as ov

    settings = {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
    compiled = ov.Core().compile_model(str(SHIPPED_MODEL), "CPU", settings)
    images = network_input(Detector(SHIPPED_MODEL).card.input_px)
    return lambda: compiled(images)


def accept(stack: ExitStack) -> Call:
    """The ledger alone: a scan put on disk, durably."""
    from parcelsight.inference.lanes.ledger import Ledger

    ledger = Ledger(_scratch(stack))
    stack.callback(ledger.close)
    scans = _arrivals()
    return lambda: ledger.accept(next(scans))


def over_http(stack: ExitStack) -> Call:
    """POST /v1/scans over a kept connection to another process whose lane answers at once: what HTTP itself costs."""
    import subprocess

    command = [sys.executable, "-m", "benchmarks.latency_engines", "service"]
    service = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    stack.callback(service.wait, 20)
    assert service.stdin is not None and service.stdout is not None
    stack.callback(service.stdin.close)
    connection = http.client.HTTPConnection("127.0.0.1", int(service.stdout.readline()), timeout=30)
    stack.callback(connection.close)
    numbers, data = count(), jpeg()

    def post() -> None:
        connection.request("POST", "/v1/scans", data, {"Idempotency-Key": f"scan-{next(numbers)}"})
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 202:
            raise RuntimeError(f"{answer.status}: {body!r}")

    return post


def serve() -> None:
    """The service of ``over_http``: its port on stdout, until stdin ends.

    Its lane keeps nothing: how long a disk takes differs from call to call by more than HTTP costs.
    """
    from threading import Event, Thread

    from parcelsight.inference.lanes.events import Hub
    from parcelsight.inference.lanes.ledger import Ledger
    from parcelsight.inference.lanes.source import Receipt
    from parcelsight.inference.lanes.source_http import UploadSource
    from parcelsight.inference.service.app import create_app
    from parcelsight.inference.service.context import ServiceContext
    from parcelsight.inference.service.server import Service

    class Health:
        pressed = False

        def alive(self) -> None: ...
        def read(self, lines: int) -> None: ...
        def trouble(self, cause: Any, detail: str, *, screening: bool = False) -> None: ...
        def well(self, cause: Any) -> None: ...
        def lost(self, cause: Any, count: int = 1) -> None: ...

    with ExitStack() as stack:
        ledger, uploads, stop = Ledger(_scratch(stack)), UploadSource("gate"), Event()
        stack.callback(ledger.close)
        numbers = count(1)
        lane = (lambda arrival: Receipt(next(numbers)), stop, Health())
        Thread(target=uploads.run, args=lane, daemon=True).start()
        stack.callback(stop.set)
        card = Detector(SHIPPED_MODEL).card
        context = ServiceContext(ledger, Hub(), list, card, {"gate": uploads})
        service = stack.enter_context(Service(create_app(context), "127.0.0.1", 0))
        print(service.port, flush=True)
        sys.stdin.read()


def _scratch(stack: ExitStack) -> Path:
    """A folder on the disk of the working directory: the system's temporary one may live in memory."""
    return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=".latency-", dir=Path.cwd())))


def _arrivals() -> Iterator[Any]:
    from parcelsight.inference.lanes.arrival import Arrival

    data = jpeg()
    for number in count():
        yield Arrival("gate", f"scan-{number}", datetime.now(UTC), payload=data)


ENGINES: dict[str, Callable[[ExitStack], Call]] = {
    "session.run": bare,
    "array": array,
    "default variant": default_variant,
    "array, openvino bf16": array_bf16,
    "jpeg": encoded,
    "imdecode": decode,
    "ultralytics": ultralytics,
    "array, 2 threads": array_two,
    "ultralytics, 2 threads": ultralytics_two,
    "openvino f32": openvino,
    "accept": accept,
    "http": over_http,
}


def main() -> None:
    """Time rounds of one engine, as stdin asks for them."""
    name = sys.argv[1]
    if name == "service":
        serve()
        return
    with ExitStack() as stack:
        call = ENGINES[name](stack)
        for _ in range(3):
            call()
        print("ready", flush=True)
        for line in sys.stdin:
            times_ms = []
            for _ in range(int(line)):
                started = perf_counter()
                call()
                times_ms.append(1e3 * (perf_counter() - started))
            print(json.dumps(times_ms), flush=True)


if __name__ == "__main__":
    main()
