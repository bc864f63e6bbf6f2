"""Put the program into one archive, which Python imports as it is: `python3 packaging/archive.py OUTPUT.zip`.

Deflated sources and pages are a third of what they are as files, and pages together less than one by one
(`azpreflight.package` reads them). The same tree and SOURCE_DATE_EPOCH give the same bytes: names are in order, and
times and modes are fixed.
"""

import json
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
    """The program's files in order."""
    for folder, folders, names in os.walk(TREE / "azpreflight"):
        folders[:] = sorted(set(folders) - set(UNUSED))
        yield from (Path(folder, name) for name in sorted(set(names) - set(UNUSED)))


def contents() -> "Iterator[tuple[str, bytes]]":
    """What the archive has: the files, and each folder of pages as one. In the source tree they are links to docs/."""
    for path in files():
        yield path.relative_to(TREE).as_posix(), path.read_bytes()
    for folder in sorted(path for path in (TREE / "azpreflight" / "data").iterdir() if path.is_dir()):
        pages = {page.name: page.read_text(encoding="ascii") for page in sorted(folder.iterdir())}
        yield f"{folder.relative_to(TREE).as_posix()}.json", json.dumps(pages).encode()


def main(output: str) -> None:
    """Write the archive."""
    moment = time.gmtime(max(EARLIEST, int(os.environ.get("SOURCE_DATE_EPOCH", EARLIEST))))
    with zipfile.ZipFile(output, "w") as archive:
        for name, content in contents():
            entry = zipfile.ZipInfo(name, moment[:6])
            entry.external_attr = MODE
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED, 9)


if __name__ == "__main__":
    main(sys.argv[1])
