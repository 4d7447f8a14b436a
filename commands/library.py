"""``parcelsight library``: the pictures that operators learn from, and the threats that are projected at lanes."""

from __future__ import annotations

import json as json_text
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..configs.loading import shipped
from ..detector.errors import UsageError
from .console import CONSOLE, DATA, Data, Url
from .extras import RENDERING, require
from .terminal import complain, progress, stderr, stdout
from .verbs import Verb, VerbGroup

if TYPE_CHECKING:
    from ..screening.tutor.library_building import Built, Tell
    from ..screening.tutor.quotas import Holdings, Rule

app = typer.Typer(cls=VerbGroup, no_args_is_help=True, add_completion=False)
Folder = Annotated[
    Path, typer.Argument(metavar="DIR", help="Folder of the library; made if missing, continued if begun.")
]
Seed = Annotated[int, typer.Option(min=0, help="Same seed, same pictures.")]
Preset = Annotated[
    str,
    typer.Option(help=f"The preset nearest to the site's scanner, or a YAML file. {', '.join(shipped('scanners'))}."),
]
Jobs = Annotated[int | None, typer.Option(min=1, help="Processes.", show_default="one a core")]
Json = Annotated[bool, typer.Option("--json", help="Print a JSON summary.")]


@app.callback()
def library() -> None:
    """Make, check and renew the library of operator training: pictures to learn from, threats to project at lanes."""


@app.command("build", cls=Verb)
def build(
    folder: Folder,
    parcels: Annotated[
        int, typer.Option(min=0, help="Training parcels to have in all; six of ten hold a threat, most turned away.")
    ] = 1000,
    threats: Annotated[
        int, typer.Option(min=0, help="Threat images for projection at lanes to have in all; 6000 meet the rule.")
    ] = 0,
    seed: Seed = 0,
    scanner: Preset = "duo140",
    jobs: Jobs = None,
    json: Json = False,
) -> None:
    """Render a library: training pictures in every view of the scanner, and threat images for projection at lanes.

    Class, design, turning, superposition and clutter of each picture are recorded in DIR/library.json with its digest;
    a realism check keeps back what nobody could see. A run that was interrupted goes on when the same command is
    given again; larger numbers add to it.
    """
    require("rendering a library", "synthetic", RENDERING)
    require("a library", "screening", CONSOLE)
    from ..datasets.synthetic.pipeline import default_jobs
    from ..screening.storage.times import now
    from ..screening.tutor import library_building as building

    if not parcels and not threats:
        raise UsageError("there is nothing to render", "give --parcels or --threats")

    def work(tell: Tell) -> dict[str, Any]:
        done: dict[str, Any] = {"out": str(folder)}
        if parcels:
            done |= _told(building.build(folder, parcels, seed, scanner, jobs or default_jobs(), now(), tell))
        if threats:
            done["threats"] = building.build_threats(folder, threats, seed, scanner, now(), tell).threats
        return done

    _finish(_with_progress(work, json), json)


@app.command("project", cls=Verb)
def project(
    folder: Folder,
    scans: Annotated[
        list[Path],
        typer.Argument(metavar="SCANS…", help="The site's own scans that hold no threat: files, folders, data sets."),
    ],
    count: Annotated[
        int | None,
        typer.Option(min=1, help="Pictures with a threat to make.", show_default="each scan once, half with a threat"),
    ] = None,
    seed: Seed = 0,
    scanner: Preset = "duo140",
    pitch_mm: Annotated[
        float | None, typer.Option(min=0.1, max=10, help="Millimetres a pixel.", show_default="as the scan tells")
    ] = None,
    look: Annotated[
        str | None, typer.Option(help="Palette of pseudo-colour scans.", show_default="estimated from each scan")
    ] = None,
    json: Json = False,
) -> None:
    """Project threats into the site's own scans and add them to the library; each passes the realism check."""
    require("projecting threats", "synthetic", RENDERING)
    require("a library", "screening", CONSOLE)
    from ..screening.storage.times import now
    from ..screening.tutor import library_building as building

    def work(tell: Tell) -> dict[str, Any]:
        built = building.project(folder, scans, count, seed, scanner, now(), pitch_mm, look, tell)
        return {"out": str(folder)} | _told(built)

    _finish(_with_progress(work, json), json)


@app.command("replace", cls=Verb)
def replace(
    folder: Folder,
    count: Annotated[int, typer.Option(min=0, help="Pictures with a threat to retire; the oldest go.")] = 100,
    threats: Annotated[int, typer.Option(min=0, help="Threat images for projection to retire; the oldest go.")] = 0,
    jobs: Jobs = None,
    json: Json = False,
) -> None:
    """Retire the oldest pictures and render as many new ones; afterwards import the library again."""
    require("rendering a library", "synthetic", RENDERING)
    require("a library", "screening", CONSOLE)
    from ..datasets.synthetic.pipeline import default_jobs
    from ..screening.storage.times import now
    from ..screening.tutor import library_building as building

    def work(tell: Tell) -> dict[str, Any]:
        gone, images, built = building.replace_pictures(folder, count, threats, jobs or default_jobs(), now(), tell)
        return {"out": str(folder), "retired": gone, "threats_retired": images} | _told(built)

    _finish(_with_progress(work, json), json)


@app.command("report", cls=Verb)
def report(folder: Folder, json: Json = False) -> None:
    """Compare the library with the rules, tell what is hard in it, and when to replace what; verify threat images."""
    require("a library", "screening", CONSOLE)
    from ..screening.storage.times import now
    from ..screening.tutor import library_folder as folders
    from ..screening.tutor.quotas import PROJECTION, TRAINING, monthly

    manifest, moment = folders.read_manifest(folder), now()
    found: dict[str, Any] = {
        "training": _rule(folders.holdings_of(manifest, moment), TRAINING),
        "projection": _rule(folders.projection_holdings(manifest, moment), PROJECTION),
        "left_out": _left_out(manifest.pictures),
        "damaged": [f"{one.file}: {one.reason}" for one in folders.verify(folder, manifest, [])],
        "replace_each_month": monthly(PROJECTION.replaced_a_year),
    }
    if json:
        stdout.print_json(data=found, highlight=False)
        return
    for name, rule in found.items():
        if isinstance(rule, dict) and "missing" in rule:
            _print_rule(name, rule)
    left_out = ", ".join(f"{count} {why}" for why, count in found["left_out"].items())
    stdout.print(f"kept back by the realism check: {left_out or 'none'}")
    stdout.print(f"replacement: {found['replace_each_month']} pictures a month, the oldest and best known first")
    for line in found["damaged"]:
        complain(line)


@app.command("import", cls=Verb)
def take_in(
    folder: Folder,
    person: Annotated[str, typer.Option(help="Login name of the trainer.")],
    data: Data = DATA,
    database: Url = None,
    json: Json = False,
) -> None:
    """Take a library into a console: what is new is added, what was retired is shown no longer."""
    require("a library", "screening", CONSOLE)
    from ..screening.people.accounts import person_of, require_row
    from ..screening.storage.pictures import PictureStore
    from ..screening.storage.schema import require_current
    from ..screening.tutor.library_import import import_folder
    from ..screening.web.console import LIBRARY, open_database

    opened = open_database(data, database)
    require_current(opened)
    with opened.read() as session:
        trainer = person_of(require_row(session, person))

    def work(tell: Tell) -> dict[str, Any]:
        done = import_folder(opened, PictureStore(data / LIBRARY), trainer, folder, data, tell)
        told = {"added": done.added, "known": done.known, "retired": done.retired, "threats": done.threats}
        return {"out": str(folder)} | told | {"refused": list(done.refused)}

    done = _with_progress(work, json)
    for line in done["refused"]:
        complain(line)
    _finish(done, json)


def _with_progress(work: Any, json: bool) -> dict[str, Any]:
    """Run with a bar; an interruption says how to go on."""
    try:
        with progress(disable=json) as bar:
            tasks: dict[str, Any] = {}

            def tell(what: str, done: int, total: int) -> None:
                if what not in tasks:
                    tasks[what] = bar.add_task(what, total=total)
                bar.update(tasks[what], completed=done, total=total)

            found: dict[str, Any] = work(tell)
            return found
    except KeyboardInterrupt:
        stderr.print("interrupted: what is finished is kept; run the same command again to go on")
        raise typer.Exit(130) from None


def _told(built: Built) -> dict[str, Any]:
    told: dict[str, Any] = {"added": built.pictures, "left_out": dict(built.left_out)}
    if built.threats:
        told["threats"] = built.threats
    return told | ({"refused": dict(built.rejects)} if built.rejects else {})


def _finish(done: Mapping[str, Any], json: bool) -> None:
    if json:
        stdout.print(json_text.dumps(done))
        return
    parts = [f"{value} {key.replace('_', ' ')}" for key, value in done.items() if isinstance(value, int)]
    kept = done.get("left_out") or {}
    parts += [f"{count} kept back ({why})" for why, count in kept.items()]
    stdout.print(f"{done['out']}: {', '.join(parts) or 'nothing new'}")


def _rule(held: Holdings, rule: Rule) -> dict[str, Any]:
    from ..screening.tutor.quotas import shortfalls

    return {
        "pictures": held.images,
        "harmless": held.harmless,
        "articles": held.articles,
        "part_articles": held.part_articles,
        "replaced": held.replaced,
        "by_class": dict(held.by_class),
        "hard": {str(factor): count for factor, count in held.hard.items()},
        "missing": [one.text for one in shortfalls(held, rule)],
    }


def _print_rule(name: str, rule: Mapping[str, Any]) -> None:
    stdout.print(f"{name}: {rule['pictures']} pictures with a threat, {rule['articles']} articles "
                 f"({rule['part_articles']} of parts), {rule['harmless']} harmless")  # fmt: skip
    stdout.print("  " + ", ".join(f"{count} {label}" for label, count in rule["by_class"].items()))
    stdout.print("  hard in " + ", ".join(f"{factor} {count}" for factor, count in rule["hard"].items()))
    for line in rule["missing"] or ["the rule is met"]:
        stdout.print(f"  {line}")


def _left_out(pictures: Any) -> dict[str, int]:
    from collections import Counter

    return dict(Counter(str(one.doubt) for one in pictures if one.doubt is not None))
