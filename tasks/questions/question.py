"""A question about one image, and the words in it."""

from dataclasses import dataclass

YES, NO = "yes", "no"
YES_OR_NO = ": yes or no"


@dataclass(frozen=True)
class Question:
    """kind : what it is about: 'label' or a tag, with ': yes or no' where that is the answer
    answer : the right one
    """

    image_id: int
    kind: str
    text: str
    answer: str
