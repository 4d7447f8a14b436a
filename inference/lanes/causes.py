"""Why a scan was not judged, and what a lane does when more comes than its workers can judge."""

from __future__ import annotations

from enum import StrEnum


class LossPolicy(StrEnum):
    """What happens to a scan that finds the queue full, after the source was told to wait (``wait_s``)."""

    WAIT = "wait"
    """It waits on: the source is held for as long as it takes. For folders, recordings and belts that can stop."""
    REFUSE = "refuse"
    """It is refused and stays with its source, which is told when to come again. For uploads."""
    UNSCREENED = "unscreened"
    """It is accepted, and a person gets it at once as UNSCREENED(overload). For belts that cannot stop."""


class LossCause(StrEnum):
    """Why a scan was refused, or accepted and not judged. Each is counted by lane."""

    OVERLOAD = "overload"
    """The queue was full."""
    DEADLINE = "deadline"
    """No worker came to it within the lane's deadline."""
    BROKE_WORKERS = "broke-workers"
    """Two workers died over it."""
    LIMITS = "limits"
    """It needed more time or memory than one scan may."""
    UNREADABLE = "unreadable"
    """It is damaged, blank, or of a kind that is not read."""
    INTERNAL = "internal"
    """The model or the program failed on it."""
    FROZEN = "frozen"
    """The lane repeats one picture."""
    TOO_LARGE = "too-large"
    """Refused: over the limits of an arrival."""
    MALFORMED = "malformed"
    """Refused: an id, note or message that does not keep the rules."""
    DISK_FULL = "disk-full"
    """Refused: the spool has no room."""
    READ_ONLY = "read-only"
    """Refused: the spool cannot be written to."""
    STORAGE = "storage"
    """Refused: the disk failed otherwise."""
    STOPPING = "stopping"
    """Refused: the program is being stopped."""
    LINES_LOST = "lines-lost"
    """Lines of a stream that never arrived; counted in lines."""
