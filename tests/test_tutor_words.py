"""Training's words: what its scripts, sheets and errors say is known to translators."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from parcelsight.detector.taxonomy import TAXONOMY
from parcelsight.screening.tutor.factors import Factor
from parcelsight.screening.tutor.plans import PLANS
from parcelsight.screening.tutor.progress import Stage
from parcelsight.screening.tutor.results import BANDS
from parcelsight.screening.tutor.tables import COUNTED, Mode
from parcelsight.screening.web.language import LANGUAGES, refusal
from parcelsight.screening.web.refusals import REFUSALS
from parcelsight.screening.web.render import environment
from parcelsight.screening.web.tutor.refusals import STEP_TITLES, TUTOR_REFUSALS
from tests.test_console_words import literals

ROOT = Path(__file__).resolve().parents[1]
SCREENING = ROOT / "screening"
SCRIPTS = sorted((SCREENING / "static" / "tutor").glob("*.js"))
RAISED = {"UsageError", "NotFound", "Forbidden", "AnsweredAlready"}
OTHERS = {"library.py", "library_building.py", "library_folder.py", "library_import.py", "threat_images.py", "tip.py",
          "tip_desk.py", "tip_intake.py", "tip_library.py", "tip_results.py", "tip_settings.py", "tip_tables.py",
          "quotas.py"}  # fmt: skip
"""Of the command line, or of projection at lanes."""


def words(name: str, variable: str) -> dict[str, object]:
    found: dict[str, object] = getattr(environment("en").get_template(name).module, variable)
    return found


def test_every_word_that_scripts_ask_for_is_there_and_no_other() -> None:
    known = set(words("tutor/words.html", "PAGE"))
    text = "".join(script.read_text("utf-8") for script in SCRIPTS)
    asked = set(re.findall(r'\bword\((?:[^"()]*\? )?"([\w.]+)"', text)) | set(re.findall(r'\? "([\w.]+)" : "', text))
    assert {one for one in asked if "." in one or one in known} <= known
    families = ("outcome.", "why.", "alike.", "look.")
    assert {key for key in known if f'"{key}"' not in text and not key.startswith(families)} == set()


def test_everything_that_training_names_has_a_word() -> None:
    known = set(words("tutor/terms.html", "TUTOR"))
    assert {str(one) for one in (*Mode, *COUNTED, *Factor, *Stage, *BANDS)} <= known
    page = set(words("tutor/words.html", "PAGE"))
    assert {f"alike.{label}" for label in TAXONOMY.classes} <= page
    outcomes = {str(one).replace(" ", "_") for one in COUNTED}
    assert {f"{kind}.{one}" for kind in ("outcome", "why") for one in outcomes | {"late"}} <= page
    printed = set(words("tutor/printed.html", "WORDS"))
    assert {str(one) for one in (*Mode, *BANDS)} | {f"by {factor}" for factor in Factor} <= printed
    assert set(words("tutor/terms.html", "PLANS")) == set(PLANS)


def test_titles_of_the_courses_to_begin_with_are_translated() -> None:
    titles = {step.title for make in PLANS.values() for step in make("x").steps}
    assert titles == set(STEP_TITLES)


def test_every_refusal_is_known_to_translators() -> None:
    shapes = {re.sub(r"%\(\w+\)s", "\0", message) for message in (*TUTOR_REFUSALS, *REFUSALS)}
    unknown = set()
    for folder in (SCREENING / "tutor", SCREENING / "web" / "tutor"):
        for file in sorted(path for path in folder.glob("*.py") if path.name not in OTHERS):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if isinstance(node, ast.Raise) and getattr(getattr(node.exc, "func", None), "id", "") in RAISED:
                    unknown |= {
                        f"{file.name}: {text!r}" for text in literals(node) if " " in text and text not in shapes
                    }
    assert {one for one in unknown if "needs \\x00" not in one} == set()


@pytest.mark.parametrize("language", sorted(set(LANGUAGES) - {"en"}))
def test_a_refusal_with_fields_is_told_in_the_readers_language(language: str) -> None:
    told = refusal(language, "step 3 needs how many pictures (1 to 1000)")
    assert "3" in told and "needs" not in told
    assert "Kurs" in refusal(language, "the course 'Kurs' is closed")
