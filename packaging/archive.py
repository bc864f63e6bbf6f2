"""Put the program into one archive: `python3 packaging/archive.py OUTPUT.tar.gz`.

Sources and pages deflate together to a quarter of what they are as files, and one by one only to a third. The same
tree and SOURCE_DATE_EPOCH give the same bytes: names are in order, and times, owners and modes are fixed.
"""

import gzip
import io
import os
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

TREE = Path(__file__).parents[1] / "agent"
UNUSED = ("__pycache__", "py.typed")
"""What only those who import the package as a library have a use for."""


def files() -> "Iterator[Path]":
    """The program's files in order, also those behind links: the pages are links to docs/ in the source tree."""
    for folder, folders, names in os.walk(TREE / "azpreflight", followlinks=True):
        folders[:] = sorted(set(folders) - set(UNUSED))
        yield from (Path(folder, name) for name in sorted(set(names) - set(UNUSED)))


def main(output: str) -> None:
    """Write the archive."""
    moment = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path in files():
            content = path.read_bytes()
            entry = tarfile.TarInfo(path.relative_to(TREE).as_posix())
            entry.size, entry.mtime = len(content), moment
            archive.addfile(entry, io.BytesIO(content))
    Path(output).write_bytes(gzip.compress(plain.getvalue(), 9, mtime=moment))


if __name__ == "__main__":
    main(sys.argv[1])
