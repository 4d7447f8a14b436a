"""What the site adds to the pages in docs/: the order of pages, pages made from the code, and files that are linked to.

mkdocs calls the functions named ``on_…``. A page that no group names appears under "More", so that none is ever lost.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[2]

GROUPS: dict[str, tuple[str, ...]] = {
    "Operators": ("operators-guide.md", "viewer.md", "trainers-guide.md", "operator-training.md", "tip.md"),
    "Trainers of models": (
        "trainers-of-models.md", "datasets.md", "training.md", "evaluation.md", "physics.md", "threat-projection.md",
        "virtual-scanner.md", "rendered-to-real.md", "content-safety.md",
    ),
    "Integrators": (
        "integrators-guide.md", "embedding.md", "screening.md", "service.md", "line-stream.md", "api/*.md",
    ),
    "Administrators": ("administrators-guide.md", "console-administration.md", "lanes.md", "fleet.md", "security.md"),
    "Evidence": ("model-card.md", "reliability.md", "notebooks.md"),
    "Project": ("architecture.md", "contributing.md", "changelog.md"),
}  # fmt: skip
"""Tab → its pages in order; a page that is not there (yet) is passed over."""

PUBLIC: dict[str, tuple[str, ...]] = {
    "detector": ("taxonomy", "detections", "card", "contract", "embed_contract", "seal", "errors"),
    "datasets": (
        "scan", "readers", "canonical", "annotations", "native", "splits", "leaks", "checks", "belt", "belt_files",
        "synthetic.plan", "synthetic.pipeline", "synthetic.scanner", "synthetic.render", "synthetic.belt",
        "projection.projecting",
    ),
    "training": (
        "recipe", "train", "run_directory", "evaluation", "evaluation_result", "evaluation_parts", "operating_points",
        "report",
    ),
    "export": ("export", "parity", "embed", "bundle", "quantise", "signing", "triton"),
    "inference": (
        "detector", "screening", "verdicts", "sources", "keys", "verification", "lanes.config", "lanes.runtime",
        "lanes.source", "lanes.events", "stream.sender", "stream.protocol", "sinks.sink", "sinks.webhook",
        "service.config",
    ),
    "screening": (
        "rates", "viewer_format", "tutor.detection_theory", "tutor.adaptive", "tutor.factors", "tutor.results",
        "audit.verification",
    ),
    "configs": ("loading",),
}  # fmt: skip
"""Room → the modules that a program of one's own would use."""

BORROWED = {"changelog.md": "CHANGELOG.md", "contributing.md": "CONTRIBUTING.md"}
"""Page → the file of the repository that it shows."""
PAGE_OF = {source: page for page, source in BORROWED.items()}
_LINK = re.compile(r"(\]\()((?:\.\./)+[^)#\s]+)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages and the files outside docs/ that pages link to, and order the pages."""
    for name, source in BORROWED.items():
        files.append(File.generated(config, name, content=(ROOT / source).read_text("utf-8")))
    for room, modules in PUBLIC.items():
        if any(_file_of(room, module).is_file() for module in modules):
            files.append(File.generated(config, f"api/{room}.md", content=_reference(room, modules)))
    for outside in sorted(_outside(files)):
        files.append(File.generated(config, f"files/{outside}", content=(ROOT / outside).read_bytes()))
    config.nav = list(_navigation([file.src_uri for file in files.documentation_pages()]))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Let links that leave docs/ lead to the copies of those files."""
    place = Path("docs") / page.file.src_uri

    def moved(link: re.Match[str]) -> str:
        target = _within(place, link[2])
        if target is None or target.startswith("docs/"):
            return link[0]
        up = "../" * (len(Path(page.file.src_uri).parts) - 1)
        return f"{link[1]}{up}{PAGE_OF.get(target, f'files/{target}')}"

    return _LINK.sub(moved, markdown)


def _navigation(pages: Iterable[str]) -> Iterator[Any]:
    """The start page, the groups, and what no group names."""
    left = dict.fromkeys(pages)
    left.pop("index.md", None)
    yield {"Start": "index.md"}
    for title, names in GROUPS.items():
        found = [page for name in names for page in list(left) if fnmatchcase(page, name)]
        for page in found:
            left.pop(page, None)
        if found:
            yield {title: list(dict.fromkeys(found))}
    if left:
        yield {"More": list(left)}


def _reference(room: str, modules: tuple[str, ...]) -> str:
    """A page on the public modules of a room."""
    parts = [f"# API: `parcelsight.{room}`", "From the docstrings; what is not named here may change without notice."]
    for module in modules:
        if _file_of(room, module).is_file():
            parts.append(f"::: parcelsight.{room}.{module}\n    options:\n      heading_level: 2")
    return "\n\n".join(parts) + "\n"


def _file_of(room: str, module: str) -> Path:
    return ROOT / room / f"{module.replace('.', '/')}.py"


def _outside(files: Files) -> set[str]:
    """Files of the repository, outside docs/, that pages link to."""
    found: set[str] = set()
    for file in files.documentation_pages():
        for link in _LINK.finditer(file.content_string):
            target = _within(Path("docs") / file.src_uri, link[2])
            if target is None or target.startswith("docs/") or target in PAGE_OF:
                continue
            if (ROOT / target).is_file():
                found.add(target)
    return found


def _within(page: Path, link: str) -> str | None:
    """What a relative link of a page means, from the root of the repository; None where it leaves it."""
    target = os.path.normpath(page.parent / link)
    return None if target.startswith("..") else target
