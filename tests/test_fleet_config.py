"""The fleet's files: shipped ones load, wrong ones are refused with their key; without the extra each verb says so."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from parcelsight.commands.main import app
from parcelsight.configs.loading import load_config, shipped
from parcelsight.detector.errors import ConfigError, MissingExtra
from parcelsight.fleet.config import ClusterConfig
from parcelsight.fleet.tuning import TuningConfig, with_settings

BAD = {
    "two of a name": ("models", "models: [{name: a}, {name: a}]"),
    "open to all without a word": ("http", "models: [{name: a}]\nhttp: {host: 0.0.0.0}"),
    "HAProxy without a word": ("http", "models: [{name: a}]\nhttp: {haproxy: true}"),
    "an unknown key": ("models", "models: [{name: a, replica: 2}]"),
    "least over most": ("autoscaling", "models: [{name: a, autoscaling: {least: 3, most: 2}}]"),
    "no models": ("models", "cpus: 2"),
}


@pytest.mark.parametrize("name", shipped("fleet"))
def test_shipped_clusters_load(name: str) -> None:
    assert load_config(name, ClusterConfig, "fleet").models


@pytest.mark.parametrize("case", BAD)
def test_a_wrong_cluster_is_refused_with_its_key(case: str, tmp_path: Path) -> None:
    key, text = BAD[case]
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(ConfigError, match=key):
        load_config(tmp_path / "c.yaml", ClusterConfig, "fleet")


def test_shipped_searches_load_and_set_keys_of_their_recipe() -> None:
    for name in shipped("tuning"):
        assert load_config(name, TuningConfig, "tuning").search
    recipe = {"learning_rate": 0.1, "augmentation": {"mix": 0.1, "scale": 0.4}}
    changed = with_settings(recipe, {"learning_rate": 0.2, "augmentation.mix": 0.3})
    assert changed == {"learning_rate": 0.2, "augmentation": {"mix": 0.3, "scale": 0.4}}
    assert recipe["learning_rate"] == 0.1 and recipe["augmentation"] == {"mix": 0.1, "scale": 0.4}


WITHOUT = {
    "rescreen": (["rescreen", "a", "b"], "pyarrow"),
    "rescreen on Ray": (["rescreen", "a", "b", "--engine", "ray"], "ray"),
    "compare": (["compare", "a", "b"], "pyarrow"),
    "deploy": (["deploy", "local"], "ray"),
    "collect": (["collect", "local"], "psycopg"),
    "tune": (["tune", "nano", "out"], "ray"),
}


@pytest.mark.parametrize("case", WITHOUT)
def test_without_the_extra_a_verb_says_what_to_install(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments, missing = WITHOUT[case]
    real = __import__("importlib.util").util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name, *more: None if name == missing else real(name, *more))
    done = CliRunner().invoke(app, arguments)
    assert isinstance(done.exception, MissingExtra) and "parcelsight[fleet]" in str(done.exception)
