"""The verb ``verify``: is this model file, or bundle, intact, ours to run, and signed by the key that is trusted?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..detector.errors import ModelError, UsageError
from ..inference.keys import KEY_VARIABLE
from .terminal import complain, stdout

if TYPE_CHECKING:
    from ..inference.bundle import VerifiedBundle
    from ..inference.keys import PublicKey
    from ..inference.verification import VerifiedModel

EXIT_REFUSED = 1
KEY_HELP = "Public key the model must be signed with: a .pub file, or ed25519:BASE64."


def verify(
    path: Annotated[Path, typer.Argument(metavar="FILE|DIR", help="ONNX model, or bundle of parcelsight export.")],
    key: Annotated[str | None, typer.Option(metavar="PUB", envvar=KEY_VARIABLE, help=KEY_HELP)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON on stdout.")] = False,
) -> None:
    """Check a model file or a bundle without running it.

    Checked are: size; the digest of every byte; the signature, if there is one or --key asks for one; that nothing
    reaches outside the file (external data, custom operators, EPContext); contract, model card and declared shapes; and
    in a bundle also that every file is the one the manifest lists, with no link and no stranger among them.
    The runtime makes the same checks before it loads a model; it takes the key from PARCELSIGHT_MODEL_KEY.

    A digest shows damage. It does not show who made the file: only a signature by a key you have from elsewhere does.

    Exit status: 0 all checks passed, 1 refused, with the reason, 2 wrong usage.
    """
    from ..inference.bundle import verify_bundle
    from ..inference.keys import read_public_key
    from ..inference.verification import verify_model

    if not path.exists():
        raise UsageError(f"{path}: no such file or folder", "check the path")
    trusted = None if key is None else read_public_key(key)
    try:
        if path.is_dir():
            bundle = verify_bundle(path, trusted)
            outcome = _bundle_outcome(bundle, trusted)
        else:
            outcome = _model_outcome(path, verify_model(path, trusted), trusted)
    except ModelError as error:
        if as_json:
            refusal = {"path": str(path), "verified": False, "reason": error.message, "remedy": error.remedy}
            typer.echo(json.dumps(refusal, indent=1))
        else:
            complain(error)
        raise typer.Exit(EXIT_REFUSED) from error
    if as_json:
        typer.echo(json.dumps(outcome, indent=1))
    else:
        _show(outcome)


def _model_outcome(path: Path, model: VerifiedModel, trusted: PublicKey | None) -> dict[str, Any]:
    return {"path": str(path), "verified": True, **_told(model), **_signature(model.file.signed_by, trusted)}


def _bundle_outcome(bundle: VerifiedBundle, trusted: PublicKey | None) -> dict[str, Any]:
    manifest = bundle.manifest
    return {
        "path": str(bundle.folder),
        "verified": True,
        "model": f"{manifest.name} {manifest.version}",
        "taxonomy": manifest.taxonomy,
        "licence": manifest.licence,
        **_signature(bundle.signed_by, trusted),
        "files": [
            {
                "path": entry.path,
                "size_bytes": entry.size_bytes,
                "sha256": entry.sha256,
                "contract": entry.contract,
                "precision": entry.precision,
            }
            for entry in manifest.files
        ],
    }


def _told(model: VerifiedModel) -> dict[str, Any]:
    card = model.card
    return {
        "model": f"{card.name} {card.version}",
        "taxonomy": card.taxonomy,
        "licence": card.licence,
        "contract": model.contract,
        "classes": len(card.classes),
        "input_px": card.input_px,
        "operating_point": card.operating_point.name,
        "size_bytes": len(model.file.content),
        "sha256": model.file.sha256,
    }


def _signature(signer: PublicKey | None, trusted: PublicKey | None) -> dict[str, Any]:
    return {
        "signed_by": signer.text if signer else None,
        "key": signer.name if signer else None,
        "key_is_trusted": trusted is not None,
    }


def _show(outcome: dict[str, Any]) -> None:
    """The outcome in words."""
    stdout.print(f"{outcome['path']}: intact", style="green")
    contract = f", contract {outcome['contract']}, {outcome['classes']} classes" if "contract" in outcome else ""
    rows = [("model", f"{outcome['model']}{contract}, taxonomy {outcome['taxonomy']}, {outcome['licence']}")]
    if "sha256" in outcome:
        rows.append(("sha256", f"{outcome['sha256']} (of everything before the seal)"))
    rows.append(("signature", _in_words(outcome)))
    for name, text in rows:
        stdout.print(f"  {name:10} {text}")
    for entry in outcome.get("files", []):
        what = ", ".join(filter(None, (entry["contract"] and f"contract {entry['contract']}", entry["precision"])))
        stdout.print(f"  {entry['sha256'][:16]}  {entry['size_bytes'] / 1e6:7.2f} MB  {entry['path']}  {what}".rstrip())


def _in_words(outcome: dict[str, Any]) -> str:
    if outcome["key"] is None:
        return "none: nothing here shows who made it"
    if outcome["key_is_trusted"]:
        return f"of the trusted key {outcome['key']}"
    return f"of key {outcome['key']}; give --key to say whose signature you trust"
