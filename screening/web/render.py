"""Pages from templates, in the language of whoever reads them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from babel import Locale, negotiate_locale
from babel.dates import LOCALTZ, format_date, format_datetime, format_time
from babel.numbers import format_decimal, format_percent
from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context, select_autoescape
from jinja2.runtime import Context

from ... import __version__
from ..people.roles import Permission
from .console import Console
from .contexts import Shell
from .guard import LANGUAGE_COOKIE, PRE_COOKIE, Visitor
from .language import LANGUAGES, locale_of, refusal, translations

TEMPLATES = Path(__file__).parent / "templates"


def language_of(request: Request, visitor: Visitor) -> str:
    """The person's own, the visitor's choice, the browser's, or English."""
    chosen = visitor.presence.person.language if visitor.presence else request.cookies.get(LANGUAGE_COOKIE, "")
    if chosen in LANGUAGES:
        return chosen
    wanted = [part.split(";")[0].strip() for part in request.headers.get("accept-language", "").split(",")[:10]]
    found = negotiate_locale([one for one in wanted if one.replace("-", "").isalnum()], list(LANGUAGES), sep="-")
    return found if found in LANGUAGES else "en"


@cache
def environment(language: str) -> Environment:
    """The templates in one language; values are escaped, and a name that is not there is an error."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n", "jinja2.ext.loopcontrols"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.install_gettext_translations(translations(language), newstyle=True)  # type: ignore[attr-defined]
    made.filters.update(
        moment=_localised(_short),
        day=_localised(lambda value, where: format_date(_moment(value), "medium", where)),
        clock=_localised(lambda value, where: format_time(_moment(value), "short", LOCALTZ, where)),
        number=_localised(lambda value, where: format_decimal(value, locale=where)),
        tenths=_localised(lambda value, where: format_decimal(round(value, 1) + 0.0, "#,##0.0", locale=where)),
        hundredths=_localised(lambda value, where: format_decimal(round(value, 2) + 0.0, "#,##0.00", locale=where)),
        percent=_localised(lambda value, where: format_percent(value, "#,##0.0\u00a0%", locale=where)),
        refusal=lambda text: refusal(language, text),
        as_json=lambda value: json.dumps(value, default=str, ensure_ascii=True),
    )
    made.globals.update(languages=LANGUAGES, locale=locale_of(language))
    return made


def _localised(format_value: Any) -> Any:
    @pass_context
    def told(context: Context, value: Any) -> str:
        return "" if value is None else str(format_value(value, context["locale"]))

    return told


def _short(value: Any, where: Locale) -> str:
    """Day and time; isolated where text runs from the right: beside a Latin name its parts would change places."""
    told = format_datetime(_moment(value), "short", LOCALTZ, where)
    return f"\N{FIRST STRONG ISOLATE}{told}\N{POP DIRECTIONAL ISOLATE}" if where.text_direction == "rtl" else told


def _moment(value: Any) -> datetime:
    """As clocks here show it."""
    found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return found.astimezone(LOCALTZ)


def shell_of(console: Console, request: Request, visitor: Visitor) -> Shell:
    """The frame of a page."""
    person = visitor.presence.person if visitor.presence else None
    return Shell(
        path=request.url.path,
        csrf_token=visitor.csrf_token,
        person=person,
        language=language_of(request, visitor),
        permissions=frozenset(str(p) for p in Permission if person is not None and person.may(p)),
        theme=request.cookies.get("parcelsight_theme", "")[:20],
        is_demo=bool(console.settings.demo_token),
        version=__version__,
    )


def page(console: Console, request: Request, template: str, context: object, status: int = 200) -> HTMLResponse:
    """A page; somebody who is not signed in gets the cookie that their form's token fits."""
    visitor: Visitor = request.state.visitor
    shell = shell_of(console, request, visitor)
    text = environment(shell.language).get_template(template).render({"shell": shell, "page": context})
    response = HTMLResponse(text, status)
    if visitor.presence is None:
        set_cookie(console, response, PRE_COOKIE, visitor.pre_token)
    return response


def set_cookie(console: Console, response: Any, name: str, value: str) -> None:
    """A cookie of the console: not for scripts, not for other sites, and over TLS alone where there is TLS."""
    response.set_cookie(name, value, httponly=True, samesite="strict", secure=console.settings.is_secure, path="/")


def values(context: Mapping[str, Any]) -> dict[str, Any]:
    """Plain values for JSON."""
    parsed: dict[str, Any] = json.loads(json.dumps(context, default=str))
    return parsed
