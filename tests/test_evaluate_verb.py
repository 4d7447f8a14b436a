"""``parcelsight evaluate`` and what stands behind it: whole evaluations, accounting, and a user's mistakes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from models import DARK_SCORE, dark_model, model_card, save  # type: ignore[import-not-found]
from numpy.typing import NDArray
