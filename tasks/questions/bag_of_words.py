"""How often each known word stands in a question."""

import numpy as np
import numpy.typing as npt
from sklearn.feature_extraction.text import CountVectorizer

from tasks.errors import AuditError

_WORD = r"(?u)\b\w+\b"  # scikit-learn's own, but with words of one letter


class BagOfWords:
    """Counts the words of the questions that it was made from, in lower case.

    Raises: AuditError where no question holds a word.
    """

    def __init__(self, texts: list[str]) -> None:
        self._counter = CountVectorizer(token_pattern=_WORD, dtype=np.float64)
        self._split = self._counter.build_analyzer()
        try:
            self._counter.fit(texts)
        except ValueError as error:
            raise AuditError(
                "no question holds a word: expected letters or digits in their text"
            ) from error
        self.words: tuple[str, ...] = tuple(self._counter.get_feature_names_out())

    def counts(self, texts: list[str]) -> npt.NDArray[np.float64]:
        """float64, shape (questions, words); other words count nowhere."""
        return self._counter.transform(texts).toarray()

    def split(self, text: str) -> list[str]:
        """The words of a text in their order, each once."""
        return list(dict.fromkeys(self._split(text)))

    def unknown(self, text: str) -> list[str]:
        """Words of a text that no question held."""
        return [word for word in self.split(text) if word not in self._counter.vocabulary_]
