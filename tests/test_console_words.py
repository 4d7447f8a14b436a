"""The console's words: every language complete, and what scripts and errors say known to translators."""

from __future__ import annotations

import ast
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po

from parcelsight.configs.loading import shipped
from parcelsight.detector.taxonomy import TAXONOMY
from parcelsight.inference.verdicts import Verdict
from parcelsight.screening.desk.procedure import load_procedure
from parcelsight.screening.people.roles import Role
from parcelsight.screening.storage.tables import DecisionKind, ParcelState
from parcelsight.screening.web.language import LANGUAGES, LOCALES, locale_of, refusal, translations
from parcelsight.screening.web.refusals import REFUSALS
from parcelsight.screening.web.render import environment

ROOT = Path(__file__).resolve().parents[1]
SCREENING = ROOT / "screening"
SCRIPTS = sorted((SCREENING / "static" / "console").glob("*.js"))
OTHERS = sorted(set(LANGUAGES) - {"en"})
TOLD = ("UsageError", "NotYours", "NotFound", "Forbidden", "StorageError")
FIELD = re.compile(r"%\(\w+\)s|%%")


@pytest.fixture(scope="module")
def messages() -> set[str]:
    """Everything that is marked for translation."""
    with (SCREENING / "babel.cfg").open("rb") as file:
        methods, options = parse_mapping_cfg(io.TextIOWrapper(file, "utf-8"))
    found = extract_from_dir(str(ROOT), methods, options, keywords={"_n": None, "_": None, "gettext": None},
                             directory_filter=lambda path: "screening" in path or Path(path) == ROOT)  # fmt: skip
    return {message for _file, _line, message, _comments, _context in found if isinstance(message, str)}


def catalogue(language: str) -> Catalog:
    with (LOCALES / language / "LC_MESSAGES" / "console.po").open("rb") as file:
        return read_po(file, locale=language)


def said(message: Message) -> str:
    assert isinstance(message.id, str) and isinstance(message.string, str)
    return message.string


@pytest.mark.parametrize("language", OTHERS)
def test_every_word_is_translated_and_none_is_left_over(language: str, messages: set[str]) -> None:
    found = {str(message.id): message for message in catalogue(language) if message.id}
    assert len(messages) > 500
    assert messages - set(found) == set(), "not in the catalogue"
    assert set(found) - messages == set(), "no longer in the program"
    assert [key for key, message in found.items() if message.fuzzy or not said(message).strip()] == []


@pytest.mark.parametrize("language", OTHERS)
def test_translations_keep_their_fields(language: str) -> None:
    wrong = [
        str(m.id) for m in catalogue(language) if sorted(FIELD.findall(str(m.id))) != sorted(FIELD.findall(said(m)))
    ]
    assert [key for key in wrong if key] == []


@pytest.mark.parametrize("language", OTHERS)
def test_translations_end_as_the_original_does(language: str) -> None:
    """A sentence stays a sentence, a label a label."""
    ends = {".": ".", ":": ":", "?": "?؟"}
    off = [
        str(m.id)
        for m in catalogue(language)
        if m.id and str(m.id)[-1] in ends and said(m)[-1] not in ends[str(m.id)[-1]]
    ]
    assert off == []


def words(language: str) -> dict[str, Any]:
    """The dictionary that pages carry for their scripts."""
    module = environment(language).get_template("words_viewer.html").module
    terms = environment(language).get_template("terms.html").module
    return {"viewer": module.VIEWER, "terms": terms.TERMS}  # type: ignore[attr-defined]


def viewer_strings() -> dict[str, str]:
    text = (SCREENING / "static" / "viewer" / "strings.js").read_text("utf-8")
    block = text[text.index("{") : text.index("\n};")]
    return dict(re.findall(r'^\s*"?([\w.]+)"?: "((?:[^"\\]|\\.)*)",', block, re.MULTILINE))


def test_the_viewers_words_are_those_of_its_dictionary() -> None:
    english = viewer_strings()
    assert len(english) > 100
    assert {key: str(text) for key, text in words("en")["viewer"].items()} == {
        key: text for key, text in english.items() if key != "lang"
    }


def page_words() -> set[str]:
    text = (SCREENING / "web" / "templates" / "words.html").read_text("utf-8")
    return set(re.findall(r'"([\w.]+)": _\(', text))


def test_every_word_that_scripts_ask_for_is_there() -> None:
    known = page_words()
    for script in SCRIPTS:
        asked = set(re.findall(r'\bword\("([\w.]+)"', script.read_text("utf-8")))
        assert asked <= known, script.name


def test_every_word_of_the_page_is_asked_for() -> None:
    text = "".join(script.read_text("utf-8") for script in SCRIPTS)
    families = ("todo.", "count.", "number.", "noPicture.", "verdict.", "state.", "projected.")
    unused = {key for key in page_words() if f'"{key}"' not in text and not key.startswith(families)}
    assert unused == set()


def test_everything_the_program_names_has_a_word() -> None:
    known = set(words("en")["terms"])
    assert set(TAXONOMY.classes) | {str(group) for group in TAXONOMY.groups.values()} <= known
    assert {str(one) for one in (*Verdict, *ParcelState, *DecisionKind, *Role)} <= known
    assert {f"do {kind}" for kind in DecisionKind} | {f"means {verdict}" for verdict in Verdict} <= known
    for name in shipped("procedures"):
        procedure = load_procedure(name)
        assert {reason for choice in procedure.choices.values() for reason in choice.reasons} <= known
        assert set(procedure.findings) <= known


def recorded() -> Iterator[tuple[str, ast.Call, ast.FunctionDef]]:
    """(Place, call, function around it) of everything that is written to the audit record."""
    for file in sorted(SCREENING.rglob("*.py")):
        tree = ast.parse(file.read_text("utf-8"))
        if not any(
            isinstance(node, ast.ImportFrom) and (node.module or "") == "audit.chain" for node in ast.walk(tree)
        ):
            continue
        for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "append":
                    yield f"{file.relative_to(SCREENING)}:{node.lineno}", node, function


def keys_of(call: ast.Call, function: ast.FunctionDef) -> set[str]:
    """Names of an entry's details, where they are written out in the call or in a dictionary beside it."""
    details = call.args[4]
    parts = (details.left, details.right) if isinstance(details, ast.BinOp) else (details,)
    names = {part.id for part in parts if isinstance(part, ast.Name)}
    beside = [
        node.value
        for node in ast.walk(function)
        if isinstance(node, ast.Assign) and names & {getattr(target, "id", "") for target in node.targets}
    ]
    found = [part for part in (*parts, *beside) if isinstance(part, ast.Dict)]
    return {str(key.value) for one in found for key in one.keys if isinstance(key, ast.Constant)}


def test_everything_that_the_audit_record_says_has_a_word() -> None:
    module: Any = environment("en").get_template("audit_terms.html").module
    actions, details = set(module.ACTIONS), set(module.DETAILS) | set(words("en")["terms"])
    calls = list(recorded())
    assert len(calls) > 30
    unnamed = [place for place, call, _ in calls if not isinstance(call.args[2], ast.Constant)]
    assert unnamed == [], "an action must be written out, or nobody can translate it"
    said_there = {str(call.args[2].value) for _, call, _ in calls if isinstance(call.args[2], ast.Constant)}
    assert said_there - actions == set(), "not in audit_terms.html"
    assert actions - said_there == set(), "no longer in the program"
    assert {f"{place}: {key}" for place, call, around in calls for key in keys_of(call, around) - details} == set()


@pytest.mark.parametrize("language", OTHERS)
def test_the_audit_record_speaks_every_language(language: str) -> None:
    english, module = (environment(one).get_template("audit_terms.html").module for one in ("en", language))
    same = {key for key, text in english.ACTIONS.items() if str(text) == str(module.ACTIONS[key])}  # type: ignore[attr-defined]
    assert same == set()
    assert str(module.did("course created")).strip() != "course created"  # type: ignore[attr-defined]


def literals(node: ast.AST) -> Iterator[str]:
    """Messages and remedies of one raise: literal text, with a mark where something is put in."""
    for part in ast.walk(node):
        if isinstance(part, ast.Call):
            for argument in part.args[:2]:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield argument.value
                elif isinstance(argument, ast.JoinedStr):
                    yield "".join(str(p.value) if isinstance(p, ast.Constant) else "\0" for p in argument.values)


def refused_by_people() -> Iterator[tuple[str, str]]:
    """(File, message) of every error that a person at a page may be told."""
    for room in ("desk", "people", "web"):
        for file in sorted((SCREENING / room).glob("*.py")):
            if file.name in ("feedback.py", "console.py", "procedure.py", "retention.py"):
                continue  # verbs of the command line
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if isinstance(node, ast.Raise) and getattr(getattr(node.exc, "func", None), "id", "") in TOLD:
                    yield from ((file.name, text) for text in literals(node))


def test_every_refusal_is_known_to_translators() -> None:
    shapes = {re.sub(r"%\(\w+\)s", "\0", message) for message in REFUSALS}
    machines = re.compile(r"preferences|send (detection_id|plain)|keep fewer|period|seconds|hours")
    unknown = {f"{file}: {text!r}" for file, text in refused_by_people() if " " in text and text not in shapes}
    assert {one for one in unknown if not machines.search(one)} == set()


@pytest.mark.parametrize(
    ("language", "english", "expected"),
    [
        ("fr", "the two passwords differ", "les deux mots de passe diffèrent"),
        ("fr", "parcel 17 is held", "le colis 17 est retenu"),
        ("es", "'%(why)s' is no class", "'%(why)s' no es una clase"),
        ("ar", "something nobody listed", "something nobody listed"),
        ("en", "parcel 17 is held", "parcel 17 is held"),
    ],
)
def test_refusals_are_told_in_the_readers_language(language: str, english: str, expected: str) -> None:
    assert refusal(language, english) == expected


def test_dates_and_numbers_follow_the_language() -> None:
    shown = {
        language: environment(language)
        .from_string("{{ at|moment }} {{ 1234.5|number }}")
        .render(at="2026-03-02T13:07:00")
        for language in LANGUAGES
    }
    assert "02/03/2026" in shown["en"] and "1,234.5" in shown["en"]
    assert "1\u202f234,5" in shown["fr"] and "02/03/2026" in shown["fr"]
    assert "1234,5" in shown["es"] or "1.234,5" in shown["es"]
    assert locale_of("ar").text_direction == "rtl"
    assert shown["ar"].startswith("\u2068") and "\u2069 " in shown["ar"], "isolated, or its parts change places"
    assert not {"\u2068", "\u2069"} & set(shown["en"] + shown["fr"] + shown["es"])


def test_a_language_that_is_not_there_is_english() -> None:
    assert translations("../../etc").gettext("Parcels") == "Parcels"
