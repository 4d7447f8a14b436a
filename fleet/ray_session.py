"""The connection to Ray: an existing cluster, or one of this machine alone that ends with the program.

Ray reports its use to its makers unless told not to; it is told not to. A cluster of our own listens on loopback, has
no dashboard and a small object store: scans travel as names, not as objects.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import BaseModel, ConfigDict, Field

from ..detector.errors import UsageError

_OBJECT_STORE_BYTES = 120 * 1024 * 1024
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DISABLE_IMPORT_WARNING": "1",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    # A replica's event loop only reads and answers; the network runs beside it.
    "RAY_SERVE_RUN_USER_CODE_IN_SEPARATE_THREAD": "0",
    # A busy machine takes longer than Ray's limits to start Ray's own processes.
    "RAY_agent_register_timeout_ms": "120000",
    "RAY_worker_register_timeout_seconds": "120",
}
_LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
"""Despite its name: 127.0.0.1 is then not replaced by an address that others reach."""
_HAPROXY = "RAY_SERVE_ENABLE_HA_PROXY"
_HAPROXY_FILES = {
    "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": "haproxy.cfg",
    "RAY_SERVE_HAPROXY_SOCKET_PATH": "admin.sock",
    "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH": "metrics.sock",
    "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": "",
}
"""Whoever may write to the admin socket can take replicas out; Ray would put it where all users of a machine may."""
_TRIES = 2


class RayConfig(BaseModel):
    """Which cluster."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    address: str = Field(default="", max_length=200, pattern=r"^[A-Za-z0-9_.:/\[\]-]*$")
    """``HOST:PORT`` or ``ray://HOST:PORT``; without, a cluster of this machine's processes is started."""
    namespace: str = Field(default="parcelsight", pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")


@contextmanager
def ray_session(config: RayConfig, cpus: int, haproxy: bool = False) -> Iterator[None]:
    """Be connected; a cluster that was started here ends with the block.

    Args:
        config: the cluster.
        cpus: that a cluster started here may use.
        haproxy: a cluster started here lets HAProxy take the requests of Ray Serve.

    Raises:
        UsageError: if the cluster cannot be reached.
    """
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    if not config.address:
        os.environ.update(_LOOPBACK)
    with _haproxy_settings() if haproxy and not config.address else nullcontext(), _connected(config, cpus):
        yield


@contextmanager
def _haproxy_settings() -> Iterator[None]:
    """Its files go to a folder of ours alone, which is removed at the end."""
    # Mode 0700. Socket paths are short or refused, and Ray puts a name of 56 characters between.
    with TemporaryDirectory(prefix="ps-", dir="/tmp") as folder:
        settings = {name: str(Path(folder) / file) for name, file in _HAPROXY_FILES.items()}
        os.environ.update(settings | {_HAPROXY: "1"})
        try:
            yield
        finally:  # the folder goes: a later session must not look for it
            for name in (*settings, _HAPROXY):
                os.environ.pop(name, None)


@contextmanager
def _connected(config: RayConfig, cpus: int) -> Iterator[None]:
    import ray

    try:
        if config.address:
            ray.init(config.address, namespace=config.namespace, log_to_driver=False, logging_level=logging.ERROR)
        else:
            _start(cpus, config.namespace)
    except Exception as error:  # Ray raises the bare class, too
        where = config.address or "of this machine"
        first = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise UsageError(f"the Ray cluster {where} cannot be used ({first})", "start it with: ray start") from error
    with _stdout_kept_clean():
        try:
            yield
        finally:
            ray.shutdown()


@contextmanager
def _stdout_kept_clean() -> Iterator[None]:
    """Ray tells of dead workers on stdout, which is for results: meanwhile what is written there goes to stderr."""
    sys.stdout.flush()
    kept = os.dup(1)
    try:
        os.dup2(2, 1)
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)


def _start(cpus: int, namespace: str) -> None:
    """Start a cluster; once more where the first try ran out of time."""
    import ray

    for left in reversed(range(_TRIES)):
        try:
            ray.init(
                "local",
                num_cpus=cpus,
                num_gpus=0,
                namespace=namespace,
                include_dashboard=False,
                object_store_memory=_OBJECT_STORE_BYTES,
                _node_ip_address="127.0.0.1",
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
            return
        except Exception:  # "timed out during startup" has no class of its own
            ray.shutdown()
            if not left:
                raise
