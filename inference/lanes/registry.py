"""Every kind of source that a lane may have, by the ``kind`` in its ``source:`` section."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from .source_belt import BeltConfig
from .source_folder import FolderConfig
from .source_http import HttpConfig
from .source_ledger import LedgerConfig
from .source_lines import LinesConfig
from .source_pictures import PicturesConfig
from .source_video import VideoConfig

AnySource = Annotated[
    BeltConfig | FolderConfig | HttpConfig | LedgerConfig | LinesConfig | PicturesConfig | VideoConfig,
    Field(discriminator="kind"),
]
"""A new kind is one more ``| XConfig``."""
