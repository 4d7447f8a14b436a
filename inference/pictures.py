"""Annotated pictures of screened scans: the canonical picture with every claim and every dense area drawn in."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import numpy as np

from ..datasets.canonical import canonical_rgb
from ..datasets.overlay import CYAN, MAGENTA, draw_boxes
from ..datasets.scan import Scan
from ..datasets.writers import write_picture
from ..detector.card import ModelCard
from ..detector.errors import UsageError
from .verdicts import ScreenedScan

_MAX_STEM = 80
_NAME = re.compile(r"[^\w.=+-]+", re.ASCII)


class AnnotatedPictures:
    """A folder of annotated pictures.

    Raises:
        UsageError: if the folder cannot be made or is a file.
    """

    def __init__(self, folder: Path, card: ModelCard) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(
                f"{folder}: pictures cannot be saved there ({error.strerror})", "name a folder you may write to"
            ) from error
        self.folder = folder
        self.saved = 0
        self._card = card

    def save(self, scan: Scan, screened: ScreenedScan) -> Path:
        """Write the picture of one scan, whole or not at all.

        Raises:
            ScanError: if the file system refuses.
        """
        found, dense = screened.detections, screened.dense_xyxy_px
        names = [self._card.classes[class_id].name for class_id in found.class_id]
        texts = [f"{name} {score:.2f}" for name, score in zip(names, found.score, strict=True)]
        boxes = np.concatenate([found.xyxy_px, dense]).astype(np.float64)
        texts += ["too dense"] * len(dense)
        colours = [MAGENTA] * len(found) + [CYAN] * len(dense)
        rgb = draw_boxes(canonical_rgb(scan), boxes, texts, colours)
        path = self.folder / picture_name(scan.scan_id)
        write_picture(path, rgb)
        self.saved += 1
        return path


def picture_name(scan_id: str) -> str:
    """The file name for a scan's picture: readable, of harmless characters, and different for every scan.

    The digest of the whole id keeps scans of one name in several folders apart, and the name away from any input's;
    the same scan gives the same name, so a second run replaces its pictures.
    """
    digest = hashlib.blake2s(scan_id.encode("utf-8", "surrogateescape"), digest_size=5).hexdigest()
    stem = _NAME.sub("_", Path(scan_id).name).strip("._")[-_MAX_STEM:]
    return f"{stem or 'scan'}.{digest}.screened.jpg"
