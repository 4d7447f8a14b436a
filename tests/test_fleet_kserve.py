"""A server runs the network: Triton's protocol, spoken to a conforming server over the exported repository.

No Triton runs in these tests: its server is a container of many gigabytes. What answers is tests/kserve_server.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from parcelsight.configs.loading import load_config
from parcelsight.datasets.canonical import canonical_rgb
from parcelsight.datasets.readers import decode_scan, read_scan
from parcelsight.detector.contract import SHIPPED_MODEL
from parcelsight.detector.errors import ConfigError, ModelError, UsageError
from parcelsight.export.bundle import Variant, write_bundle
from parcelsight.inference.detector import Detector
from parcelsight.inference.known_answer import SAMPLES
from parcelsight.inference.kserve import EngineLost, KServeConfig
from parcelsight.inference.lanes.config import LanesConfig
from parcelsight.inference.lanes.jobs import ScanJob
from parcelsight.inference.lanes.pool import DetectorPool
from parcelsight.inference.lanes.worker import WorkerSettings
from parcelsight.inference.verdicts import Verdict
from tests.kserve_server import KServeServer, kserve_server
from tests.lane_parts import png, until
from tests.models import constant_model, save, with_open_batch


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Triton repository that `parcelsight bundle` writes, with its model beside it."""
    folder = tmp_path_factory.mktemp("exported")
    content = with_open_batch()
    write_bundle(folder / "bundle", [Variant("tiny.onnx", content, "fp32")])
    (folder / "tiny.onnx").write_bytes(content)
    return folder


@pytest.fixture
def server(exported: Path) -> Iterator[KServeServer]:
    with kserve_server(exported / "bundle" / "triton") as server:
        yield server


def engine(server: KServeServer, **more: object) -> KServeConfig:
    return KServeConfig(kind="kserve", url=server.url, **{"model": "tiny", "limit_s": 0.5, **more})  # type: ignore[arg-type]


def test_the_server_answers_as_this_process_does(exported: Path, server: KServeServer) -> None:
    there, here = Detector(exported / "tiny.onnx", engine=engine(server)), Detector(exported / "tiny.onnx")
    assert "KServe" in there.describe() and server.url in there.describe()
    for seed in range(4):
        rgb = canonical_rgb(decode_scan(png(seed, dark=seed % 2 == 0, side_px=90 + 7 * seed), "scan"))
        one, other = here.detect(rgb), there.detect(rgb)
        assert len(one) == len(other) == (seed % 2 == 0)
        assert np.array_equal(one.xyxy_px, other.xyxy_px) and np.array_equal(one.score, other.score)
    assert server.asked == 5  # and the test picture


def test_the_shipped_model_in_a_repository_gives_the_same_verdicts(tmp_path: Path) -> None:
    write_bundle(tmp_path / "bundle", [Variant(SHIPPED_MODEL.name, SHIPPED_MODEL.read_bytes(), "fp32")])
    with kserve_server(tmp_path / "bundle" / "triton") as server:
        there, here = Detector(SHIPPED_MODEL, engine=engine(server, model="", limit_s=10)), Detector(SHIPPED_MODEL)
        rgb = canonical_rgb(read_scan(SAMPLES / "parcel-02.tif"))
        one, other = here.detect(rgb, 0.02), there.detect(rgb, 0.02)
    assert len(one) == len(other) > 0 and np.allclose(one.xyxy_px, other.xyxy_px, atol=0.5)
    assert np.allclose(one.score, other.score, atol=1e-3)


OTHERS = {
    "another net": [(5.0, 5.0, 30.0, 30.0, 0.9, 1.0)],
    "the same score elsewhere": [(1.0, 1.0, 9.0, 9.0, 0.9, 0.0)],
}


@pytest.mark.parametrize("case", OTHERS)
def test_another_model_under_our_name_is_refused(case: str, server: KServeServer, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="answers a test picture otherwise"):
        Detector(save(constant_model(OTHERS[case]), tmp_path / "other.onnx"), engine=engine(server))


def test_what_the_server_refuses_is_said(exported: Path, server: KServeServer, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="refuses: 404"):
        Detector(exported / "tiny.onnx", engine=engine(server, model="unheard-of"))
    server.token = "open sesame"
    with pytest.raises(ModelError, match="refuses: 401"):
        Detector(exported / "tiny.onnx", engine=engine(server))
    (tmp_path / "token").write_text("open sesame\n")
    Detector(exported / "tiny.onnx", engine=engine(server, token_file=tmp_path / "token"))
    with pytest.raises(UsageError, match="token_file"):
        Detector(exported / "tiny.onnx", engine=engine(server, token_file=tmp_path / "none"))


def test_a_lost_server_is_no_error_of_a_scan(exported: Path, server: KServeServer) -> None:
    """Nothing that turns errors into verdicts may see it."""
    detector = Detector(exported / "tiny.onnx", engine=engine(server))
    server.broken = True
    with pytest.raises(EngineLost, match="503"):
        detector.detect(np.full((64, 64, 3), 255, np.uint8))
    assert not issubclass(EngineLost, Exception)
    server.broken = False
    assert len(detector.detect(np.full((64, 64, 3), 255, np.uint8))) == 0


def test_a_pool_waits_for_its_server_and_loses_no_scan(exported: Path, tmp_path: Path) -> None:
    """The server goes while scans wait: they go back to the queue, the pool says why, and all end in right verdicts."""
    repository = exported / "bundle" / "triton"
    server = KServeServer(repository)
    settings = WorkerSettings(exported / "tiny.onnx", engine=engine(server))
    pool = DetectorPool(settings, 1)
    pool.start()
    try:
        assert pool.wait_ready(30)
        server.broken = True
        jobs = []
        for number in range(6):
            path = tmp_path / f"{number}.png"
            path.write_bytes(png(number, dark=number % 2 == 0))
            jobs.append(pool.submit(ScanJob(str(number), (path,)), deadline_s=60))
        until(lambda: "503" in pool.status.trouble)
        assert pool.status.ready == 0 and not any(job.done() for job in jobs)
        until(lambda: "start the server" in pool.status.trouble, 60)  # a new worker did not find it either
        server.broken = False
        found = [str(job.result(timeout=60).screened.verdict) for job in jobs]
        assert found == [Verdict.ALARM, Verdict.NO_ALARM] * 3
        until(lambda: pool.status.trouble == "")
    finally:
        pool.stop()
        server.close()


def test_a_scan_past_its_deadline_goes_to_a_person_where_the_server_stays_away(exported: Path, tmp_path: Path) -> None:
    server = KServeServer(exported / "bundle" / "triton")
    pool = DetectorPool(WorkerSettings(exported / "tiny.onnx", engine=engine(server)), 1)
    pool.start()
    try:
        assert pool.wait_ready(30)
        server.broken = True
        (tmp_path / "1.png").write_bytes(png(1))
        job = pool.submit(ScanJob("1", (tmp_path / "1.png",)), deadline_s=1.5)
        until(lambda: (pool.expire(), job.done())[1])  # type: ignore[func-returns-value]
        assert "deadline" in str(job.exception().cause)  # type: ignore[union-attr]
    finally:
        pool.stop()
        server.close()


def test_a_model_that_is_exchanged_under_the_lane_is_noticed(exported: Path, server: KServeServer) -> None:
    detector = Detector(exported / "tiny.onnx", engine=engine(server))
    server.repository.version = "2"
    with pytest.raises(EngineLost, match="is now version '2', and was '1'"):
        detector.detect(np.full((64, 64, 3), 255, np.uint8))


BAD = {
    "unknown key": "engine: {kind: kserve, url: 'http://a:1', replicas: 2}",
    "no address": "engine: {kind: kserve, url: 'a:1'}",
    "user and password in it": "engine: {kind: kserve, url: 'http://u:p@a:1'}",
    "longer than a job may take": "engine: {kind: kserve, url: 'http://a:1', limit_s: 1.8}",
}


@pytest.mark.parametrize("case", BAD)
def test_bad_engines_are_refused_with_their_key(case: str, tmp_path: Path) -> None:
    path = tmp_path / "lanes.yaml"
    path.write_text(f"ledger: x\nlanes: [{{name: a, source: {{kind: http}}}}]\n{BAD[case]}\n")
    with pytest.raises(ConfigError, match="engine"):
        load_config(path, LanesConfig, "lanes")
