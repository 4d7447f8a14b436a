"""A model exchanged while lanes run: in stages, back at once, every verdict of one model and named after it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread
from time import monotonic, sleep

import pytest
from typer.testing import CliRunner

from parcelsight.commands.main import app
from parcelsight.detector.errors import ConfigError
from parcelsight.inference.lanes.config import LanesConfig
from parcelsight.inference.lanes.rolling import RolloutConfig, RolloutFile, chosen_model, write_rollout
from parcelsight.inference.lanes.runtime import Lanes
from parcelsight.inference.lanes.source import Receipt
from parcelsight.inference.lanes.state import Cause, State
from tests.lane_parts import arrival, png, until
from tests.models import constant_model, dark_model, model_card, save

SITE = "north"


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """``old`` finds dark bars; ``new`` claims a cartridge on everything; ``odd`` knows other classes."""
    save(dark_model(model_card().model_copy(update={"name": "old"})), tmp_path / "old.onnx")
    box = (5.0, 5.0, 30.0, 30.0, 0.9, 1.0)
    save(constant_model([box], model_card().model_copy(update={"name": "new"})), tmp_path / "new.onnx")
    card = model_card()
    odd = card.model_copy(update={"classes": card.classes[::-1], "name": "odd"})
    save(constant_model([], odd), tmp_path / "odd.onnx")
    write_rollout(tmp_path / "rollout.yaml", RolloutFile(live=Path("old.onnx"), candidate=Path("new.onnx")))
    return tmp_path


@pytest.fixture
def lanes(models: Path) -> Iterator[Lanes]:
    config = LanesConfig.model_validate(
        {
            "ledger": models / "ledger",
            "rollout": {"file": models / "rollout.yaml", "site": SITE},
            "lanes": [{"name": "lane1", "source": {"kind": "http"}, "queue": 50}],
        }
    )
    lanes = Lanes(config)
    lanes.start()
    assert lanes.pool.wait_ready(60)
    yield lanes
    lanes.stop()


def step(models: Path, *arguments: str) -> dict[str, object]:
    done = CliRunner().invoke(app, ["rollout", str(models / "rollout.yaml"), *arguments, "--json"])
    assert done.exit_code == 0, done.output
    told: dict[str, object] = json.loads(done.stdout)
    return told


def test_a_roll_out_in_stages_and_back_while_scans_come(models: Path, lanes: Lanes) -> None:
    stop = Event()
    sent: list[int] = []

    def load() -> None:
        while not stop.wait(0.03):
            number = len(sent)
            receipt = lanes.lanes["lane1"].deliver(arrival(f"p{number}", png(number, dark=number % 2 == 0)))
            assert isinstance(receipt, Receipt)
            sent.append(number)

    feeding = Thread(target=load)
    feeding.start()
    try:
        step(models, "--at", "south")
        sleep(2.5)
        assert lanes.pool.card.name == "old"  # another site's turn
        step(models, "--at", SITE)
        until(lambda: lanes.pool.card.name == "new", 60)
        some = len(sent) + 20
        until(lambda: len(sent) > some, 60)
        started = monotonic()
        step(models, "--back")
        until(lambda: lanes.pool.card.name == "old", 60)
        assert monotonic() - started < 60
        some = len(sent) + 10
        until(lambda: len(sent) > some, 60)
    finally:
        stop.set()
        feeding.join()
    until(lambda: not lanes.ledger.unfinished(), 60)
    records = [each for first in range(0, len(sent), 100) for each in lanes.ledger.verdicts_since(first, 100)]
    assert sorted(int(record["scan"][1:]) for record in records) == sent  # none lost, none doubled
    for record in records:
        name, number = record["model"].split()[0], int(record["scan"][1:])
        found = [each["class"] for each in record["detections"]]
        assert found == (["cartridge"] if name == "new" else ["pistol"] if number % 2 == 0 else []), record
    order = [record["model"].split()[0] for record in sorted(records, key=lambda each: each["number"])]
    changes = [name for before, name in zip(["", *order], order, strict=False) if before != name]
    assert changes == ["old", "new", "old"]  # never mixed


@pytest.mark.parametrize(("name", "words"), [("odd.onnx", "other classes"), ("gone.onnx", "no such model file")])
def test_a_candidate_that_cannot_run_changes_nothing_and_is_said(
    name: str, words: str, models: Path, lanes: Lanes
) -> None:
    write_rollout(models / "rollout.yaml", RolloutFile(live=Path("old.onnx"), candidate=Path(name), at=("*",)))
    until(lambda: lanes.board.of("lane1").cause is Cause.ROLLOUT)
    status = lanes.board.of("lane1")
    assert status.state is State.DEGRADED and words in status.detail and "stays old 1" in status.detail
    lanes.lanes["lane1"].deliver(arrival("p0", png(0, dark=True)))
    until(lambda: lanes.ledger.verdicts_since(0))
    assert lanes.ledger.verdicts_since(0)[0]["model"] == "old 1"
    step(models, "--back")
    until(lambda: Cause.ROLLOUT not in (lanes.board.of("lane1").cause, *lanes.board.of("lane1").others))


def test_the_verb_takes_one_step_after_the_other(models: Path) -> None:
    assert step(models, "--live", str(models / "old.onnx"))["candidate"] is None
    assert step(models, "--candidate", str(models / "new.onnx"))["at"] == []
    assert step(models, "--at", "a", "--at", "b")["at"] == ["a", "b"]
    assert step(models, "--at", "*")["at"] == ["a", "b", "*"]
    assert step(models, "--back")["at"] == [] and step(models)["candidate"] == str(models / "new.onnx")
    finished = step(models, "--finish")
    assert finished["live"] == str(models / "new.onnx") and finished["candidate"] is None


REFUSED = {
    "two steps": ["--back", "--finish"],
    "no candidate": ["--at", "a"],
    "other classes": ["--candidate", "odd.onnx"],
    "no model": ["--live", "rollout.yaml"],
}


@pytest.mark.parametrize("case", REFUSED)
def test_the_verb_refuses(case: str, models: Path) -> None:
    step(models, "--live", str(models / "old.onnx"))
    before = (models / "rollout.yaml").read_text()
    arguments = [str(models / each) if each.endswith((".onnx", ".yaml")) else each for each in REFUSED[case]]
    assert CliRunner().invoke(app, ["rollout", str(models / "rollout.yaml"), *arguments]).exit_code != 0
    assert (models / "rollout.yaml").read_text() == before


def test_a_broken_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text("live: a.onnx\ncandidat: b.onnx\n")
    with pytest.raises(ConfigError, match="candidat: unknown key"):
        chosen_model(RolloutConfig(file=tmp_path / "r.yaml", site=SITE))
