"""Put the program into one archive, which Python imports as it is: `python3 packaging/archive.py OUTPUT.zip`.

Deflated sources and pages are a third of what they are as files. The same tree and SOURCE_DATE_EPOCH give the same
bytes: names are in order, and times and modes are fixed.
"""

import os
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

TREE = Path(__file__).parents[1] / "agent"
EARLIEST = 315532800
"""1980-01-01, before which the format knows no time."""
MODE = 0o100644 << 16
UNUSED = ("__pycache__", "py.typed")
"""What only those who import the package as a library have a use for."""


def files() -> "Iterator[Path]":
    """The program's files in order, also those behind links: the pages are links to docs/ in the source tree."""
    for folder, folders, names in os.walk(TREE / "azpreflight", followlinks=True):
        folders[:] = sorted(set(folders) - set(UNUSED))
        yield from (Path(folder, name) for name in sorted(set(names) - set(UNUSED)))


def main(output: str) -> None:
    """Write the archive."""
    moment = time.gmtime(max(EARLIEST, int(os.environ.get("SOURCE_DATE_EPOCH", EARLIEST))))
    with zipfile.ZipFile(output, "w") as archive:
        for path in files():
            entry = zipfile.ZipInfo(path.relative_to(TREE).as_posix(), moment[:6])
            entry.external_attr = MODE
            archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED, 9)


if __name__ == "__main__":
    main(sys.argv[1])
