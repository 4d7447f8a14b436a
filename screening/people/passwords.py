"""Passwords: hashed with Argon2id, long rather than tricky."""

from __future__ import annotations

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from ...detector.errors import UsageError

LEAST_LENGTH = 12
_MOST_LENGTH = 200
_HASHER = PasswordHasher()  # the library's defaults are RFC 9106's low-memory recommendation
_NOBODY = _HASHER.hash("nobody has this password")


def hashed(password: str, login: str) -> str:
    """The hash of a new password.

    Raises:
        UsageError: if it is short, endless, or the login name itself (NIST SP 800-63B, 5.1.1.2: length, no rules of
            composition).
    """
    if not LEAST_LENGTH <= len(password) <= _MOST_LENGTH:
        raise UsageError(
            f"a password has {LEAST_LENGTH} to {_MOST_LENGTH} characters", "take several words that only you connect"
        )
    if login.lower() in password.lower() or len(set(password)) < 5:
        raise UsageError("this password is easy to guess", "take several words that only you connect")
    return _HASHER.hash(password)


def matches(password_hash: str | None, password: str) -> bool:
    """Whether it is the password; as slow for somebody who does not exist, so that nobody learns who does."""
    try:
        return _HASHER.verify(password_hash or _NOBODY, password[: _MOST_LENGTH + 1]) and password_hash is not None
    except (VerificationError, InvalidHashError):
        return False


def is_outdated(password_hash: str) -> bool:
    """True where the hash was made with weaker parameters than today's."""
    return _HASHER.check_needs_rehash(password_hash)
