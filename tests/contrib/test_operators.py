"""Files for those who run VMs: each read by its reader's own parser, and run where that is here."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import hcl2
import pytest
import yaml
from dockerfile_parse import DockerfileParser

from azpreflight.cli import parser
from azpreflight.sinks import journal
from tests.agents.debian import PACKAGES
from tests.support.needs import need_programs
from tests.support.scratchroot import overlay, run_inside, tree_for_test

SOURCE = Path(__file__).parents[2]
CONTRIB = SOURCE / "packaging" / "contrib"
ANSIBLE = CONTRIB / "ansible"
RUN_COMMAND = CONTRIB / "run-command" / "azpreflight.sh"
PROGRAM = Path(sys.executable).with_name("azpreflight")
RUN_COMMAND_LIMIT = 4096
"""Bytes that `az vm run-command` returns (Microsoft Learn, "Run scripts in your Linux VM")."""


# --- Ansible ------------------------------------------------------------------------------------------------------


def play(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """The playbook on this machine, with an image that is mounted."""
    given = {
        "azpreflight_command": str(PROGRAM),
        "ansible_python_interpreter": sys.executable,
        "ansible_become": "false",
        "azpreflight_stage": "capture",
        "azpreflight_report": str(folder / "report.json"),
        **variables,
    }
    command: list[str | Path] = [
        Path(sys.executable).with_name("ansible-playbook"),
        "--inventory",
        "localhost,",
        "--connection",
        "local",
    ]
    command += ["--extra-vars", json.dumps(given), ANSIBLE / "playbook.yml"]
    environment = {**os.environ, "HOME": str(folder), "ANSIBLE_NOCOLOR": "1", "ANSIBLE_DEPRECATION_WARNINGS": "0"}
    return subprocess.run(
        command, check=False, capture_output=True, text=True, cwd=folder, env=environment, timeout=300
    )


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A mounted image that is nearly empty."""
    (tmp_path / "image" / "etc").mkdir(parents=True)
    (tmp_path / "image" / "etc" / "os-release").write_text("ID=debian\nVERSION_ID=12\n")
    return tmp_path / "image"


def test_the_role_fails_and_names_the_causes(image: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    done = play(tmp_path, azpreflight_root=str(image), azpreflight_report=str(report))
    assert done.returncode == 2, done.stdout + done.stderr
    causes = [entry["cause"] for entry in json.loads(report.read_text())["causes"]]
    assert "no-provisioning-agent" in causes
    assert f"not-ready: {', '.join(causes)}" in done.stdout + done.stderr


def test_the_role_passes_where_nothing_is_found(image: Path, tmp_path: Path) -> None:
    """An image at which nothing is asked: all that it lacks is waived."""
    config = tmp_path / "azpreflight"
    config.write_text(f'#!/bin/sh\nexec "{PROGRAM}" "$@" --only gen-machine-id\n')
    config.chmod(0o755)
    done = play(tmp_path, azpreflight_root=str(image), azpreflight_command=str(config))
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_role_fails_where_azpreflight_does(image: Path, tmp_path: Path) -> None:
    done = play(tmp_path, azpreflight_root=str(image / "missing"))
    assert done.returncode == 2 and "no such directory" in done.stdout + done.stderr


# --- Run Command --------------------------------------------------------------------------------------------------


def run_command(folder: Path, program: str) -> subprocess.CompletedProcess[bytes]:
    """The script on a machine that has this program."""
    programs = folder / "programs"
    programs.mkdir()
    (programs / "azpreflight").write_text(f"#!/bin/sh\n{program}\n")
    (programs / "azpreflight").chmod(0o755)
    environment = {"PATH": f"{programs}:{os.environ['PATH']}"}
    command: list[str | Path] = ["sh", RUN_COMMAND, "capture", folder / "report.json"]
    return subprocess.run(command, check=False, capture_output=True, env=environment, timeout=120)


def test_a_long_report_begins_with_what_matters_and_fits(image: Path, tmp_path: Path) -> None:
    done = run_command(tmp_path, f'exec "{PROGRAM}" "$@" --root "{image}" --verbose')
    text = done.stdout.decode("ascii")
    assert done.returncode == 0 and len(done.stdout + done.stderr) <= RUN_COMMAND_LIMIT
    assert text.startswith("NOT READY") and text.endswith("azpreflight ended with exit code 1\n")
    assert f"the rest is in {tmp_path}/report.json]" in text
    assert json.loads((tmp_path / "report.json").read_text())["verdict"] == "not-ready"


def test_a_short_report_is_whole(image: Path, tmp_path: Path) -> None:
    done = run_command(tmp_path, f'exec "{PROGRAM}" "$@" --root "{image}" --only gen-machine-id')
    assert done.returncode == 0 and b"[cut" not in done.stdout and done.stdout.startswith(b"READY")


def test_where_there_is_no_report_the_command_fails(tmp_path: Path) -> None:
    done = run_command(tmp_path, f'exec "{PROGRAM}" "$@" --root /missing')
    assert done.returncode == 2 and b"no such directory" in done.stderr


# --- Terraform and Packer -----------------------------------------------------------------------------------------


def read(path: Path) -> Any:
    """What python-hcl2 reads, strings without the quotes that newer versions keep."""
    with path.open() as file:
        return json.loads(json.dumps(hcl2.load(file)).replace('\\"', ""))


def test_terraform_switches_boot_diagnostics_on_and_reads_the_console() -> None:
    document = read(CONTRIB / "terraform" / "main.tf")
    resources = {kind: body["canary"] for one in document["resource"] for kind, body in one.items() if "canary" in body}
    assert len(resources["azurerm_linux_virtual_machine"]["boot_diagnostics"]) == 1
    declared = {name for one in document["variable"] for name in one}
    assert set(re.findall(r"var\.(\w+)", json.dumps(document))) == declared
    text = (CONTRIB / "terraform" / "main.tf").read_text()
    assert "\n      azpreflight decode boot.log\n" in text


def test_every_variant_of_packer_has_its_source_and_its_variables() -> None:
    template, variants = (read(CONTRIB / "packer" / f"{name}.pkr.hcl") for name in ("azpreflight", "variants"))
    kinds = [kind for one in variants["source"] for kind in one]
    assert kinds == ["azure-arm", "azure-chroot", "qemu"]
    declared = {name for document in (template, variants) for one in document["variable"] for name in one}
    assert set(re.findall(r"var\.(\w+)", json.dumps(variants))) <= declared


# --- a container, cloud-init, sos ---------------------------------------------------------------------------------


def test_the_container_runs_the_program_without_rights(tmp_path: Path) -> None:
    path = shutil.copy(CONTRIB / "container" / "Containerfile", tmp_path / "Dockerfile")
    steps = [(step["instruction"], step["value"]) for step in DockerfileParser(str(path)).structure]
    assert ("ENTRYPOINT", '["azpreflight"]') in steps and ("USER", "65534:65534") in steps
    assert [kind for kind, _ in steps if kind == "FROM"] == ["FROM", "FROM"]


@pytest.mark.root
def test_cloud_init_takes_the_custom_data() -> None:
    """By its own schema, and each command is one that azpreflight takes."""
    path = CONTRIB / "cloud-init" / "user-data.yaml"
    with overlay(tree_for_test("bookworm", PACKAGES)) as root:
        shutil.copy(path, root / "tmp/user-data")
        done = run_inside(root, "cloud-init", "schema", "--config-file", "/tmp/user-data", network=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for command in yaml.safe_load(path.read_text())["runcmd"]:
        if command[0] == "azpreflight":
            parser.parser().parse_args(command[1:])


@pytest.mark.root
def test_sos_takes_the_plugin() -> None:
    """It is loaded, and lists what it collects."""
    with overlay(tree_for_test("bookworm", ("sosreport",))) as root:
        shutil.copy(CONTRIB / "sos" / "azpreflight.py", root / "usr/lib/python3/dist-packages/sos/report/plugins")
        (root / "usr/bin/azpreflight").write_text("#!/bin/sh\n")
        (root / "usr/bin/azpreflight").chmod(0o755)
        done = run_inside(root, "sos", "report", "--batch", "--list-plugins", network=False)
    assert re.search(r"(?m)^ azpreflight +.*azpreflight: provisioning on Azure$", done.stdout), (
        done.stdout + done.stderr
    )


# --- the journal --------------------------------------------------------------------------------------------------


def test_the_catalogue_explains_every_record(tmp_path: Path) -> None:
    """As journalctl reads it, for all ids that are written, and with fields that the records have."""
    need_programs("journalctl")
    folder = tmp_path / "usr/lib/systemd/catalog"
    folder.mkdir(parents=True)
    (tmp_path / "var/lib/systemd/catalog").mkdir(parents=True)
    shutil.copy(SOURCE / "systemd" / "azpreflight.catalog", folder)
    ask = ["journalctl", f"--root={tmp_path}"]
    subprocess.run([*ask, "--update-catalog"], check=True, capture_output=True, timeout=60)
    listed = subprocess.run([*ask, "--list-catalog"], check=True, capture_output=True, text=True, timeout=60).stdout
    assert {line.split()[0] for line in listed.splitlines()} == {
        journal.VERDICT_ID,
        journal.CAUSE_ID,
        journal.CHECK_ID,
    }
    dumped = subprocess.run([*ask, "--dump-catalog"], check=True, capture_output=True, text=True, timeout=60).stdout
    written = Path(journal.__file__).read_text()
    fields = set(re.findall(r"@(\w+)@", dumped))
    assert fields and [field for field in fields if f'"{field}"' not in written] == []
