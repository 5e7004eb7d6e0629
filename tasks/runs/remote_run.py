"""A run behind a URL: a working copy on this machine, and what is put there and in which order."""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import fsspec

from tasks.errors import AuditError
from tasks.runs.copied_files import file_states, is_hidden, read_known, version_of
from tasks.runs.object_lock import object_lock
from tasks.runs.storage_errors import told
from tasks.tables.storage import RunFolder
from tasks.tables.whole_files import atomic_path, write_json

_AT_ONCE = 8  # transfers
_COMPLETE, _RECORDS = "complete.json", "records/"  # the marks; what they speak of goes before them
_LOCK = ".lock"


class RemoteRun:
    """A run at a URL of fsspec, and its working copy.

    An object store has no renames, and none are needed: an object is visible when it is whole.
    Tables are put before the records that name them, complete.json last; where anything of a
    finished run is to change, complete.json goes first.

    folder : the working copy; beside it lies what was last the same in both places
    """

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.run = url.rstrip("/"), RunFolder(folder)
        self._filesystem, root = fsspec.url_to_fs(self.url)
        self._root = root.rstrip("/")
        self._known_file = folder.with_name(f"{folder.name}.known.json")
        self._known = read_known(self._known_file, self.url)

    @property
    def is_copied(self) -> bool:
        """Whether there has been a working copy before."""
        return bool(self._known)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """While open, no other process writes the run, from here or from elsewhere.

        Raises: AuditError where another one does.
        """
        with object_lock(self._filesystem, self._path(_LOCK), self.run.root):
            yield

    def fetch(self) -> int:
        """Bring the working copy up to date; what only it has stays. Returns the number of files.

        Raises: AuditError where the storage cannot be read, and for a name that leads out of the
        folder.
        """
        with told(self.url):
            return self._fetch_changed()

    def put(self) -> int:
        """Put what has changed, remove what is gone. Returns the number of files.

        Raises: AuditError where the storage cannot be written.
        """
        with told(self.url):
            return self._put_changed()

    def _fetch_changed(self) -> int:
        there = self._versions()
        for name in sorted(self._known.keys() - there.keys()):
            (self.run.root / name).unlink(missing_ok=True)
            del self._known[name]
        changed = [
            name
            for name, version in there.items()
            if self._known.get(name, ("",))[0] != version or not (self.run.root / name).exists()
        ]
        self._transfer(self._fetch, changed)
        self._note(changed, there)
        return len(changed)

    def _put_changed(self) -> int:
        here = {name: (0, *state) for name, state in file_states(self.run.root).items()}
        gone = self._known.keys() - here.keys()
        changed = {n for n, state in here.items() if self._known.get(n, (0,))[1:] != state[1:]}
        if changed | gone and _COMPLETE in self._known:
            self._remove(_COMPLETE)
            changed |= {_COMPLETE} & here.keys()
        for name in sorted(gone - {_COMPLETE}):
            self._remove(name)
        marks = {_COMPLETE} & changed
        records = {name for name in changed - marks if name.startswith(_RECORDS)}
        for names in (changed - marks - records, records, marks):
            self._transfer(self._put, sorted(names))
        if changed or gone:
            self._note(changed, self._versions(), here)
        return len(changed)

    def _versions(self) -> dict[str, str]:
        """Version of each object by its name below the URL; hidden ones are left out."""
        self._filesystem.invalidate_cache()
        found = self._filesystem.find(self._root, detail=True)
        names = {path[len(self._root) :].lstrip("/"): info for path, info in found.items()}
        for name in names:
            if ".." in PurePosixPath(name).parts:
                raise AuditError(f"{self.url} holds {name!r}, which leads out of it; remove that")
        return {name: version_of(info) for name, info in names.items() if not is_hidden(name)}

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _fetch(self, name: str) -> None:
        with atomic_path(self.run.root / name) as temporary:
            self._filesystem.get_file(self._path(name), str(temporary))

    def _put(self, name: str) -> None:
        self._filesystem.put_file(str(self.run.root / name), self._path(name))

    def _remove(self, name: str) -> None:
        if self._filesystem.exists(self._path(name)):
            self._filesystem.rm_file(self._path(name))
        del self._known[name]

    def _transfer(self, transfer: Callable[[str], None], names: Iterable[str]) -> None:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for _ in pool.map(transfer, names):
                pass

    def _note(
        self,
        names: Iterable[str],
        versions: dict[str, str],
        before: dict[str, tuple[int, int, int]] | None = None,
    ) -> None:
        """before : states here from before the transfer: what changed during it has changed"""
        here = before or {n: (0, *state) for n, state in file_states(self.run.root).items()}
        for name in names:
            self._known[name] = (versions[name], *here[name][1:])
        write_json(self._known_file, {"url": self.url, "files": self._known})


def working_folder(url: str) -> Path:
    """Where the working copy of a run lies: below XDG_CACHE_HOME, as a rule ~/.cache."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache, "camaudit", "runs", *PurePosixPath(url.replace("://", "/")).parts)
