"""An S3-compatible server on loopback, moto's, and what a client has to know of it."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fsspec
import pytest


def forget_clients() -> None:
    """fsspec keeps clients by their arguments, and not by the environment."""
    fsspec.get_filesystem_class("s3").clear_instance_cache()


@contextmanager
def client_of(address: str, folder: Path, patience: float = 20) -> Iterator[None]:
    """While open, s3:// leads to `address`, with credentials that it believes.

    patience : seconds until an answer has to be there
    """
    limits = {"read_timeout": patience, "retries": {"total_max_attempts": 1}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", address)
        patch.setenv("AWS_ACCESS_KEY_ID", "someone")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "something")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            patch.setenv(name, str(folder / "none"))
        patch.setitem(fsspec.config.conf, "s3", {"config_kwargs": limits})
        patch.setattr(fsspec.get_filesystem_class("s3"), "retries", 1)
        forget_clients()
        yield
    forget_clients()


@contextmanager
def object_store(folder: Path) -> Iterator[Any]:
    """The server, with an empty bucket `images`; yields fsspec's filesystem of it."""
    moto = pytest.importorskip("moto.server", reason="needs moto[server]")
    pytest.importorskip("s3fs", reason="needs s3fs")
    # Servers of one process share their buckets: a second one would find the first's.
    requests = pytest.importorskip("requests", reason="needs requests")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line for each request
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        with client_of(f"http://{host}:{port}", folder):
            requests.post(f"http://{host}:{port}/moto-api/reset", timeout=20)
            filesystem = fsspec.filesystem("s3")
            filesystem.mkdir("images")
            yield filesystem
    finally:
        server.stop()
