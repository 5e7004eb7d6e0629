"""The tables that `camaudit vqa` writes beside its page."""

import pyarrow as pa

VQA_QUESTIONS = pa.schema(
    {
        "image_id": pa.int64(),
        "uri": pa.string(),
        "split": pa.string(),  # train, held_out
        "kind": pa.string(),
        "question": pa.string(),
        "answer": pa.string(),  # the right one
        "predicted": pa.string(),
        "probability": pa.float64(),  # of the predicted answer
        "logit": pa.float64(),  # of the predicted answer
        "correct": pa.bool_(),
        "from_words": pa.string(),  # the answer of the model that reads the question alone
        "from_image": pa.string(),  # and of the one that sees the image alone
        "most_frequent": pa.string(),  # answer to this question among the training questions
    }
)

VQA_WEIGHTS = pa.schema(
    {
        "answer": pa.string(),
        "bias": pa.float64(),
        "word": pa.list_(pa.float64()),  # in the order of `words` in vqa.json
        "image": pa.list_(pa.float64()),  # of the units' pooled activations as they are
    }
)

VQA_MAPS = pa.schema(
    {
        "image_id": pa.int64(),
        "kind": pa.string(),
        "question": pa.string(),
        "predicted": pa.string(),
        "words": pa.float64(),  # their contribution to the logit
        "image": pa.float64(),  # its contribution: the sum of the map
        "bias": pa.float64(),
        "rows": pa.int32(),
        "cols": pa.int32(),
        "map": pa.list_(pa.float32()),  # row by row
        "object_area": pa.float32(),  # object's share of the model's view; null: no object
        "object_energy": pa.float32(),  # of the map's positive part; null: no object or no such
    }
)
