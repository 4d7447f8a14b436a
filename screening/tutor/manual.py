"""The X-ray manual: what each class looks like, what to look for, what it is mistaken for. Recognition alone.

Pictures are rendered by ``python -m benchmarks.manual_pictures`` and shipped; the words are in ``manual_words.py``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ...detector.errors import ConfigError
from ...detector.taxonomy import TAXONOMY
from .manual_words import ENTRIES, Words

FOLDER = Path(__file__).resolve().parents[1] / "static" / "manual"
INDEX = "index.json"
URL = "/static/manual/"
SECTIONS = ("turned", "penetration", "palette", "hidden", "parts", "alike")
"""In the order in which a page shows them."""
ALIKE: Mapping[str, tuple[str, ...]] = {
    "pistol": ("toy_gun", "drill", "glue_gun", "hair_dryer"),
    "revolver": ("toy_gun", "caulking_gun", "hand_blender", "lighter"),
    "long_gun": ("umbrella", "caulking_gun", "drawer_rail", "shock_absorber"),
    "barrel": ("pipe", "flashlight", "pens", "hose_nozzle"),
    "frame_receiver": ("stapler", "door_lock", "cast_housing", "bicycle_brake"),
    "slide": ("drawer_rail", "metal_block", "door_lock", "stapler"),
    "cylinder": ("bearings", "sprocket", "castors", "pipe_fittings"),
    "bolt": ("spark_plugs", "shock_absorber", "screwdriver", "door_handle"),
    "silencer": ("flashlight", "shock_absorber", "vacuum_flask", "pipe"),
    "magazine": ("power_bank", "stapler", "charger", "remote_control"),
    "cartridge": ("lipstick", "round_cells", "spark_plugs", "pens"),
    "cartridge_pack": ("round_cells", "lipstick", "screw_bag", "button_cells"),
}
"""Harmless things that are taken for each class, by their kind."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One picture of the manual."""

    name: str
    """What it shows, a key of the captions."""
    file: str

    @property
    def url(self) -> str:
        """For pages."""
        return URL + self.file

    @property
    def path(self) -> Path:
        """For paper."""
        return FOLDER / self.file


@dataclass(frozen=True, slots=True)
class Chapter:
    """One class."""

    label: str
    words: Words
    sections: Mapping[str, tuple[Shown, ...]]

    @property
    def portrait(self) -> Shown | None:
        """The picture that stands for the class."""
        return next(iter(self.sections.get("turned", ())), None)


def chapters() -> tuple[Chapter, ...]:
    """Every class, in the order of the taxonomy. Raises ConfigError if the pictures' list cannot be read."""
    index = _index()
    return tuple(
        Chapter(
            label,
            ENTRIES[label],
            {
                section: tuple(Shown(one["name"], one["file"]) for one in index.get(label, {}).get(section, ()))
                for section in SECTIONS
            },
        )
        for label in TAXONOMY.classes
    )


def entry(label: str) -> Chapter | None:
    """The chapter of a class; None for what is none."""
    return next((chapter for chapter in chapters() if chapter.label == label), None)


@cache
def _index() -> Mapping[str, Mapping[str, tuple[Mapping[str, str], ...]]]:
    try:
        found: Mapping[str, Mapping[str, tuple[Mapping[str, str], ...]]] = json.loads(
            (FOLDER / INDEX).read_text("utf-8")
        )
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ConfigError(f"{FOLDER / INDEX}: cannot be read", "install ParcelSight again") from error
    return found
