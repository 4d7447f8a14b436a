"""The classes ParcelSight detects and the groups they belong to.

The groups follow article 3 of the UN Firearms Protocol: firearms, their parts and components, and ammunition;
``associated`` holds what is not a part in the Protocol's sense but travels with one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Group(StrEnum):
    """A family of threat classes."""

    FIREARM = "firearm"
    PART = "part"
    ASSOCIATED = "associated"
    AMMUNITION = "ammunition"


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """A versioned list of threat classes.

    A *label* is the name of a class, or of a group where a data set tells no more ("gun" is the group
    ``firearm``). A group label counts in scores by group and is never a class-level error.
    """

    version: str
    groups: Mapping[str, Group]
    """Class name → group, in class-id order."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in class-id order."""
        return tuple(self.groups)

    def class_id(self, name: str) -> int:
        """Position of a class. Raises KeyError for anything but a class name."""
        return {n: i for i, n in enumerate(self.groups)}[name]

    def group_of(self, label: str) -> Group | None:
        """Group of a class or group label; None where the label is no threat of this taxonomy."""
        if label in self.groups:
            return self.groups[label]
        try:
            return Group(label)
        except ValueError:
            return None

    def is_group_label(self, label: str) -> bool:
        """True for a label that names a whole group rather than a class."""
        return label not in self.groups and self.group_of(label) is not None


TAXONOMY = Taxonomy(
    version="2026.1",
    groups=MappingProxyType(
        {
            "pistol": Group.FIREARM,
            "revolver": Group.FIREARM,
            "long_gun": Group.FIREARM,
            "barrel": Group.PART,
            "frame_receiver": Group.PART,
            "slide": Group.PART,
            "cylinder": Group.PART,
            "bolt": Group.PART,
            "silencer": Group.PART,
            "magazine": Group.ASSOCIATED,
            "cartridge": Group.AMMUNITION,
            "cartridge_pack": Group.AMMUNITION,
        }
    ),
)
"""The taxonomy in force."""
