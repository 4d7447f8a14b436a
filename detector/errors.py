"""Every error ParcelSight raises on purpose.

    ParcelSightError            message + remedy; the command line prints both in one line
    ├── UsageError              the command was asked for something impossible
    ├── ConfigError             a YAML file: the message starts with the path of the bad key
    ├── ScanError               a picture or video that cannot be taken as a scan
    ├── AnnotationError         labels that cannot be read or do not fit their scan
    ├── DatasetError            a data set as a whole: layout, splits, leaks
    ├── ModelError              a model file that is not ours, damaged, or of an unknown contract
    ├── LedgerError             the lanes' ledger cannot be opened or written
    ├── SourceError             a scanner's stream cannot be reached or does not keep its protocol
    ├── SinkError               verdicts cannot be handed to the program that wants them
    ├── MissingExtra            an optional dependency is not installed
    ├── RunError                training, evaluation, rendering or export could not finish
    └── StorageError            a database cannot be opened, read or written

Errors of other libraries are wrapped once, where they enter, in one of these.
"""

from __future__ import annotations


class ParcelSightError(Exception):
    """An error with its remedy.

    Args:
        message: what is wrong, naming the file, key or object.
        remedy: what the user can do about it, as an imperative clause.
    """

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}; {self.remedy}" if self.remedy else self.message

    def __reduce__(self) -> tuple[type[ParcelSightError], tuple[str, str]]:
        # Errors cross process borders (render and reader pools); the default would drop the remedy.
        return type(self), (self.message, self.remedy)


class UsageError(ParcelSightError):
    """The command was asked for something impossible."""


class ConfigError(ParcelSightError):
    """A YAML configuration is wrong; the message starts with the path of the bad key."""


class ScanError(ParcelSightError):
    """A picture or video cannot be taken as a scan."""


class AnnotationError(ParcelSightError):
    """Labels cannot be read, or do not fit the scan they belong to."""


class DatasetError(ParcelSightError):
    """A data set as a whole is unusable: unknown layout, impossible split, leak."""


class ModelError(ParcelSightError):
    """A model file is not ours, is damaged, or speaks an unknown contract."""


class LedgerError(ParcelSightError):
    """The lanes' ledger cannot be opened or written."""


class SourceError(ParcelSightError):
    """A scanner's stream cannot be reached, or does not keep its protocol."""


class SinkError(ParcelSightError):
    """Verdicts cannot be handed to the program that wants them; they wait in the ledger."""


class MissingExtra(ParcelSightError):
    """An optional dependency is not installed."""

    def __init__(self, need: str, extra: str) -> None:
        super().__init__(
            f"{need} needs the optional packages [{extra}]",
            f"install them with: pip install 'parcelsight[{extra}]'",
        )
        self._made_from = (need, extra)

    def __reduce__(self) -> tuple[type[ParcelSightError], tuple[str, str]]:
        return type(self), self._made_from


class RunError(ParcelSightError):
    """Training, evaluation, rendering or export could not finish."""


class StorageError(ParcelSightError):
    """A database cannot be opened, read or written."""
