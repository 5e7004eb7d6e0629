"""Questions whose answers follow from the manifest alone."""

import numpy as np
import numpy.typing as npt

from tasks.questions.question import NO, YES, YES_OR_NO, Question
from tasks.questions.subjects import Subject
from tasks.questions.wordings import asked_wordings, open_wordings

Ids = npt.NDArray[np.int64]


def generate_questions(
    subjects: list[Subject], image_id: Ids, held_out: npt.NDArray[np.bool_], seed: int
) -> list[Question]:
    """For every subject: of each image one question for its value, and balanced pairs
    (Goyal et al., arXiv:1612.00837): one question for yes or no, word for word the same, about two
    images of one side of the split, of which one has the value asked for and the other has not.
    Whoever reads the question alone is right on half of these.

    image_id, held_out : shape (N,), in the order of the subjects' values

    Returns: questions, images of the training side first.
    """
    generator = np.random.default_rng(seed)
    questions: list[Question] = []
    for side in (False, True):
        for subject in subjects:
            known = np.array([value is not None for value in subject.values])
            places = np.flatnonzero(known & (held_out == side))
            questions += _open(subject, image_id, places, generator)
            questions += _pairs(subject, image_id, places, generator)
    return questions


def _open(
    subject: Subject, image_id: Ids, places: Ids, generator: np.random.Generator
) -> list[Question]:
    wordings = open_wordings(subject.name)
    chosen = generator.integers(len(wordings), size=len(places))
    return [
        Question(int(image_id[i]), subject.name, wordings[wording], str(subject.values[i]))
        for i, wording in zip(places, chosen, strict=True)
    ]


def _pairs(
    subject: Subject, image_id: Ids, places: Ids, generator: np.random.Generator
) -> list[Question]:
    kind = subject.name + YES_OR_NO
    questions = []
    for one, other in different_pairs(subject.values, places, generator):
        wordings = asked_wordings(subject.name, str(subject.values[one]))
        text = wordings[generator.integers(len(wordings))]
        questions.append(Question(int(image_id[one]), kind, text, YES))
        questions.append(Question(int(image_id[other]), kind, text, NO))
    return questions


def different_pairs(
    values: npt.NDArray[np.object_], places: Ids, generator: np.random.Generator
) -> list[tuple[int, int]]:
    """Random pairs of different values, each place in at most one, until no two of the places
    that are left differ."""
    pairs: list[tuple[int, int]] = []
    left = places
    while len(set(values[left])) > 1:
        left = generator.permutation(left)
        half = len(left) // 2
        first, second, rest = left[:half], left[half : 2 * half], left[2 * half :]
        differ = values[first] != values[second]
        pairs += zip(first[differ].tolist(), second[differ].tolist(), strict=True)
        left = np.concatenate([first[~differ], second[~differ], rest])
    return pairs
