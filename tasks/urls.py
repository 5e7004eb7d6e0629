"""Which paths are URLs of fsspec."""

import re

from tasks.errors import AuditError

_URL = re.compile(r"[a-z][a-z0-9+.-]+:/")  # one slash: pathlib takes the other


def is_url(path: str) -> bool:
    """Whether a path is a URL of fsspec, be it that pathlib has taken one of its slashes."""
    return _URL.match(path) is not None


def refuse_url(path: str) -> None:
    """Raises: AuditError for a URL, where a folder of this machine is needed."""
    if is_url(path):
        raise AuditError(
            f"{path} is a URL, which 'camaudit run' alone takes as --out or --previous; expected a "
            "folder. Fetch the run first: camaudit fetch URL FOLDER"
        )
