"""What the subject of a finding names."""

import re

_CLUSTER = re.compile(r"context (\d+) -> ")


def cluster_of(subject: str) -> int | None:
    """The number of the context cluster: 7 for 'context 7 -> mug'.

    >>> cluster_of("context 7 -> mug"), cluster_of("camera = 3 -> mug")
    (7, None)
    """
    found = _CLUSTER.match(subject)
    return int(found[1]) if found else None


def slice_of(subject: str, predicted: str) -> str:
    """The tag and its value: 'camera = 3' for 'camera = 3 -> mug' and for 'camera = 3'.

    predicted : name of the class that a statement of kind `tag` is about; else ''

    >>> slice_of("camera = 3 -> mug", "mug"), slice_of("camera = 3", "")
    ('camera = 3', 'camera = 3')
    """
    return subject.removesuffix(f" -> {predicted}") if predicted else subject
