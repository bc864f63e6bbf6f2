"""Put the program into one file that Python runs: `python3 packaging/zipapp.py MODULES OUTPUT.pyz`.

MODULES is a directory that packaging/modules made. It is for machines without the packages: nothing verifies it but its
checksum, and it is compiled anew at every start. The same modules make the same bytes.
"""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path

START = Path(__file__).parent / "zipapp" / "__main__.py"
SHEBANG = b"#!/usr/bin/python3 -I\n"
"""-I keeps PYTHON* variables and the user's own modules out of it."""
EARLIEST = (1980, 1, 1, 0, 0, 0)
"""The earliest time that an entry can have."""


def archive(modules: Path) -> bytes:
    """The file's content: a zip archive behind the line that names its interpreter."""
    files = {"__main__.py": START}
    files |= {path.relative_to(modules).as_posix(): path for path in sorted(modules.rglob("*")) if path.is_file()}
    plain = io.BytesIO()
    with zipfile.ZipFile(plain, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for name, path in files.items():
            entry = zipfile.ZipInfo(name, EARLIEST)
            entry.external_attr, entry.compress_type = 0o644 << 16, zipfile.ZIP_DEFLATED
            packed.writestr(entry, path.read_bytes())
    return SHEBANG + plain.getvalue()


def main(modules: str, output: str) -> None:
    """Write the file, which can be run."""
    made = Path(output)
    made.write_bytes(archive(Path(modules)))
    made.chmod(0o755)


if __name__ == "__main__":
    main(*sys.argv[1:])
