"""What is tried over SSH, by what a real shell prints, and the disc that names the operator."""

from __future__ import annotations

import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

from azpreflight.rehearse import login
from azpreflight.rehearse.disc import DESCRIPTORS, SECTOR, Operator, ovf_env, without_iso9660
from azpreflight.rehearse.facts import Login

OPERATOR = Operator("newvm", "newuser", "Re-<&>'1", "ssh-ed25519 AAAA a&b", "#!/bin/sh\n# azpreflight-rehearsal\n")
SUDO = '#!/bin/sh\n[ "$1" = -n ] && shift\nexec "$@"\n'


def shell(script: str, tools: Path) -> str:
    """What the script prints with these programs before those of the system."""
    environment = {"PATH": f"{tools}:/usr/bin:/bin"}
    done = subprocess.run(["sh"], input=script, capture_output=True, text=True, env=environment, timeout=30, check=True)
    return done.stdout


def test_the_script_says_who_and_where_it_is(tmp_path: Path) -> None:
    """On this machine, with a sudo that lets it: host name, root, and no trace of custom data or an extension."""
    (tmp_path / "sudo").write_text(SUDO)
    (tmp_path / "sudo").chmod(0o755)
    found = login.read(Login(banner_s=3.0), shell(login.script("a'b"), tmp_path))
    assert found.key is True
    assert found.host_name
    assert found.custom_data in (None, False)
    assert found.extension is None
    assert found.root_mib is not None and found.free_mib is not None
    assert found.root_mib > found.free_mib > 0


def test_what_breaks_off_is_no_login(tmp_path: Path) -> None:
    """A script that did not come to its end says nothing."""
    before = Login(banner_s=3.0, key=False)
    assert login.read(before, "@@host newvm\n@@sudo yes\n") == before
    assert login.read(before, "@@sudo yes\n@@end .\n").custom_data is False
    assert login.read(before, "@@disk df: no\n@@end .\n").root_mib is None


def test_why_a_client_failed() -> None:
    """Its reason, and nothing that a server may have added."""
    said = "Warning: Permanently added '10.0.0.4'.\nnewuser@10.0.0.4: Permission denied (publickey).\n"
    assert login.reason(f"hunter2\n{said}") == "Permission denied (publickey)"
    assert login.reason("hunter2") == ""


def test_the_document_says_what_the_operator_asked_for() -> None:
    """Whatever characters are in it."""
    root = ET.fromstring(ovf_env(OPERATOR))
    texts = {element.tag.partition("}")[2]: element.text for element in root.iter()}
    assert (texts["HostName"], texts["UserName"]) == ("newvm", "newuser")
    assert texts["UserPassword"] == OPERATOR.password
    assert (texts["Value"] or "").strip() == OPERATOR.public_key


def test_a_disc_loses_the_descriptors_of_iso_9660() -> None:
    """Those of UDF stay, and the disc keeps its length."""
    words = [b"\x01CD001", b"\xffCD001", b"\x00BEA01", b"\x00NSR02", b"\x00TEA01"]
    image = bytes(DESCRIPTORS) + b"".join(word.ljust(SECTOR, b"\0") for word in words) + b"rest"
    kept = without_iso9660(image)
    assert len(kept) == len(image)
    assert kept[DESCRIPTORS + 1 : DESCRIPTORS + 6] == b"BEA01"
    assert b"CD001" not in kept
    assert kept.endswith(b"rest")
