"""``parcelsight console``: the screening console, and what keeps it in order."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..configs.loading import shipped
from ..detector.errors import UsageError
from .extras import require
from .terminal import stderr, stdout
from .verbs import Verb, VerbGroup

if TYPE_CHECKING:
    from ..screening.storage.database import Database

CONSOLE = (
    "fastapi", "uvicorn", "jinja2", "python_multipart", "sqlalchemy", "alembic", "argon2", "babel", "nacl"
)  # fmt: skip
PORT = 8700

app = typer.Typer(cls=VerbGroup, invoke_without_command=True, add_completion=False)
Data = Annotated[
    Path, typer.Option(help="Folder of the console: database, scans, signing key. Made where it is missing.")
]
Url = Annotated[
    str | None, typer.Option("--database", help="postgresql://USER@HOST/NAME; without, an SQLite file in --data.")
]
Json = Annotated[bool, typer.Option("--json", help="The result as JSON on stdout.")]
DATA = Path("console-data")


@app.callback()
def console(
    context: typer.Context,
    data: Data = DATA,
    database: Url = None,
    lanes: Annotated[
        list[str], typer.Option(help="Address of a lane service, or NAME=ADDRESS where there are several.")
    ] = [],  # noqa: B006 - typer reads it
    lanes_token_file: Annotated[
        Path | None, typer.Option(help="File with the lane services' token, where they ask for one.")
    ] = None,
    procedure: Annotated[
        str, typer.Option(help=f"The site's procedure: a YAML file, or one of {', '.join(shipped('procedures'))}.")
    ] = "standard",
    host: Annotated[
        str, typer.Option(help="Address to listen at. Others than loopback ask for --public-url.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any free one.")] = PORT,
    public_url: Annotated[
        str, typer.Option(help="https:// address that officers type, where a proxy with TLS stands before the console.")
    ] = "",
    checkpoints: Annotated[
        Path | None,
        typer.Option(help="Folder, on another machine or medium, for signed checkpoints of the audit record."),
    ] = None,
    demo: Annotated[
        bool,
        typer.Option("--demo", help="Try it: a virtual lane that shows the sample parcels, in a folder of its own."),
    ] = False,
    open_browser: Annotated[bool, typer.Option("--open", help="Open the console in the browser.")] = False,
) -> None:
    """Run the screening console: officers look at parcels in the browser, decide, and all of it is on record.

    The first start prints a link for the first administrator, who invites everybody else. Ctrl-C or SIGTERM stops it;
    whatever stops it otherwise, every decision that was acknowledged is kept, and the next start goes on.
    """
    if context.invoked_subcommand is not None:
        context.obj = (data, database)
        return
    require("the console", "screening", CONSOLE)
    from .console_server import ConsoleRun, serve_console, serve_demo

    run = ConsoleRun(
        data, database, tuple(lanes), lanes_token_file, procedure, host, port, public_url, checkpoints, open_browser
    )
    serve_demo(run) if demo else serve_console(run)


def _database(context: typer.Context, is_current: bool = True) -> tuple[Path, Database]:
    """The folder and the database that the options before the sub-verb name."""
    require("the console", "screening", CONSOLE)
    from ..screening.storage.schema import require_current
    from ..screening.web.console import open_database

    data, url = context.obj
    opened = open_database(data, url)
    if is_current:
        require_current(opened)
    return data, opened


@app.command("upgrade", cls=Verb)
def upgrade(context: typer.Context) -> None:
    """Create the database's tables, or bring them to this version. Make a backup before."""
    from ..screening.storage.schema import revision
    from ..screening.storage.schema import upgrade as bring_up

    _, opened = _database(context, is_current=False)
    before = revision(opened)
    bring_up(opened)
    stdout.print(f"{opened.name}: from revision {before or 'none'} to {revision(opened)}")


@app.command("backup", cls=Verb)
def backup(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="New folder for the backup.")],
    json: Json = False,
) -> None:
    """Back the console up while people work: database, scans, training library, and a manifest with digests."""
    data, opened = _database(context)
    from ..screening.storage.backup import make_backup
    from ..screening.storage.pictures import PictureStore

    manifest = make_backup(opened, PictureStore(data / "scans"), folder)
    if json:
        stdout.print(manifest.model_dump_json())
    else:
        stdout.print(
            f"{folder}: {manifest.parcels} parcels, {manifest.scans} scans, {manifest.audit_entries} audit entries, "
            f"{manifest.stored_files} files of operator training"
        )


@app.command("restore", cls=Verb)
def restore(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A folder that backup wrote.")],
) -> None:
    """Bring a backup back into an empty console; sessions of the backup's time are ended."""
    data, opened = _database(context, is_current=False)
    from ..screening.people.sessions import end_everybody
    from ..screening.storage.backup import restore_backup
    from ..screening.storage.pictures import PictureStore
    from ..screening.storage.schema import upgrade as bring_up

    manifest = restore_backup(folder, opened, PictureStore(data / "scans"))
    bring_up(opened)
    with opened.write() as session:
        end_everybody(session)
    stdout.print(f"restored: {manifest.parcels} parcels, {manifest.scans} scans as of {manifest.made_at}")


@app.command("invite", cls=Verb)
def invite(
    context: typer.Context,
    login: Annotated[str, typer.Argument(help="Login name; of a new person, give --name and --role.")],
    name: Annotated[str, typer.Option(help="Of a new person: the name colleagues know.")] = "",
    role: Annotated[str, typer.Option(help="Of a new person: operator, supervisor, trainer or admin.")] = "",
    base: Annotated[str, typer.Option(help="Address of the console, for the link.")] = f"http://127.0.0.1:{PORT}",
) -> None:
    """Print a link by which somebody sets their own password: a new person, or one who is locked out."""
    _, opened = _database(context)
    from ..screening.people import accounts, invitations
    from ..screening.people.roles import Role
    from ..screening.storage.tables import PersonRow

    if bool(name) != bool(role):
        raise UsageError("a new person needs --name and --role", "give both, or none for somebody who has an account")
    if role and role not in list(Role):
        raise UsageError(f"{role!r} is no role", f"choose one of {', '.join(Role)}")
    with opened.write() as session:
        if name:
            made = accounts.create_person(session, accounts.SYSTEM, login, name, Role(role), None)
            row = session.get_one(PersonRow, made.id)
        else:
            row = accounts.require_row(session, login)
        token = invitations.invite(session, accounts.SYSTEM, row)
    stdout.print(f"{base.rstrip('/')}/invitation/{token}")
    stderr.print("valid for 24 hours, once", style="dim")


@app.command("export-feedback", cls=Verb)
def export_feedback(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="New folder for the data set.")],
    person: Annotated[str, typer.Option(help="Login name of who takes the scans out; their role must allow it.")],
    licence: Annotated[str, typer.Option(help="Under which the site gives its scans to training.")],
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Parcels from this day on (UTC).")
    ] = None,
    until: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Parcels before this day (UTC).")] = None,
    json: Json = False,
) -> None:
    """Write what officers judged as an annotated data set that ``parcelsight train`` takes."""
    data, opened = _database(context)
    from ..screening.desk.feedback import export_feedback as export
    from ..screening.people.accounts import person_of, require_row
    from ..screening.people.roles import Permission
    from ..screening.storage.pictures import PictureStore

    with opened.write() as session:
        author = person_of(require_row(session, person))
        if not author.may(Permission.EXPORT_SCANS):
            raise UsageError(f"{person} may not take scans out", "name a supervisor")
        first, end = (moment.replace(tzinfo=UTC) if moment else None for moment in (since, until))
        done = export(session, PictureStore(data / "scans"), author, folder, licence, first, end)
    if json:
        from dataclasses import asdict

        stdout.print_json(data=asdict(done), highlight=False)
    else:
        stdout.print(
            f"{folder}: {done.scans} scans, {done.objects} objects, {done.threat_free} threat-free; left out: "
            f"{done.unjudged} that nobody judged, {done.gone} whose picture is gone"
        )


@app.command("prune", cls=Verb)
def prune(
    context: typer.Context,
    rules: Annotated[
        str, typer.Option(help=f"Retention rules: a YAML file, or one of {', '.join(shipped('retention'))}.")
    ] = "standard",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and keep it.")] = False,
    json: Json = False,
) -> None:
    """Delete what the retention rules no longer allow to keep: scans and personal data by age; the audit says so."""
    data, opened = _database(context)
    from ..screening.desk.retention import load_rules
    from ..screening.desk.retention import prune as prune_by
    from ..screening.storage.pictures import PictureStore

    done = prune_by(opened, PictureStore(data / "scans"), load_rules(rules), dry_run)
    if json:
        from dataclasses import asdict

        stdout.print_json(data=asdict(done), highlight=False)
    else:
        stdout.print(
            f"{'would go' if dry_run else 'gone'}: {done.pictures} pictures, personal data of {done.parcels} parcels, "
            f"{done.sessions} old sessions, {done.exercises} exercises of operator training"
        )
