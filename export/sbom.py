"""The software bill of materials of a bundle: a CycloneDX 1.6 document.

It lists the model itself, the data it has learnt from, the distributions that made it (scope ``excluded``: they are
not in the bundle) and those the ParcelSight runtime needs to run it (scope ``required``). An integrator who runs a
model with an engine of their own needs that engine instead.

Format: https://cyclonedx.org/docs/1.6/json/ ; a test validates against its published schema.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterable
from importlib import metadata
from typing import Any

from ..detector.card import ModelCard

TOOLKIT = "parcelsight"
MADE_WITH = ("torch", "torchvision", "ultralytics", "albumentations", "onnx")
"""Distributions whose code trained, exported and proved the model; with them, what they need."""
_MODEL_REF = "model"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def bill_of_materials(card: ModelCard, file_digests: dict[str, str]) -> bytes:
    """The document; the same card, files and installation give the same bytes.

    Args:
        card: of the model.
        file_digests: path → sha256 of every model file of the bundle.
    """
    needed = with_requirements(_requirements(TOOLKIT))
    made_with = with_requirements(MADE_WITH)
    libraries = [_library(name, required=name in needed) for name in sorted(needed | made_with)]
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, json.dumps(file_digests, sort_keys=True))}",
        "version": 1,
        "metadata": {
            "tools": {"components": [{"type": "application", "name": TOOLKIT, "version": card.toolkit_version}]},
            "component": _model(card),
        },
        "components": [*_files(file_digests), *_data(card), *libraries],
        "dependencies": [
            {
                "ref": _MODEL_REF,
                "dependsOn": sorted(each["bom-ref"] for each in libraries if each["scope"] == "required"),
            }
        ],
    }
    return (json.dumps(document, indent=1) + "\n").encode()


def with_requirements(names: Iterable[str]) -> set[str]:
    """Installed distributions of these names and everything installed that they require, by normalised name."""
    found: set[str] = set()
    waiting = [_normalised(name) for name in names]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        try:
            metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue  # wanted on other systems or Python versions only
        found.add(name)
        waiting += map(_normalised, _requirements(name))
    return found


def _requirements(name: str) -> list[str]:
    """Names a distribution requires, its extras apart; none where it is not installed as a distribution."""
    try:
        wanted = metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return []
    return [match[0] for each in wanted if "extra ==" not in each and (match := _NAME.match(each))]


def _normalised(name: str) -> str:
    """As PyPI compares names (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _library(name: str, required: bool) -> dict[str, Any]:
    distribution = metadata.distribution(name)
    purl = f"pkg:pypi/{name}@{distribution.version}"
    return {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": distribution.version,
        "scope": "required" if required else "excluded",
        "purl": purl,
        "licenses": _licences(distribution),
    }


def _licences(distribution: metadata.Distribution) -> list[dict[str, Any]]:
    """What the distribution says of its licence: an SPDX expression where it gives one, else its own words."""
    fields = distribution.metadata

    def said(field: str) -> list[str]:
        return [text.strip() for text in fields.get_all(field) or [] if text.strip()]

    for expression in said("License-Expression"):
        return [{"expression": expression}]
    classified = [name.split(" :: ")[-1] for name in said("Classifier") if name.startswith("License ::")]
    names = classified or [text.splitlines()[0] for text in said("License")] or ["not stated by the distribution"]
    return [{"license": {"name": name[:100]}} for name in names]


def _model(card: ModelCard) -> dict[str, Any]:
    return {
        "type": "machine-learning-model",
        "bom-ref": _MODEL_REF,
        "name": card.name,
        "version": card.version,
        "description": f"Detector for X-ray scans of parcels: taxonomy {card.taxonomy}, {len(card.classes)} classes",
        "licenses": [{"license": {"id": card.licence}}],
        "hashes": [{"alg": "SHA-256", "content": card.weights_sha256}],
        "modelCard": {"modelParameters": {"task": "object detection", "architectureFamily": "YOLO26"}},
        "properties": [{"name": "parcelsight:start_weights", "value": card.start_weights}],
    }


def _files(digests: dict[str, str]) -> list[dict[str, Any]]:
    return [
        {"type": "file", "bom-ref": f"file:{path}", "name": path, "hashes": [{"alg": "SHA-256", "content": digest}]}
        for path, digest in sorted(digests.items())
    ]


def _data(card: ModelCard) -> list[dict[str, Any]]:
    return [
        {
            "type": "data",
            "bom-ref": f"data:{data.name}",
            "name": data.name,
            "description": f"{data.scans} scans the model has learnt from",
            "licenses": [{"license": {"name": data.licence}}],
        }
        for data in card.training_data
    ]
