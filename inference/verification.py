"""Everything that can be known of a model file without running it; or the reason why it is refused."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..detector.card import ModelCard
from ..detector.contract import CONTRACT_KEY, CONTRACT_VERSION, read_card, tensors
from ..detector.declared import Tensors, check_tensors
from ..detector.embed_contract import EmbedKind, embed_tensors
from ..detector.errors import ModelError
from .keys import PublicKey
from .model_file import ModelFile, read_model

KNOWN_CONTRACTS = (str(CONTRACT_VERSION), *(kind.value for kind in EmbedKind))


@dataclass(frozen=True, slots=True, eq=False)
class VerifiedModel:
    """A model file that passed every check."""

    file: ModelFile
    contract: str
    card: ModelCard


def verify_model(path: Path, key: PublicKey | None = None) -> VerifiedModel:
    """Check a model file of any known contract: bytes, signature, reach, contract, card, declared shapes.

    Args:
        path: the file.
        key: it must be signed with this key; None takes the one pinned by the environment, if any.

    Raises:
        ModelError: saying which check failed.
        UsageError: if the pinned key cannot be read.
    """
    return verified(read_model(path, key))


def verified(file: ModelFile) -> VerifiedModel:
    """Check contract, card and declared shapes of a model file whose bytes are known to be good.

    Raises:
        ModelError: saying which check failed.
    """
    path = file.path
    contract = file.metadata.get(CONTRACT_KEY)
    if contract is None:
        raise ModelError(
            f"{path} is not a ParcelSight model: its metadata carries no contract",
            "export it with: parcelsight export RUN",
        )
    if contract not in KNOWN_CONTRACTS:
        raise ModelError(
            f"{path} speaks contract {contract[:20]!r}; this version knows {', '.join(KNOWN_CONTRACTS)}",
            "update ParcelSight, or export the model again with this version",
        )
    card = read_card(file.metadata, str(path))
    check_tensors(file.declared.tensors, _promised(contract, card), contract, str(path))
    return VerifiedModel(file, contract, card)


def _promised(contract: str, card: ModelCard) -> Tensors:
    if contract == str(CONTRACT_VERSION):
        return tensors(card.input_px)
    return embed_tensors(EmbedKind(contract))
