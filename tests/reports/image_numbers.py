"""The table `images` of a made-up run."""

import pyarrow.compute as pc

from tasks.merge.images import image_rows
from tasks.tables.background_schemas import BACKGROUND
from tasks.tables.storage import RunFolder
from tasks.tables.whole_files import write_table


def write_images(run: RunFolder) -> None:
    """From the tables of shards that are there, whose rows are not shared out alike."""
    predictions = run.dataset("predictions").to_table().sort_by("image_id")
    shown = pc.field("method") == run.first_method()
    maps = run.dataset("heatmaps").to_table(filter=shown)
    scored = run.is_written("background")
    scores = run.dataset("background").to_table() if scored else BACKGROUND.empty_table()
    rows = image_rows(predictions, maps, scores, run.dataset("manifest").to_table())
    write_table(run.table_file("images"), rows)
