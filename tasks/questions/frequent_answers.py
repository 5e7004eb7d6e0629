"""The answer that was most often right, a baseline without any learning."""

from collections import Counter

from tasks.questions.question import Question


class FrequentAnswers:
    """Answers with what the same question was answered most often, word for word; a new one with
    the most frequent answer of its kind, or else of all. Ties go to the first in the alphabet.

    known : questions with right answers, at least one
    """

    def __init__(self, known: list[Question]) -> None:
        self._by_text: dict[str, Counter[str]] = {}
        self._by_kind: dict[str, Counter[str]] = {}
        for question in known:
            self._by_text.setdefault(question.text, Counter()).update([question.answer])
            self._by_kind.setdefault(question.kind, Counter()).update([question.answer])
        self._all = Counter(question.answer for question in known)

    def answer(self, question: Question) -> str:
        counts = self._by_text.get(question.text) or self._by_kind.get(question.kind) or self._all
        return min(counts, key=lambda answer: (-counts[answer], answer))
