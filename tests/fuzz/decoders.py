"""python -m tests.fuzz.decoders --seconds N: changed images that reach more and more of the
decoders' code (atheris, which is libFuzzer for Python).

Another status than 0 where one did what it must not; that file is kept, and its path printed last.
"""

import argparse
import resource
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["tasks.images"]):
    from tests.fuzz.data import IMAGES, check_image, image_files

_LONGEST = 4096  # bytes
_MEMORY = 2048  # MiB that the decoders may take


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=120)
    parser.add_argument("--runs", type=int, default=-1, help="files at most")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))  # libFuzzer ends the process: nothing after it
    corpus = folder / "corpus"
    corpus.mkdir()
    for kind in IMAGES:
        for number, content in enumerate(image_files(kind)):
            (corpus / f"{kind}-{number}").write_bytes(content)

    def check(content: bytes) -> None:
        check_image(content, folder)

    flags = [f"-max_total_time={given.seconds}", f"-runs={given.runs}", f"-seed={given.seed}"]
    # libjpeg writes a line on each of its thousands of warnings.
    flags += [f"-max_len={_LONGEST}", f"-artifact_prefix={folder}/", "-close_fd_mask=2"]
    # The highest mark so far is the parent's where that is higher: Linux keeps it across exec.
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    flags.append(f"-rss_limit_mb={before + _MEMORY}")
    atheris.Setup([sys.argv[0], *flags, str(corpus)], check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
