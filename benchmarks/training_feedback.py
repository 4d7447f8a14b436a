"""How long an officer waits from the last key of an answer to the feedback on the screen, in a real browser.

python -m benchmarks.training_feedback [--parcels SET] [--answers 60] [--save docs/results/tutor/feedback.json]

Measured by the page itself (performance.measure): from the key that says how sure one is, over the request and the
commit to disk, to the frame after the one in which the panel and the boxes were changed. Beside it, the same requests
without a browser. The library is the sample scans, or a rendered data set, whose larger pictures a draw takes longer.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from parcelsight.screening.tutor.courses import StepPlan
from parcelsight.screening.tutor.library import import_dataset
from parcelsight.screening.tutor.tables import Mode
from tests.console_parts import Browser as Client
from tests.console_site import ConsoleSite, signed_in
from tests.tutor_console import OFFICER, TRAINER, begun, enrolled, training_site, who
from tests.viewer_bench import SOFTWARE_GL

if TYPE_CHECKING:
    from playwright.sync_api import Browser

DEADLINE_MS = 120_000
LIMIT_MS = 200


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parcels", type=Path, help="rendered data set; else the sample scans")
    parser.add_argument("--answers", type=int, default=60)
    parser.add_argument("--save", type=Path)
    options = parser.parse_args(arguments)
    result = measure(options.parcels, options.answers)
    print(json.dumps(result, indent=1))
    if options.save:
        options.save.parent.mkdir(parents=True, exist_ok=True)
        options.save.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def measure(parcels: Path | None, answers: int) -> dict[str, object]:
    """Answer so many pictures twice: in the browser, and by plain requests."""
    from playwright.sync_api import sync_playwright

    step = StepPlan(title="Study", mode=Mode.STUDY, pictures=answers, threat_share=0.7)
    with tempfile.TemporaryDirectory() as folder, training_site(Path(folder)) as site, sync_playwright() as playwright:
        if parcels is not None:
            import_dataset(site.console.database, site.console.library, who(site, TRAINER), parcels)
        requests = by_requests(site, step)
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(SOFTWARE_GL))
        seen = in_browser(site, browser, step)
        browser.close()
    return {
        "answers": answers,
        "processors": os.cpu_count(),
        "load_1min": round(os.getloadavg()[0], 1),
        "machine": platform.machine(),
        "in_browser_ms": summary(seen),
        "request_alone_ms": summary(requests),
        "limit_ms": LIMIT_MS,
        "within_limit": sum(one <= LIMIT_MS for one in seen),
    }


def summary(values: Sequence[float]) -> dict[str, float]:
    """Median, 95th percentile and worst."""
    ordered = sorted(values)
    return {
        "p50": round(statistics.median(ordered), 1),
        "p95": round(ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))], 1),
        "worst": round(ordered[-1], 1),
    }


def by_requests(site: ConsoleSite, step: StepPlan) -> list[float]:
    """Milliseconds of each answer's request."""
    enrolment, steps = enrolled(site, OFFICER, step)
    exercise = begun(site, OFFICER, enrolment, steps[0])
    client, took = Client(site.url, site.session(OFFICER)), []
    while (item := client.post(f"/api/tutor/exercises/{exercise}/next").json()["item"]) is not None:
        body = {"request_id": f"request-{item['id']}", "is_threat": True, "click_px": [20, 20], "confidence": 4}
        begin = time.perf_counter()
        client.post(f"/api/tutor/items/{item['id']}/answer", body).raise_for_status()
        took.append(1000 * (time.perf_counter() - begin))
    client.http.close()
    return took


def in_browser(site: ConsoleSite, browser: Browser, step: StepPlan) -> list[float]:
    """Milliseconds from key to feedback, as the page measures them."""
    enrolment, steps = enrolled(site, OFFICER, step)
    context = signed_in(browser, site, OFFICER, viewport={"width": 1366, "height": 768})
    page = context.new_page()
    page.set_default_timeout(DEADLINE_MS)
    page.goto(f"/tutor/exercises/{begun(site, OFFICER, enrolment, steps[0])}")
    for _ in range(step.pictures):
        page.wait_for_selector("body:is([data-state=ready], [data-state=feedback])")
        page.keyboard.press("Enter")
        page.wait_for_selector("body[data-state=decide]")
        page.wait_for_timeout(300)  # the picture has come to rest, as when somebody looks
        page.mouse.click(400, 350)
        page.wait_for_selector("#sureness:visible")
        page.wait_for_timeout(100)
        page.keyboard.press("4")
        page.wait_for_selector("body[data-state=feedback]")
    page.wait_for_timeout(300)
    took = page.evaluate("performance.getEntriesByName('answer to feedback').map((one) => one.duration)")
    context.close()
    return [float(one) for one in took]


if __name__ == "__main__":
    main()
