"""The one door to OpenCV: its limits must stand in the environment before it is imported, so nobody else imports it.

A 109 kB PNG that declares a huge picture cost OpenCV 5 GB without its pixel limit; with it, it is refused unread.
Its own log lines are silenced: every failure is told once, as an error of ours that names the file.
"""

from __future__ import annotations

import os

MAX_PIXELS = 100_000_000
"""The largest picture ever decoded; readers refuse larger ones before OpenCV sees them, this is the second lock."""

os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(MAX_PIXELS))
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # AV_LOG_QUIET

import cv2  # noqa: E402

# Screening runs one lane a process or thread; OpenCV's own pool would only make the lanes wait for each other.
cv2.setNumThreads(1)

__all__ = ["MAX_PIXELS", "cv2"]
