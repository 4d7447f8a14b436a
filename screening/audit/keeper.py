"""Writes checkpoints of the audit record while the console runs: every so many entries, and every so often."""

from __future__ import annotations

import logging
from pathlib import Path
from threading import Event, Thread
from time import monotonic

from ...detector.errors import StorageError
from ..storage.database import Database
from .chain import head_of
from .checkpoints import load_or_make_key, write_checkpoint

_log = logging.getLogger(__name__)
EVERY_ENTRIES = 100
EVERY_S = 60.0
KEY, FILE = "audit.key", "checkpoints.jsonl"


class CheckpointKeeper:
    """A thread beside the server; a context manager. Writes a last one when it ends.

    Args:
        database: whose record is signed.
        data: the console's folder, which holds the key.
        folder: where checkpoints go; none are written without.

    Raises:
        StorageError: if the key or the first checkpoint cannot be written.
    """

    def __init__(self, database: Database, data: Path, folder: Path | None) -> None:
        self._database, self._folder = database, folder
        self._key = load_or_make_key(data / KEY)
        self._written, self._at = -1, float("-inf")
        self._news, self._stop = Event(), Event()
        self._thread = Thread(target=self._run, name="checkpoints", daemon=True)
        if folder is not None:
            self._write()

    def changed(self) -> None:
        """Something was committed; from any thread."""
        self._news.set()

    def __enter__(self) -> CheckpointKeeper:
        if self._folder is not None:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._news.set()
        if self._thread.is_alive():
            self._thread.join()
            self._try()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._news.wait(EVERY_S)
            self._news.clear()
            self._stop.wait(1.0)  # many changes in a second are looked at once
            self._try()

    def _try(self) -> None:
        try:
            self._write()
        except StorageError as error:  # the work goes on; whoever looks after the console is told
            _log.error("no checkpoint of the audit record: %s", error)

    def _write(self) -> None:
        assert self._folder is not None
        with self._database.read() as session:
            head = head_of(session)
        due = head.number - self._written >= EVERY_ENTRIES or monotonic() - self._at >= EVERY_S or self._stop.is_set()
        if head.number != self._written and due:
            write_checkpoint(self._folder / FILE, self._key, head)
            self._written, self._at = head.number, monotonic()
