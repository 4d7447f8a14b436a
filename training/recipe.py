"""A training recipe: everything that decides what a training does, as one YAML file."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from ..configs.loading import load_config
from ..detector.taxonomy import TAXONOMY, Group

RECIPES = "recipes"

Probability = Annotated[float, Field(ge=0, le=1)]


class Architecture(StrEnum):
    """The networks that can be trained, small to large."""

    N = "yolo26n"
    S = "yolo26s"
    M = "yolo26m"


class Device(StrEnum):
    """Where to train."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Transmissions(_Section):
    """What happens to the transmissions of 16-bit scans before they are coloured: each time another scanner.

    Pictures of 8 bits hold no transmissions and are left alone by these keys.
    """

    looks: Probability = 0.7
    """Colour by another maker's palette, in grey or inverted grey; else by the canonical palette."""
    air_level: float = Field(default=0.015, ge=0, le=0.3)
    """Air up to this part brighter or darker: calibration that has drifted."""
    quantum_noise: float = Field(default=0.02, ge=0, le=0.2)
    """Highest noise in air, relative to it. Noise of counts: behind dense matter it is relatively stronger."""
    pitch: Probability = 0.15
    """Detectors and lines of up to twice the pitch, as other makers have them: a coarser picture."""
    belt_blur: Probability = 0.2
    """Smear along the belt, which moves while a line is read."""
    afterglow: Probability = 0.1
    """Let each line glow on in the next ones, as slow scintillators do."""
    streaks: Probability = 0.25
    """Detectors, and lines, a little brighter or darker than their neighbours."""
    dead_detectors: Probability = 0.1
    """One to three detectors that tell nothing: straight lines along the belt."""


class Augmentation(_Section):
    """How pictures are varied. Every default keeps what an X-ray picture means.

    There is no hue shift, because colour is the material code, and no mosaic and no pasting, because objects in an
    X-ray picture add up (their transmissions multiply) and never hide one another behind a straight edge.
    """

    flip_horizontal: Probability = 0.5
    flip_vertical: Probability = 0.5
    """A parcel has no right way up."""
    rotate_90: Probability = 0.5
    scale: float = Field(default=0.4, ge=0, lt=1)
    """Zoom by a factor between 1 - scale and 1 + scale."""
    shrink: float = Field(default=0.0, ge=0, lt=1)
    """Shrink further than that, to 1 - shrink: for scanners whose pictures show more around an object. A parcel that
    fills its picture shows a gun twice as large as a suitcase does, and a network learns sizes."""
    window_px: int = Field(default=0, ge=0, le=2048, multiple_of=32)
    """Teach on windows of this side, cut out of the varied picture; what is validated on stays whole. 0: no windows."""
    translate: float = Field(default=0.1, ge=0, le=0.5)
    """Shift by up to this part of the side; what becomes visible is air."""
    mix: Probability = 0.1
    """Lay another parcel over this one: their transmissions multiply, both keep their labels."""
    threats: Probability = 0.1
    """Lay a threat of another scan, with what surrounds it closely, over this one; every class alike often."""
    gain: float = Field(default=0.25, ge=0, lt=1)
    """Raise transmission or intensity to a power between 1 - gain and 1 + gain: everything that much thinner or
    thicker."""
    brightness: float = Field(default=0.1, ge=0, le=1)
    """Shift intensity of 8-bit pictures."""
    background: Probability = 0.25
    """Give the air of 8-bit pictures another light tone, so that it tells nothing. Looks do it for 16-bit scans."""
    noise: float = Field(default=0.03, ge=0, le=0.5)
    """Highest standard deviation of noise in 8-bit pictures, of full scale; a third of them get some."""
    blur: Probability = 0.1
    grey: Probability = 0.1
    """Turn to grey, so that single-energy scanners are served by the same network."""
    invert: Probability = 0.03
    """Bright becomes dark and dark bright, as operators can choose; the hue of each material stays."""
    jpeg: Probability = 0.3
    """Compress, quality 50 to 95."""
    transmissions: Transmissions = Transmissions()


class Sampling(_Section):
    """Which pictures an epoch shows. Each gets a weight; an epoch shows it that often, give or take one."""

    rare_classes: Probability = 0.5
    """A picture's weight is that of its rarest class: (objects of the commonest class / objects of this one) to this
    power. 0: every picture once. 1: every class about equally often."""
    threat_free: Annotated[float, Field(ge=0, lt=1)] | None = None
    """Share of threat-free pictures. Without it, what the weights give."""
    hard_negatives: Path | None = None
    """A list that ``parcelsight mine`` wrote; given here, relative to the recipe, or by ``--hard-negatives``."""
    hard_negative_weight: float = Field(default=3.0, ge=1, le=100)
    """How many times as often as others the pictures of that list are shown."""
    pictures: int | None = Field(default=None, ge=1, le=100_000_000)
    """Pictures an epoch shows. Without it, as many as there are."""


class TrainingRecipe(_Section):
    """What to learn from, with which network, how long and how."""

    name: str = Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][\w.-]*$")
    data: tuple[Path, ...] = ()
    """Data sets with a train and a val split; given here or by ``--data``."""
    labels: tuple[str, ...] | None = None
    """What to learn, in class-id order: classes or groups of the taxonomy. Without it, those that the data uses.

    Other labels are benign: their objects become background, and a scan with nothing else is threat-free."""
    network: Architecture = Architecture.N
    start_weights: str | None = "auto"
    """``auto``: COCO weights of the network's name. ``shipped``: the shipped detector. A ``.pt`` path, or a name.
    ``null``: random, for very large data."""
    input_px: int = Field(default=640, ge=64, le=2048, multiple_of=32)
    epochs: int = Field(default=100, ge=1, le=10_000)
    batch: int = Field(default=16, ge=1, le=1024)
    learning_rate: float = Field(default=1e-3, gt=0, le=1)
    warmup_epochs: float = Field(default=1.0, ge=0, le=100)
    patience: int = Field(default=50, ge=1)
    """Stop after so many epochs without a better score."""
    seed: int = Field(default=0, ge=0, lt=2**31)
    workers: int = Field(default=4, ge=0, le=64)
    """Processes that read pictures beside a GPU."""
    device: Device = Device.AUTO
    mixed_precision: bool = True
    """Compute in bfloat16 on a CPU with matrix units (AMX); elsewhere it changes nothing."""
    augmentation: Augmentation = Augmentation()
    sampling: Sampling = Sampling()

    @field_validator("data", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return (value,) if isinstance(value, str | Path) else value

    @field_validator("labels")
    @classmethod
    def _known_once(cls, labels: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if labels is None:
            return None
        if not labels:
            raise ValueError("names no label; leave the key out to learn all the data has")
        known = (*TAXONOMY.classes, *(group.value for group in Group))
        if unknown := [label for label in labels if label not in known]:
            raise ValueError(f"unknown label {unknown[0]!r}; taxonomy {TAXONOMY.version} has {', '.join(known)}")
        if len(set(labels)) != len(labels):
            raise ValueError("a label occurs twice")
        return labels

    def with_hard_negatives(self, file: Path) -> TrainingRecipe:
        """The same recipe with another list."""
        return self.model_copy(update={"sampling": self.sampling.model_copy(update={"hard_negatives": file})})

    @property
    def start_weights_name(self) -> str | None:
        """What to look up; None begins at random."""
        return self.network.value if self.start_weights == "auto" else self.start_weights


def load_recipe(source: str | Path) -> TrainingRecipe:
    """Load a recipe by path, or by the name of a shipped one; paths in it are relative to its own folder.

    Raises:
        ConfigError: naming the file, the key and the remedy.
    """
    recipe = load_config(source, TrainingRecipe, RECIPES)
    path = Path(source)
    if path.is_file():
        recipe = recipe.model_copy(update={"data": tuple(path.parent / data for data in recipe.data)})
        if recipe.sampling.hard_negatives is not None:
            recipe = recipe.with_hard_negatives(path.parent / recipe.sampling.hard_negatives)
    return recipe
