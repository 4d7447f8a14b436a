"""How the OpenAPI document describes an upload: its body is read as it comes in, so no type tells it."""

from __future__ import annotations

from typing import Any

from .schemas import Problem

_KEY = (
    "1 to 200 printable characters, unique for the scan; becomes its id. Sent again after a lost answer, it gives the "
    "same sequence number. Without, every upload is a new scan."
)
UPLOAD_DOC: dict[str, Any] = {
    "parameters": [
        {"name": name, "in": "header", "required": False, "description": text, "schema": {"type": "string"}}
        for name, text in (
            ("Idempotency-Key", _KEY),
            ("X-Lane", "The lane; may be left out where only one takes uploads."),
            ("X-Barcode", "Of the parcel, up to 64 characters."),
            ("X-Meta-NAME", "Any note, up to 32 of 200 characters; given back with the scan and its verdict."),
        )
    ]
    + [
        {"name": name, "in": "query", "required": False, "description": f"As {header}.", "schema": {"type": "string"}}
        for name, header in (("scan_id", "Idempotency-Key"), ("lane", "X-Lane"), ("barcode", "X-Barcode"))
    ],
    "requestBody": {
        "required": True,
        "description": "A JPEG, PNG, TIFF or BMP file, told by its content.",
        "content": {
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        **{
                            name: {"type": "string", "format": "binary", "description": text}
                            for name, text in (
                                ("scan", "The scan, or instead of it:"),
                                ("low", "the low-energy half of a pair, and"),
                                ("high", "the high-energy half."),
                            )
                        },
                        "id": {"type": "string", "description": "As Idempotency-Key."},
                        "lane": {"type": "string"},
                        "barcode": {"type": "string"},
                        "meta": {"type": "string", "description": "A JSON object of texts."},
                    },
                }
            },
        },
    },
}
REFUSALS: dict[int | str, dict[str, Any]] = {
    408: {"model": Problem, "description": "The body came too slowly."},
    413: {"model": Problem, "description": "The scan is too large."},
    422: {"model": Problem, "description": "Body, header or key do not keep the rules."},
    429: {"model": Problem, "description": "Too much at a time; come again after Retry-After seconds."},
    503: {
        "model": Problem,
        "description": "Nothing can be judged or kept now; come again after Retry-After seconds.",
    },
}
