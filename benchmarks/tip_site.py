"""A console with lanes that project threats, and parcels for it: shared by the measurements of projection at lanes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from parcelsight.datasets.levels import as_levels
from parcelsight.datasets.opencv import cv2
from parcelsight.datasets.scan import Scan, ScanKind
from parcelsight.inference.lanes.spool import encode_scan
from parcelsight.inference.verdicts import Verdict
from parcelsight.screening.follow.intake import Intake, Model, Picture, View
from parcelsight.screening.follow.link import Service
from parcelsight.screening.follow.records import ToldVerdict
from parcelsight.screening.people.accounts import Person, create_person
from parcelsight.screening.people.roles import Role
from parcelsight.screening.storage.database import Database
from parcelsight.screening.storage.pictures import PictureStore
from parcelsight.screening.storage.schema import upgrade
from parcelsight.screening.storage.times import now
from parcelsight.screening.tutor import tip_settings
from parcelsight.screening.tutor.tip import TipPolicy
from parcelsight.screening.tutor.tip_settings import TipSettings
from parcelsight.screening.web.console import Console, Settings

ALARM = {"xyxy_px": [20.0, 20.0, 60.0, 50.0], "score": 0.9, "class": "pistol", "group": "firearm", "id": "d1"}


def plain_parcel(rng: np.random.Generator, side_px: int = 96, pitch_mm: float = 2.0) -> Scan:
    """A quick dual-energy picture of a carton with a few things in it: real levels and noise, no renderer."""
    depth = np.zeros((side_px, side_px, 2), np.float32)
    cv2.rectangle(depth, (8, 8), (side_px - 9, side_px - 9), (0.12, 0.08), -1)
    for _ in range(int(rng.integers(3, 9))):
        x, y = (int(v) for v in rng.integers(14, side_px - 24, 2))
        amount = float(rng.uniform(0.1, 0.9))
        layer = np.zeros_like(depth)
        size = int(rng.integers(4, 16))
        cv2.ellipse(
            layer, (x, y), (size, max(2, size // 2)), float(rng.uniform(0, 180)), 0, 360, (amount, 0.7 * amount), -1
        )
        depth += layer
    lit = np.exp(-cv2.GaussianBlur(depth, (0, 0), 0.7))
    lit += rng.standard_normal(lit.shape).astype(np.float32) * np.sqrt(lit * 2e-5 + 1e-6).astype(np.float32)
    return Scan("parcel", as_levels(np.clip(lit, 0, 1.05)), ScanKind.DUAL_ENERGY, pitch_mm)


@dataclass
class TipSite:
    """A console, its people, and a lane that is taken in without a network."""

    console: Console
    intake: Intake
    officer: Person
    supervisor: Person
    number: int = 0

    def arrive(self, picture: Scan, verdict: Verdict = Verdict.NO_ALARM) -> int:
        """A parcel comes; its row's number."""
        self.number += 1
        content = encode_scan(picture)
        name = self.console.pictures.put(content)
        kept = Picture(name, name, str(picture.kind), picture.width_px, picture.height_px, picture.pitch_mm)
        told = ToldVerdict.model_validate(
            {
                "number": self.number, "sequence": self.number, "lane": "dock-1", "scan": f"s{self.number}",
                "verdict": verdict, "accepted_at": now(), "detections": [ALARM] if verdict is Verdict.ALARM else [],
            }
        )  # fmt: skip
        parcel = self.intake.take([View(told, kept, Model("model 1", "standard"))])
        assert parcel is not None, "a parcel that came twice"
        self.console.changed()
        return parcel


def open_site(folder: Path, rate: float, hold_s: float | None = None, labels: tuple[str, ...] = ()) -> TipSite:
    """A console in a folder, projecting at a rate.

    Args:
        folder: for database and pictures.
        rate: 0 leaves projection off.
        hold_s: how long parcels are held; None does not hold them.
        labels: classes to project; none takes all.
    """
    database = Database(str(folder / "console.db"))
    upgrade(database)
    with database.write() as session:
        officer = create_person(session, "system", "officer", "Officer", Role.OPERATOR, None)
        supervisor = create_person(session, "system", "supervisor", "Supervisor", Role.SUPERVISOR, None)
    console = Console(database, PictureStore(folder / "scans"), Settings())
    if rate:
        policy = TipPolicy(rate, dict.fromkeys(labels, 1.0)) if labels else TipPolicy(rate)
        with database.write() as session:
            tip_settings.change(session, supervisor, TipSettings(policy))
    service = Service("http://127.0.0.1:9")
    intake = Intake(database, console.pictures, service, console.training(hold_s))
    intake.place("ledger")
    return TipSite(console, intake, officer, supervisor)
