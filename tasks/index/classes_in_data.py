"""The classes of a dataset whose model is not there yet: those that it has images of."""

from collections.abc import Sequence

from tasks.errors import AuditError
from tasks.index.classes import ClassList, read_classes

Label = str | int | None


def classes_in_data(labels: Sequence[Label], names: Sequence[str], file: str | None) -> ClassList:
    """The classes that images are labelled with, numbered from 0 without a gap.

    Folders and words come in sorted order, indices in theirs, named classes in that of their names;
    with a classes file all come in its order, and labels that it does not know have no class.

    labels : a folder, word or index of each image, None where it has none
    names : of the class indices, where the dataset states them
    file : classes file, or None

    Returns: the classes; `index_of` has every index, too, as text.

    Raises: AuditError for a classes file that cannot be read or knows none of the labels.
    """
    present = {label for label in labels if label is not None and label != -1}
    words = {label for label in present if isinstance(label, str)}
    indices = {label for label in present if isinstance(label, int) and label >= 0}
    if file is not None:
        return _of_file(file, words, indices)
    if names:
        known = sorted(index for index in indices if index < len(names))
        numbers = {str(index): place for place, index in enumerate(known)}
        return ClassList(tuple(names[index] for index in known), numbers)
    if words:
        ordered = sorted(words)
        return ClassList(tuple(ordered), {word: place for place, word in enumerate(ordered)})
    as_text = [str(index) for index in sorted(indices)]
    return ClassList(tuple(as_text), {word: place for place, word in enumerate(as_text)})


def class_in_data(label: Label, classes: ClassList) -> int:
    """The class index of a label; -1 for none, the number of classes for an unknown one.

    classes : of `classes_in_data`
    """
    if label is None or label == -1:
        return -1
    return classes.index_of.get(str(label), len(classes.names))


def _of_file(file: str, words: set[str], indices: set[int]) -> ClassList:
    listed = read_classes(file, None)
    asked = words | {str(index) for index in indices}
    found = {word: listed.index_of[word] for word in asked if word in listed.index_of}
    in_file = set(listed.index_of.values())
    found |= {str(i): i for i in indices if str(i) not in found and i in in_file}
    if not found:
        shown = ", ".join(repr(word) for word in sorted(asked)[:5])
        raise AuditError(
            f"classes file {file} knows none of the dataset's labels ({shown}); expected its "
            "column folder (or name, or class_idx) to hold them"
        )
    used = sorted(set(found.values()))
    places = {index: place for place, index in enumerate(used)}
    index_of = {word: places[index] for word, index in found.items()}
    return ClassList(tuple(listed.names[index] for index in used), index_of)
