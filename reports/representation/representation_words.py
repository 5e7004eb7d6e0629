"""What views and classifiers are called."""

VIEW_WORDS = {
    "full": "Whole image",
    "map_box": "Cropped by the map",
    "true_box": "Cropped by the true box",
}

LIMITS = (
    (
        "The head has seen more",
        "The model's head was trained on its own dataset, the others on the images audited here, "
        "four of five at a time. Where the two datasets differ, so do the tasks.",
    ),
    (
        "These classes alone",
        "Among few classes a head is right more often than among all of its own. Compare the "
        "linear classifiers with the head of the same classes.",
    ),
    (
        "Few images",
        "An interval that holds zero says that this many images cannot tell the two apart, not "
        "that they are equal. Intervals and tests are not corrected for their number.",
    ),
    (
        "The crop",
        "A crop shows the object larger and its surroundings less. What is gained may be detail "
        "that was too small, what is lost may be context that helped, rightly or wrongly.",
    ),
    (
        "The map's box",
        "It is cut around the predicted class's map at 20 % of its maximum, so a wrong prediction "
        "can lead to the wrong place. Maps are coarse: the box is never finer than their cells.",
    ),
)


def classifier_words(classifier: str, known: int, all_classes: int) -> str:
    """A classifier in a table.

    known, all_classes : classes of the labels, and of the model
    """
    return {
        "head": f"Model's head, all {all_classes:,} classes",
        "head_known": f"Model's head, these {known:,} classes",
        "linear_svm": "Linear SVM on the features",
        "logistic": "Logistic regression on the features",
    }[classifier]
