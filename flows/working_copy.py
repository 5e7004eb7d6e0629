"""Run folders behind URLs: an audit works in a copy, and finished shards are put as it goes."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from flows.progress import console
from tasks.config import AuditConfig
from tasks.errors import AuditError
from tasks.urls import is_url

if TYPE_CHECKING:
    from tasks.runs.remote_run import RemoteRun

_SECONDS = 30.0  # between two looks at what has become finished


@contextmanager
def on_this_machine(config: AuditConfig) -> Iterator[AuditConfig]:
    """The configuration with working copies in place of URLs. While open, nobody else writes the
    run, and what is finished is put where `out` says; what is left, at the end.

    Raises: AuditError where a storage cannot be reached or another process writes the run.
    """
    if not is_url(config.out) and not is_url(config.previous or ""):
        yield config
        return
    # Imported late: --help needs no Arrow.
    from tasks.runs.remote_run import RemoteRun, working_folder

    if f"{config.out}/".startswith(f"{config.images.rstrip('/')}/"):
        raise AuditError(
            f"the run {config.out} lies inside the images {config.images}, whose pictures it would "
            "join. Give another --out"
        )
    changes = {}
    with ExitStack() as stack:
        if config.previous is not None and is_url(config.previous):
            previous = RemoteRun(config.previous, working_folder(config.previous))
            previous.fetch()
            changes["previous"] = str(previous.run.root)
        if is_url(config.out):
            remote = RemoteRun(config.out, working_folder(config.out))
            stack.enter_context(remote.locked())
            remote.fetch()
            stack.enter_context(_put_along(remote))
            changes["out"] = str(remote.run.root)
            said = f"Working in {remote.run.root}"
            console.print(said, markup=False, soft_wrap=True)
        yield config.model_copy(update=changes)


@contextmanager
def _put_along(remote: "RemoteRun") -> Iterator[None]:
    ended = threading.Event()
    putting = threading.Thread(target=_put_until, args=(ended, remote), daemon=True)
    putting.start()
    try:
        yield
    finally:
        ended.set()
        putting.join()
        remote.put()


def _put_until(ended: threading.Event, remote: "RemoteRun") -> None:
    while not ended.wait(_SECONDS):
        try:
            remote.put()
        except AuditError as error:  # it may be reached again; the last time has to work
            console.print(str(error), style="yellow", markup=False, soft_wrap=True)
