"""The pictures of the trainer's guide: pages of operator training, at both sizes that they are made for.

parcelsight synthesize parcels --count 80 --scanner duo140 --views 2 --threat-share 0.6 --only scans --seed 77
python -m benchmarks.training_screenshots --parcels parcels [--out docs/images] [--every-page] [--languages en ar]

The pictures in them are rendered parcels, imported as a trainer would; the detector's boxes are the shipped model's.
Who answered what is made up by simulated officers, so that the results have something to show.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from parcelsight.screening.people.roles import Role
from parcelsight.screening.tutor.adaptive import hit_chance
from parcelsight.screening.tutor.answers import Said, answer
from parcelsight.screening.tutor.clocks import Clock
from parcelsight.screening.tutor.courses import create_course, enrol, starter_plan
from parcelsight.screening.tutor.exercises import next_picture, start
from parcelsight.screening.tutor.library import import_dataset
from parcelsight.screening.tutor.plans import parts_plan
from parcelsight.screening.tutor.progress import courses_of
from parcelsight.screening.tutor.tables import ItemRow
from tests.console_site import ConsoleSite, console_site, signed_in
from tests.tutor_console import COLLEAGUE, OFFICER, SUPERVISOR, TRAINER, who
from tests.tutor_hands import a_threat, learnt, point
from tests.viewer_bench import SOFTWARE_GL

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parents[1]
SIZES = {"": (1366, 768), "-1920": (1920, 1080)}
QUALITY = 80
DEADLINE_MS = 240_000
NEW = "nils"
OFFICERS = {OFFICER: ("Amina Hodžić", 0.4), COLLEAGUE: ("Luc Martin", 1.2), "sofia": ("Sofía Ruiz", -0.3)}
"""Login → name, and how much a simulated officer can do."""
PAGES = {
    TRAINER: {"courses": "/tutor/courses", "course-form": "/tutor/courses/new?template=parts",
              "course": "/tutor/courses/1", "results": f"/tutor/results?course=1&person={COLLEAGUE}",
              "group": "/tutor/results?course=1"},
    OFFICER: {"home": "/tutor", "review": "/tutor/exercises/1/review"},
}  # fmt: skip
GUIDE = ("courses", "course-form", "course", "home", "results")


def main(arguments: Sequence[str] | None = None) -> None:
    """Make them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parcels", type=Path, required=True, help="rendered data set")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images")
    parser.add_argument("--every-page", action="store_true", help="also those that the guide does not show")
    parser.add_argument("--languages", nargs="*", default=["en"])
    parser.add_argument("--sizes", nargs="*", default=list(SIZES))
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, console_site(Path(folder)) as site, sync_playwright() as playwright:
        school(site, options.parcels)
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(SOFTWARE_GL))
        for language in options.languages:
            for login in (TRAINER, OFFICER, NEW):
                site.speak(login, language)
            suffix = "" if language == "en" else f"-{language}"
            for size in options.sizes:
                shots(site, browser, options.out, suffix + size, SIZES[size], options.every_page)
        browser.close()


def school(site: ConsoleSite, parcels: Path) -> None:
    """People, the library, two courses, and what simulated officers answered."""
    site.person(TRAINER, "Teresa Núñez", Role.TRAINER)
    site.person(SUPERVISOR, "Marc Duval", Role.SUPERVISOR)
    for login, (name, _) in OFFICERS.items():
        site.person(login, name, Role.OPERATOR)
    trainer = who(site, TRAINER)
    import_dataset(site.console.database, site.console.library, trainer, parcels)
    site.person(NEW, "Nils Berg", Role.OPERATOR)
    with site.console.database.write() as session:
        course = create_course(session, trainer, parts_plan("Parts in post"))
        new = create_course(session, trainer, starter_plan("New officers"))
        enrol(session, trainer, new.id, who(site, NEW).id)
        for login in OFFICERS:
            enrol(session, trainer, course.id, who(site, login).id)
    for number, login in enumerate(OFFICERS):
        take(site, login, steps=(2, 4, 1)[number], ability=OFFICERS[login][1])
        begin(site, login)


def take(site: ConsoleSite, login: str, steps: int, ability: float) -> None:
    """A simulated officer takes so many steps, getting better as they go."""
    person, clock, chance = who(site, login), Clock(), random.Random(login)
    done = 0
    for _ in range(steps):
        exercise = begin(site, login)
        while exercise is not None:
            with site.console.database.write() as session:
                shown = next_picture(session, person, exercise, clock, site.console.library)
                if shown is None:
                    break
                item = session.get_one(ItemRow, shown.item_id)
                boxes, hard = [truth["xyxy_px"] for truth in item.picture.truths], item.difficulty
                sees = float(hit_chance(ability + done / 120, hard)) if boxes else 0.15
                yes = chance.random() < sees
                box = boxes[0] if boxes else (10, 10, 30, 30)
                at = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
                took = int(chance.lognormvariate(8.3, 0.5))
                said = Said(f"{login}-{exercise}-{shown.item_id}", yes, at if yes else None, chance.randint(2, 6), took)
                answer(session, person, shown.item_id, said, clock)
                item.response_ms = took  # nobody waited for it here
            done += 1


def begin(site: ConsoleSite, login: str) -> int | None:
    """Begin what is next; None where all is done."""
    with site.console.database.write() as session:
        (one,) = courses_of(session, who(site, login).id)
        return start(session, who(site, login), one.enrolment.id, one.current.step.id).id if one.current else None


def shots(site: ConsoleSite, browser: Browser, out: Path, suffix: str, size: tuple[int, int], every: bool) -> None:
    """All pages at one size."""
    for login, pages in PAGES.items():
        for name, path in pages.items():
            if every or name in GUIDE:
                page = opened(site, browser, login, size, path)
                page.wait_for_load_state("networkidle")
                save(page, out / f"training-{name}{suffix}.jpg", whole=every)
                page.context.close()
    exercise(site, browser, out, suffix, size)


def exercise(site: ConsoleSite, browser: Browser, out: Path, suffix: str, size: tuple[int, int]) -> None:
    """Before the first picture, looking, saying how sure, and what there is to learn."""
    begun = begin(site, NEW)
    assert begun is not None
    page = opened(site, browser, NEW, size, f"/tutor/exercises/{begun}")
    page.wait_for_selector("#begin:visible")
    save(page, out / f"training-begin{suffix}.jpg")
    for _ in range(8):  # until a picture holds a threat
        page.keyboard.press("Enter")
        page.wait_for_selector("body[data-state=decide]")
        page.wait_for_timeout(1200)
        place = a_threat(site, page)
        if place is not None:
            break
        point(page, None)
        learnt(page)
    save(page, out / f"training-look{suffix}.jpg")
    point(page, place)
    page.wait_for_selector("#sureness:visible")
    page.wait_for_timeout(400)
    save(page, out / f"training-sure{suffix}.jpg")
    learnt(page)
    page.wait_for_timeout(1200)
    save(page, out / f"training-feedback{suffix}.jpg")
    page.keyboard.press("Enter")
    page.context.close()


def opened(site: ConsoleSite, browser: Browser, login: str, size: tuple[int, int], path: str) -> Page:
    """A page of somebody."""
    context = signed_in(browser, site, login, viewport={"width": size[0], "height": size[1]}, timezone_id="UTC")
    context.set_default_timeout(DEADLINE_MS)
    page: Page = context.new_page()
    page.goto(path)
    return page


def save(page: Page, path: Path, whole: bool = False) -> None:
    """A picture of it."""
    page.screenshot(path=path, type="jpeg", quality=QUALITY, full_page=whole)


if __name__ == "__main__":
    main()
