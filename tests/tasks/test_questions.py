"""Questions made from a hand-made manifest, and questions of a user's own."""

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.errors import AuditError
from tasks.questions.bag_of_words import BagOfWords
from tasks.questions.frequent_answers import FrequentAnswers
from tasks.questions.generation import different_pairs, generate_questions
from tasks.questions.question import Question
from tasks.questions.question_file import read_questions
from tasks.questions.subjects import find_subjects

NAMES = ["ant", "bee", "cat"]
# image_id: label, place, light. Image 15 has no label, image 16 no place.
PLACES = ["sea", "wood", "sea", "sea"]
ROWS = [
    (10 + i, -1 if i == 5 else i % 3, None if i == 6 else PLACES[i % 4], "day") for i in range(24)
]


def manifest(rows: list[tuple[int, int, str | None, str]] = ROWS) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "image_id": [row[0] for row in rows],
            "uri": [f"/pictures/{row[0]}.png" for row in rows],
            "label": [row[1] for row in rows],
            "tags": [
                [(k, v) for k, v in (("place", row[2]), ("light", row[3])) if v is not None]
                for row in rows
            ],
        }
    )


def made(seed: int = 0) -> tuple[list[Question], set[int]]:
    """Questions, and the images held out: two of five."""
    subjects, _ = find_subjects(manifest(), NAMES)
    ids = np.array([row[0] for row in ROWS])
    held = np.arange(len(ids)) % 5 < 2
    return generate_questions(subjects, ids, held, seed), set(ids[held].tolist())


def test_what_can_be_asked() -> None:
    subjects, left_out = find_subjects(manifest(), NAMES)
    assert [subject.name for subject in subjects] == ["label", "place"]
    assert left_out == {"light": "one value"}
    assert list(subjects[0].values[4:7]) == ["bee", None, "ant"]
    assert list(subjects[1].values[4:7]) == ["sea", "wood", None]


def test_a_tag_of_many_values_or_none_is_not_asked_about() -> None:
    rows = [(i, -1, f"at {i}", "day") for i in range(51)]
    assert find_subjects(manifest(rows), NAMES) == (
        [], {"label": "no values", "light": "one value", "place": "51 values, more than 50"},
    )  # fmt: skip
    subjects, _ = find_subjects(manifest(rows[:50]), NAMES)
    assert [subject.name for subject in subjects] == ["place"]


def test_open_questions_have_the_manifests_answers() -> None:
    questions, _ = made()
    truth = {row[0]: row for row in ROWS}
    for kind, column in (("label", 1), ("place", 2)):
        of_kind = [question for question in questions if question.kind == kind]
        known = [row[0] for row in ROWS if row[column] not in (None, -1)]
        assert sorted(question.image_id for question in of_kind) == known
        for question in of_kind:
            value = truth[question.image_id][column]
            assert question.answer == (NAMES[value] if kind == "label" else value)
        assert len({question.text for question in of_kind}) == 4
    assert all(("place" in q.text.split() or "place?" in q.text.split()) == (q.kind == "place")
               for q in questions if q.kind in ("label", "place"))  # fmt: skip


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_yes_and_no_in_pairs_that_the_words_cannot_tell_apart(seed: int) -> None:
    questions, held = made(seed)
    truth = {row[0]: row for row in ROWS}
    for kind, column, names in (("label", 1, NAMES), ("place", 2, ["sea", "wood"])):
        for side in (True, False):
            asked = [q for q in questions if q.kind == f"{kind}: yes or no"
                     and (q.image_id in held) == side]  # fmt: skip
            assert asked
            by_text: dict[str, Counter[str]] = {}
            for question in asked:
                by_text.setdefault(question.text, Counter())[question.answer] += 1
                words = question.text.rstrip("?").split()
                (value,) = [name for name in names if name in words]
                own = truth[question.image_id][column]
                own = NAMES[own] if kind == "label" else own
                assert question.answer == ("yes" if own == value else "no")
            assert all(counts["yes"] == counts["no"] for counts in by_text.values())
            images = [question.image_id for question in asked]
            assert len(images) == len(set(images))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from("abc"), min_size=0, max_size=30), st.integers(0, 99))
def test_pairs_go_on_until_nothing_differs(values: list[str], seed: int) -> None:
    array = np.array(values, dtype=object)
    places = np.arange(len(values))
    pairs = different_pairs(array, places, np.random.default_rng(seed))
    flat = [place for pair in pairs for place in pair]
    assert len(flat) == len(set(flat))
    assert all(values[one] != values[other] for one, other in pairs)
    assert len({values[place] for place in set(places.tolist()) - set(flat)}) <= 1


def test_the_seed_decides_the_questions() -> None:
    assert made(3) == made(3)
    assert made(3) != made(4)


def test_words_are_counted_in_lower_case() -> None:
    bag = BagOfWords(["What is THIS?", "is this a tench, Tinca tinca?"])
    assert bag.words == ("a", "is", "tench", "this", "tinca", "what")
    assert bag.counts(["Is it a tinca tinca?", ""]).tolist() == [[1, 1, 0, 0, 2, 0], [0] * 6]
    assert bag.unknown("Where is this thing, this?") == ["where", "thing"]


def test_no_words_at_all() -> None:
    with pytest.raises(AuditError, match="no question holds a word"):
        BagOfWords(["?", "!!"])


def test_the_most_frequent_answer() -> None:
    texts = [("k", "a b", "x"), ("k", "a b", "y"), ("k", "a b", "y"), ("k", "c", "x"),
             ("k", "c", "w"), ("l", "d", "z"), ("k", "e", "x")]  # fmt: skip
    frequent = FrequentAnswers([Question(0, *each) for each in texts])

    def answer(kind: str, text: str) -> str:
        return frequent.answer(Question(1, kind, text, ""))

    assert answer("k", "a b") == "y"
    assert answer("k", "c") == "w"  # a tie: the first in the alphabet
    assert answer("l", "new") == "z"
    assert answer("new", "new") == "x"


def test_questions_of_a_users_own(tmp_path: Path) -> None:
    file = tmp_path / "own.csv"
    file.write_text(
        'image_id, question, answer, kind\n12,is it wet?,yes,water\n11,"dry, or wet?",dry,\n'
    )
    assert read_questions(file, manifest()) == [
        Question(12, "water", "is it wet?", "yes"), Question(11, "given", "dry, or wet?", "dry"),
    ]  # fmt: skip
    file.write_text("\ufeffuri,question,answer\n13.png,what,a\n/pictures/12.png,what,b\n")
    assert [question.image_id for question in read_questions(file, manifest())] == [13, 12]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no column 'uri'; expected question, answer, and uri or image_id, got an empty file"),
        ("image_id,question\n10,what\n", "no column 'answer'"),
        ("image_id,question,answer\n", "holds no questions"),
        ("image_id,question,answer\n10,what,a\n11,,b\n", "line 3: question is empty"),
        ("image_id,question,answer\n10,what\n", "line 2: answer is empty"),
        ("image_id,question,answer\n99,what,a\n", "1 of 1 entries are no image_id"),
        ("uri,question,answer\nx.png,what,a\n", "1 of 1 entries are no uri"),
    ],
)
def test_files_that_cannot_be_asked_from(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "own.csv"
    file.write_text(text)
    with pytest.raises(AuditError, match=words):
        read_questions(file, manifest())


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(AuditError, match="cannot be read as a CSV"):
        read_questions(tmp_path / "own.csv", manifest())
    with pytest.raises(AuditError, match="cannot be read as a CSV"):
        read_questions(tmp_path / "none.csv", manifest())
