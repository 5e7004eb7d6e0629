"""The stages of an audit, each on one shard or on merged tables. They read and write Parquet."""

import os

# A small file may decode to gigabytes. OpenCV reads its limit, in pixels, when it is imported.
MOST_PIXELS = 2**28
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(MOST_PIXELS))
