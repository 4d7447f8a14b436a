"""Words in people's languages: gettext catalogues, and the refusals that the program writes in English.

Catalogues are read from their ``.po`` files, once a start: what translators edit is what runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from io import BytesIO
from pathlib import Path

from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

from .refusals import REFUSALS
from .tutor.refusals import TUTOR_REFUSALS

LOCALES = Path(__file__).resolve().parents[1] / "locale"
DOMAIN = "console"
LANGUAGES = {"en": "English", "fr": "Français", "es": "Español", "ar": "العربية"}
_REGION = {"en": "en_GB"}
"""English as most of the world writes it: day before month, 24 hours."""
_FIELD = re.compile(r"%\((\w+)\)s")


@cache
def translations(language: str) -> NullTranslations:
    """The catalogue of a language; English, and a language that is not there, is what the code says."""
    path = LOCALES / language / "LC_MESSAGES" / f"{DOMAIN}.po"
    if language not in LANGUAGES or not path.is_file():
        return NullTranslations()
    compiled = BytesIO()
    with path.open("rb") as file:
        write_mo(compiled, read_po(file, locale=language))
    compiled.seek(0)
    return Translations(compiled, domain=DOMAIN)


def locale_of(language: str) -> Locale:
    """How dates and numbers are written."""
    return Locale.parse(_REGION.get(language, language))


def refusal(language: str, text: str) -> str:
    """A refusal's message or remedy in a language; one that no pattern fits stays as it is.

    Args:
        language: of the reader.
        text: what the error says, in English, with names and numbers in it.
    """
    if language == "en":
        return text
    for pattern, message in _patterns():
        if found := pattern.fullmatch(text):
            # What was typed is put in as it is, never taken for a pattern of its own.
            said = translations(language).gettext(message)
            return _FIELD.sub(lambda field, found=found: found[field[1]], said)  # type: ignore[misc]
    return text


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Messages without fields first: they are surest."""
    ordered = sorted((*REFUSALS, *TUTOR_REFUSALS), key=lambda message: (len(_FIELD.findall(message)), -len(message)))
    return tuple((re.compile("".join(_pieces(message)), re.DOTALL), message) for message in ordered)


def _pieces(message: str) -> Iterator[str]:
    end = 0
    for field in _FIELD.finditer(message):
        yield re.escape(message[end : field.start()])
        yield f"(?P<{field[1]}>.{{1,400}}?)"
        end = field.end()
    yield re.escape(message[end:])
