"""Coverage-guided fuzzing of the readers of front matter, datelines and JSON lines.

    .venv/bin/pip install atheris
    .venv/bin/python benchmarks/fuzz_readers.py [SECONDS]   (default 120)

Any bytes are a release or a clear refusal: another exception, or a span outside its text, ends the run with
the input that did it. Seeds are the releases of corpus/ and of the tests.
"""

import io
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["qa_service.readers"]):
    from qa_service.readers.formats import ReadingOptions, read_stream
    from qa_service.types import LeftOut

ROOT = Path(__file__).parent.parent
NAMES = ("a.txt", "a.md", "a.jsonl")
LONGEST = 4096


def read_any(data: bytes) -> None:
    """One input through each reader; the first byte says which."""
    if not data:
        return
    name = NAMES[data[0] % len(NAMES)]
    for one in read_stream(name, io.BytesIO(data[1:]), ReadingOptions(), {}):
        if isinstance(one, LeftOut):
            assert one.reason
            continue
        release = one.release
        assert 0 <= release.body_start <= release.body_end <= len(release.text)
        assert 0 <= release.dateline_start <= release.dateline_end <= len(release.text)
        release.text.encode()


def seeds(folder: Path) -> None:
    """One file for each release, behind the byte that says which reader it is for."""
    for corpus in (ROOT / "corpus", ROOT / "tests" / "data" / "corpus"):
        for path in corpus.rglob("*"):
            kinds = [NAMES.index(name) for name in NAMES if path.name.endswith(name[1:])]
            for kind in kinds:
                (folder / path.name).write_bytes(bytes([kind]) + path.read_bytes()[:LONGEST])


def main() -> None:
    """Run for so many seconds."""
    seconds = sys.argv[1] if len(sys.argv) > 1 else "120"
    with tempfile.TemporaryDirectory() as folder:
        seeds(Path(folder))
        options = [f"-max_total_time={seconds}", f"-max_len={LONGEST}", "-print_final_stats=1"]
        atheris.Setup([sys.argv[0], folder, *options], read_any)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
