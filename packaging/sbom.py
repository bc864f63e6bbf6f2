"""What a release consists of, as an SPDX 2.3 document: `python3 packaging/sbom.py FILE... >NAME.spdx.json`.

Its files with their checksums, all made from this tree, and the libraries that it needs and does not contain. The same
files and SOURCE_DATE_EPOCH give the same document.
"""

from __future__ import annotations

import configparser
import hashlib
import json
import os
import re
import sys
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

TREE = Path(__file__).parents[1]
PROGRAM = "SPDXRef-azpreflight"
LICENSES = {
    "dnspython": "ISC",
    "requests": "Apache-2.0",
    "psutil": "BSD-3-Clause",
    "PyYAML": "MIT",
    "python-iptables": "Apache-2.0",
    "cryptography": "Apache-2.0 OR BSD-3-Clause",
}
"""Of each library, as it declares it itself."""
SUPPLIERS = {
    "dnspython": "Organization: Dnspython Contributors",
    "requests": "Organization: Python Software Foundation",
    "psutil": "Person: Giampaolo Rodola",
    "PyYAML": "Organization: The YAML Project",
    "python-iptables": "Person: Vilmos Nebehaj",
    "cryptography": "Organization: The Python Cryptographic Authority",
}
"""Who makes each library, by its own metadata; a distribution that ships it supplies it in turn."""
PURPOSES = {".gz": "SOURCE", ".whl": "INSTALL", ".deb": "INSTALL", ".rpm": "INSTALL", ".pyz": "APPLICATION"}


def document(files: Sequence[Path], released: float) -> dict[str, Any]:
    """The document on these files, released at that time (seconds since 1970)."""
    version = re.findall(r'__version__ = "(.*)"', (TREE / "agent/azpreflight/__init__.py").read_text())[0]
    maintainer, address = re.findall(r"(?m)^Maintainer: (.*) <(.*)>$", (TREE / "packaging/debian/control").read_text())[
        0
    ]
    supplier = f"Organization: {maintainer} ({address})"
    setup = configparser.ConfigParser()
    setup.read(TREE / "setup.cfg")
    needed = [library(line) for line in setup["options"]["install_requires"].split()]
    extras = setup["options.extras_require"]
    lines = [line for extra in ("iptables", "rehearse") for line in extras[extra].splitlines()]
    optional = [library(line) for line in lines if line and not line.startswith("#")]
    artefacts = [artefact(path, version, supplier) for path in files]
    program = {
        **package("azpreflight", PROGRAM, "Apache-2.0"),
        "versionInfo": version,
        "supplier": supplier,
        "copyrightText": "2026 The azpreflight contributors",
        "primaryPackagePurpose": "APPLICATION",
    }
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"azpreflight-{version}",
        "documentNamespace": uuid.uuid5(uuid.NAMESPACE_OID, json.dumps(artefacts)).urn,
        "creationInfo": {
            "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(released)),
            "creators": [supplier, f"Tool: azpreflight-sbom-{version}"],
        },
        "packages": [program, *artefacts, *needed, *optional],
        "relationships": [
            relationship("SPDXRef-DOCUMENT", "DESCRIBES", PROGRAM),
            *(relationship("SPDXRef-DOCUMENT", "DESCRIBES", one["SPDXID"]) for one in artefacts),
            *(relationship(one["SPDXID"], "GENERATED_FROM", PROGRAM) for one in artefacts),
            *(relationship(PROGRAM, "DEPENDS_ON", one["SPDXID"]) for one in needed),
            *(relationship(one["SPDXID"], "OPTIONAL_DEPENDENCY_OF", PROGRAM) for one in optional),
        ],
    }


def package(name: str, identifier: str, license: str) -> dict[str, Any]:
    """What is said of every package."""
    return {
        "name": name,
        "SPDXID": identifier,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "licenseConcluded": license,
        "licenseDeclared": license,
        "copyrightText": "NOASSERTION",
    }


def artefact(path: Path, version: str, supplier: str) -> dict[str, Any]:
    """One file of the release."""
    return {
        **package(path.name, f"SPDXRef-file-{re.sub('[^A-Za-z0-9.]', '-', path.name)}", "Apache-2.0"),
        "versionInfo": version,
        "supplier": supplier,
        "packageFileName": path.name,
        "checksums": [{"algorithm": "SHA256", "checksumValue": hashlib.sha256(path.read_bytes()).hexdigest()}],
        "primaryPackagePurpose": PURPOSES[path.suffix],
    }


def library(requirement: str) -> dict[str, Any]:
    """A library that is needed, of a line such as "dnspython>=2.0"; it comes from the distribution or from pip."""
    name, _, oldest = requirement.partition(">=")
    return {
        **package(name, f"SPDXRef-library-{name}", LICENSES[name]),
        "versionInfo": f">={oldest}",
        "supplier": SUPPLIERS[name],
        "comment": "the oldest version that is supported; not contained",
        "primaryPackagePurpose": "LIBRARY",
        "externalRefs": [
            {
                "referenceCategory": "PACKAGE-MANAGER",
                "referenceType": "purl",
                "referenceLocator": f"pkg:pypi/{name.lower()}",
            }
        ],
    }


def relationship(one: str, kind: str, other: str) -> dict[str, str]:
    """One sentence: subject, verb, object."""
    return {"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}


if __name__ == "__main__":
    made = document([Path(name) for name in sys.argv[1:]], float(os.environ["SOURCE_DATE_EPOCH"]))
    json.dump(made, sys.stdout, indent=2)
    sys.stdout.write("\n")
