"""Many files by one pattern, as the shell and WebDataset write it."""

import re
from typing import Any

from tasks.errors import AuditError
from tasks.index.listing import Listing

_BRACES = re.compile(r"\{([^{}]*)\}")
_RANGE = re.compile(r"(\d{1,18})\.\.(\d{1,18})")
_WILD = re.compile(r"[*?\[]")
_MOST = 1_000_000


def is_pattern(path: str) -> bool:
    """Whether a path that does not exist may stand for others."""
    return _BRACES.search(path) is not None or _WILD.search(path) is not None


def matching_files(filesystem: Any, pattern: str) -> Listing:
    """The files that a pattern stands for: {000..099} and {train,val} are written out, each of
    them in its place; *, ? and [] match what is there, by name.

    filesystem : of fsspec

    Raises: AuditError for a range that holds nothing and for a file that is missing.
    """
    found: Listing = {}
    for path in expand_braces(pattern):
        if _WILD.search(path):
            found.update(sorted(filesystem.glob(path, detail=True).items()))
            continue
        try:
            found[path] = filesystem.info(path)
        except FileNotFoundError as error:
            raise AuditError(
                f"{path} does not exist, one of the files that {pattern} stands for; expected "
                "all of them. Fetch it, or give the range that is there"
            ) from error
    return {path: info for path, info in found.items() if info.get("type") != "directory"}


def fixed_part(pattern: str) -> str:
    """What stands before the first sign that may stand for others.

    >>> fixed_part("data/{train,val}-*.tar")
    'data/'
    """
    return re.split(r"[*?\[{]", pattern, maxsplit=1)[0]


def expand_braces(pattern: str) -> list[str]:
    """The paths that a pattern with braces stands for, in the shell's order.

    >>> expand_braces("{train,val}-{08..10}.tar")[1:4]
    ['train-09.tar', 'train-10.tar', 'val-08.tar']

    Raises: AuditError for a range that counts down, and for more than a million paths.
    """
    found = _BRACES.search(pattern)
    if found is None:
        return [pattern]
    rest, choices = expand_braces(pattern[found.end() :]), _choices(found[1], pattern)
    if len(choices) * len(rest) > _MOST:
        raise _too_many(pattern)
    head = pattern[: found.start()]
    return [f"{head}{choice}{tail}" for choice in choices for tail in rest]


def _choices(text: str, pattern: str) -> list[str]:
    bounds = _RANGE.fullmatch(text)
    if bounds is None:
        return text.split(",")
    first, last = int(bounds[1]), int(bounds[2])
    if first > last:
        raise AuditError(f"{pattern}: {{{text}}} counts down; expected the lower number first")
    if last - first >= _MOST:
        raise _too_many(pattern)
    is_padded = any(len(bound) > 1 and bound[0] == "0" for bound in bounds.groups())
    width = max(map(len, bounds.groups())) if is_padded else 0
    return [f"{number:0{width}d}" for number in range(first, last + 1)]


def _too_many(pattern: str) -> AuditError:
    return AuditError(f"{pattern} stands for more than {_MOST:,} files; expected fewer")
