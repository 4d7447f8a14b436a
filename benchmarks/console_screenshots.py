"""The pictures of the operators' guide: every page of the console, at both sizes that it is made for.

python -m benchmarks.console_screenshots [--out docs/images] [--every-page]

Parcels, alarms, dense areas and the belt are real: the sample parcels with two views as the shipped model and the
dense-area check see them, passing on a lane service's belt. What officers decided about them is made up, so that the
supervisor's pages have something to show.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING

import numpy as np

from parcelsight.datasets.belt import play
from parcelsight.datasets.belt_samples import PITCH_MM, lay_belt, read_samples
from parcelsight.datasets.canonical import canonical_rgb
from parcelsight.datasets.readers import read_scan
from parcelsight.datasets.scan import Scan, ScanKind
from parcelsight.detector.taxonomy import TAXONOMY
from parcelsight.inference.dense import dense_areas
from parcelsight.inference.detector import Detector
from parcelsight.inference.lanes.belt_view import BeltView
from parcelsight.inference.lanes.spool import encode_scan
from parcelsight.inference.stream.sending import hello_of
from parcelsight.inference.verdicts import Verdict
from parcelsight.screening.follow.belts import BeltRelay
from parcelsight.screening.follow.link import Service
from parcelsight.screening.people.accounts import require_row
from parcelsight.screening.people.roles import Role
from parcelsight.screening.storage.tables import DecisionKind, DecisionRow, MarkRow, OpeningRow, ParcelRow, ParcelState
from parcelsight.screening.storage.times import now
from tests.console_site import S10, Alarm, ConsoleSite, View, console_site, sample_files, signed_in
from tests.service_parts import running_service
from tests.viewer_bench import SOFTWARE_GL

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parents[1]
MODEL = ROOT / "detector" / "weights" / "parcelsight-n.onnx"
SIZES = {"": (1366, 768), "-1920": (1920, 1080)}
QUALITY = 80
LANE = "sarajevo-2"
_BLOCK_LINES = 16
_PATIENCE_MS = 240_000
"""A busy machine only makes them later."""
_BELT_MS = 9000
"""Until the belt's picture is full."""
PAGES = {
    "amina": {"openings": "/openings", "me": "/me", "help": "/help"},
    "marc": {"parcels": "/parcels", "record": "/parcels/76", "supervisor": "/supervisor?hours=168",
             "classes": "/supervisor/classes", "audit": "/audit"},
    "ines": {"people": "/people"},
}  # fmt: skip
GUIDE = ("openings", "supervisor")


def main(arguments: Sequence[str] | None = None) -> None:
    """Make them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images")
    parser.add_argument("--every-page", action="store_true", help="also those that the guide does not show")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as name, console_site(Path(name)) as site, sync_playwright() as playwright:
        folder = Path(name)
        people(site)
        past(site)
        stack = ExitStack()
        site.console.belts = BeltRelay([Service(stack.enter_context(running_belt(folder)))])
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(SOFTWARE_GL))
        for suffix, size in SIZES.items():
            waiting(site, browser, options.out, suffix, size)
        parcels(site, folder)
        for suffix, size in SIZES.items():
            desk(site, browser, options.out, suffix, size)
            for login, pages in PAGES.items():
                shown = {name: path for name, path in pages.items() if options.every_page or name in GUIDE}
                plain(site, browser, options.out, login, shown, suffix, size)
        browser.close()
        stack.close()


@contextmanager
def running_belt(folder: Path) -> Iterator[str]:
    """A lane service on whose belt the sample parcels pass; its address."""
    view, stop = BeltView(), Event()
    belt = lay_belt(folder / "belt", read_samples(), speed_m_s=0.25, gap_mm=250.0)
    hello = hello_of(belt, "belt")

    def run() -> None:
        while not stop.is_set():
            for block in play(belt.blocks(_BLOCK_LINES), belt.motion.line_rate_hz):
                first = block.first_sequence
                view.show(hello, np.arange(first, first + len(block), dtype=np.int64), block.views)
                if stop.is_set():
                    return

    runner = Thread(target=run)
    (folder / "lanes").mkdir()
    with running_service(folder / "lanes", lanes=(LANE,), belts={LANE: view}) as (service, _):
        runner.start()
        try:
            yield service.url
        finally:
            stop.set()
            runner.join()


def people(site: ConsoleSite) -> None:
    """Who works here, and the lane."""
    site.person("amina", "Amina Hodžić", Role.OPERATOR)
    site.person("luc", "Luc Martin", Role.OPERATOR)
    site.person("marc", "Marc Duval", Role.SUPERVISOR)
    site.person("ines", "Inés Ortega", Role.ADMIN)
    site.lane()


def parcels(site: ConsoleSite, folder: Path) -> None:
    """What waits: those with alarms first, as the queue orders them."""
    detector = Detector(MODEL)
    for number, views in enumerate(read_samples()[: len(S10)]):
        seen = []
        for view, levels in views.items():
            file = folder / f"{number}-{view}.tif"
            file.write_bytes(encode_scan(Scan(file.stem, levels, ScanKind.DUAL_ENERGY, PITCH_MM, view)))
            seen.append(_seen(detector, file, view))
        alarmed, dense = any(view.alarms for view in seen), any(view.dense for view in seen)
        verdict = Verdict.ALARM if alarmed else Verdict.REVIEW if dense else Verdict.NO_ALARM
        site.parcel(*seen, verdict=verdict, item_id=S10[number])


def _seen(detector: Detector, file: Path, view: str) -> View:
    scan = read_scan(file)
    found = detector.detect(canonical_rgb(scan))
    alarms = []
    for box, score, class_id in zip(found.xyxy_px.tolist(), found.score, found.class_id, strict=True):
        label = TAXONOMY.classes[int(class_id)]
        alarms.append(Alarm(label, str(TAXONOMY.group_of(label)), round(float(score), 3), tuple(box)))
    return View(file, view, tuple(alarms), tuple(tuple(box) for box in dense_areas(scan).tolist()))


def past(site: ConsoleSite) -> None:
    """A day of made-up decisions, marks and openings."""
    chance = random.Random(7)
    file = sample_files()[0]
    alarm = Alarm("pistol", "firearm", 0.9, (80, 60, 200, 140))
    for ago in sorted((timedelta(hours=18 * chance.betavariate(2, 2)) for _ in range(70)), reverse=True):
        verdict = chance.choices((Verdict.ALARM, Verdict.REVIEW, Verdict.NO_ALARM), (2, 1, 7))[0]
        alarmed = verdict is Verdict.ALARM
        parcel = site.parcel(View(file, "top", (alarm,) if alarmed else ()), verdict=verdict, item_id=None)
        _decided(site, parcel, verdict, chance, ago)


def _decided(site: ConsoleSite, parcel: int, verdict: Verdict, chance: random.Random, ago: timedelta) -> None:
    alarmed = verdict is Verdict.ALARM
    kind = DecisionKind(chance.choices(list(DecisionKind), (3, 1, 1, 4) if alarmed else (16, 1, 1, 0))[0])
    at = now() - ago
    with site.console.write() as session:
        row, person = session.get_one(ParcelRow, parcel), require_row(session, chance.choice(("amina", "luc")))
        session.add(DecisionRow(request_id=f"past-{parcel}", parcel_id=parcel, person_id=person.id, kind=kind,
                                state_before="waiting", decided_at=at, took_ms=int(chance.lognormvariate(8.4, 0.5)),
                                aid_shown=True, reason=""))  # fmt: skip
        row.arrived_at, row.state = at, ParcelState.RELEASED
        if alarmed:
            session.add(MarkRow(request_id=f"mark-{parcel}", scan_id=row.scans[0].id, person_id=person.id, at=at,
                                kind=chance.choice(("right", "wrong")), detection_id="d0", label="pistol",
                                xyxy_px=[80, 60, 200, 140]))  # fmt: skip
        if kind is DecisionKind.OPEN and ago < timedelta(hours=5):
            row.state = ParcelState.OPENING
        elif kind is DecisionKind.OPEN:
            what = [{"what": "part", "amount": 2, "type": "slide", "condition": "new"}] if chance.random() < 0.5 else []
            session.add(
                OpeningRow(request_id=f"open-{parcel}", parcel_id=parcel, person_id=person.id, found=what, at=at)
            )
            row.state = ParcelState.DONE


def waiting(site: ConsoleSite, browser: Browser, out: Path, suffix: str, size: tuple[int, int]) -> None:
    """The desk while the belt runs and nothing is there to decide."""
    page = _open(site, browser, "amina", size)
    page.wait_for_selector("body[data-belt]")
    page.wait_for_timeout(_BELT_MS)
    _save(page, out / f"console-waiting{suffix}.jpg")
    page.context.close()


def desk(site: ConsoleSite, browser: Browser, out: Path, suffix: str, size: tuple[int, int]) -> None:
    """The desk: deciding, giving a reason, waiting for nothing, not screened, and in Arabic."""
    page = _open(site, browser, "amina", size)
    _at_desk(page)
    page.wait_for_timeout(_BELT_MS)
    _save(page, out / f"console-desk{suffix}.jpg")
    page.keyboard.press("r")
    page.wait_for_timeout(300)
    _save(page, out / f"console-reasons{suffix}.jpg")
    page.keyboard.press("Escape")
    site.lane("NOT_SCREENING", "source-silent")
    page.wait_for_selector("body[data-stopped]")
    page.wait_for_timeout(600)
    _save(page, out / f"console-stopped{suffix}.jpg")
    site.lane()
    page.keyboard.press("q")
    page.wait_for_selector("body[data-state=paused]")
    page.context.close()
    site.speak("amina", "ar")
    page = _open(site, browser, "amina", size)
    _at_desk(page)
    _save(page, out / f"console-desk-ar{suffix}.jpg")
    page.keyboard.press("q")
    page.wait_for_selector("body[data-state=paused]")
    page.context.close()
    site.speak("amina", "en")


def plain(
    site: ConsoleSite,
    browser: Browser,
    out: Path,
    login: str,
    pages: dict[str, str],
    suffix: str,
    size: tuple[int, int],
) -> None:
    """Pages that only show."""
    for name, path in pages.items():
        page = _open(site, browser, login, size, path)
        page.wait_for_timeout(1500 if name == "record" else 300)
        _save(page, out / f"console-{name}{suffix}.jpg")
        page.context.close()


def _open(site: ConsoleSite, browser: Browser, login: str, size: tuple[int, int], path: str = "/desk") -> Page:
    context = signed_in(browser, site, login, viewport={"width": size[0], "height": size[1]}, timezone_id="UTC")
    page: Page = context.new_page()
    page.set_default_timeout(_PATIENCE_MS)
    page.goto(path)
    return page


def _at_desk(page: Page) -> None:
    page.wait_for_function("() => document.getElementById('viewer').picture")
    page.wait_for_timeout(1500)


def _save(page: Page, path: Path) -> None:
    page.screenshot(path=path, type="jpeg", quality=QUALITY, timeout=_PATIENCE_MS)


if __name__ == "__main__":
    main()
