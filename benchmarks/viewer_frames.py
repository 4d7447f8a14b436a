"""Time from a tool's key to the finished frame, on a 1600×1200 dual-energy scan, in Debian's Chromium.

python -m benchmarks.viewer_frames [--frames 60] [--size 1366x768] [--gpu] [--json]

A frame is: change the setting, develop the scan's 1.9 million pixels, lay them on the screen, draw the boxes, and wait
until a pixel can be read back. Without --gpu, SwiftShader draws on the processor; with it, the browser's own choice.

Where other programs share the machine, times say more about them: "least" is what a quiet machine takes, "processor"
the processor time that all of the browser spends a frame, on however many cores.
"""

from __future__ import annotations

import argparse
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.viewer_server import Parcel, Site, serve, tiled_scan

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHROMIUM = "/usr/bin/chromium"
SOFTWARE_GL = ("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
HARDWARE_GL = ("--ignore-gpu-blocklist", "--use-angle=gl-egl", "--enable-gpu-rasterization")
HEIGHT_PX, WIDTH_PX = 1200, 1600
WARM_FRAMES = 4
_PATIENCE_MS = 240_000
MEASURE = """
async ([count, kind]) => {
  const gl = viewer.shadowRoot.querySelector("canvas").getContext("webgl2");
  const pixel = new Uint8Array(4);
  const finish = () => gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel);
  const tools = ["grey", "negative", "organic", "strip", "metal", "low", "high", "colour"];
  const steps = {
    "tool change": (n) => viewer.run(tools[n % tools.length]),
    edges: (n) => viewer.run("edges"),
    "super penetration": (n) => viewer.run("super"),
    "gamma drag": (n) => viewer.desk.dragGamma(1 + (n % 20) / 10),
    "zoom and pan": (n) => viewer.desk.zoomBy(n % 2 ? 1.3 : 1 / 1.25, 0, {x: 300 + n, y: 200}),
  };
  const times = [];
  for (let n = 0; n < count + ${WARM}; n += 1) {
    const before = performance.now();
    steps[kind](n);
    viewer.draw();
    finish();
    if (n >= ${WARM}) times.push(performance.now() - before);
    // The page is laid together meanwhile, so that the next frame is not charged for it.
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(resolve, 20))));
  }
  viewer.run("reset");
  return times;
}
""".replace("${WARM}", str(WARM_FRAMES))
COLUMNS = ("p50", "p95", "least", "processor")
KINDS = ("tool change", "gamma drag", "edges", "super penetration", "zoom and pan")


def main() -> None:
    """One row a kind of change: median and 95th percentile."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--size", default="1366x768", help="of the window")
    parser.add_argument("--gpu", action="store_true", help="let the browser use the graphics unit")
    parser.add_argument("--json", action="store_true")
    wishes = parser.parse_args()
    report = measure(wishes.frames, wishes.size, wishes.gpu)
    if wishes.json:
        print(json.dumps(report))
        return
    print(f"{report['renderer']}, window {wishes.size}, scan {WIDTH_PX}x{HEIGHT_PX}, {wishes.frames} frames each")
    print("".ljust(20), *(name.rjust(12) for name in COLUMNS))
    for kind, row in report["frames_ms"].items():
        print(kind.ljust(20), *(f"{row[name]:12.1f}" for name in COLUMNS))


def measure(frames: int, size: str, gpu: bool) -> dict[str, Any]:
    """Renderer, and kind of change → COLUMNS in ms."""
    from playwright.sync_api import sync_playwright

    width, height = (int(side) for side in size.split("x"))
    parcel = Parcel("large", lambda: [tiled_scan(HEIGHT_PX, WIDTH_PX)], list)
    with serve(Site([parcel], [])) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=list(HARDWARE_GL if gpu else SOFTWARE_GL),
            ignore_default_args=["--disable-gpu"],
        )
        page = browser.new_page(viewport={"width": width, "height": height}, bypass_csp=True)
        page.set_default_timeout(_PATIENCE_MS)
        page.goto(address + "/")
        page.wait_for_function("document.getElementById('viewer').picture !== null")
        renderer = page.evaluate(
            "(() => { const gl = document.createElement('canvas').getContext('webgl2');"
            "const info = gl.getExtension('WEBGL_debug_renderer_info');"
            "return gl.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : gl.RENDERER); })()"
        )
        timed = {kind: _timed(page, frames, kind) for kind in KINDS}
        browser.close()
    return {"renderer": renderer, "frames_ms": timed}


def _timed(page: Page, frames: int, kind: str) -> dict[str, float]:
    before_s = _processor_s()
    times = sorted(page.evaluate(MEASURE, [frames, kind]))
    spent_ms = (_processor_s() - before_s) * 1e3 / (frames + WARM_FRAMES)
    return dict(zip(COLUMNS, (times[len(times) // 2], times[int(len(times) * 0.95)], times[0], spent_ms), strict=True))


def _processor_s() -> float:
    """Processor time of all processes started from here, the browser's, as /proc tells it."""
    stats = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # The name in brackets may hold anything; what follows it is numbers.
            stats[int(file.parent.name)] = file.read_text().rpartition(") ")[2].split()
    ours = {os.getpid()}
    for _ in stats:
        found = {pid for pid, fields in stats.items() if int(fields[1]) in ours}
        if found <= ours:
            break
        ours |= found
    ticks = sum(int(stats[pid][11]) + int(stats[pid][12]) for pid in ours if pid in stats)
    return ticks / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
