"""What `packaging/contrib` gives to Packer and to Image Builder: read by real parsers, and its commands really run.

Neither service is here. What they do with a list of commands is: make a script of it, and run that as the user whom
the platform made, who has sudo.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hcl2
import pytest
from azure.mgmt.imagebuilder import models
from azure.mgmt.imagebuilder._utils.model_base import Model, _deserialize

from azpreflight.cli import parser
from tests.agents.debian import PACKAGES, check, failed
from tests.agents.planting import plant, put
from tests.agents.sealing import AGENT, LEFT, STAMP, decide
from tests.support.scratchroot import overlay, run_inside, tree_for_test

CONTRIB = Path(__file__).parents[2] / "packaging" / "contrib"
PACKER = CONTRIB / "packer" / "azpreflight.pkr.hcl"
IMAGE_BUILDER = CONTRIB / "image-builder" / "azpreflight.json"
USER = "azureuser"
VARIABLES = "PACKER_BUILDER_TYPE='azure-arm' PACKER_BUILD_NAME='debian'"

Outcome = subprocess.CompletedProcess[str]


def unquoted(value: Any) -> Any:
    """What python-hcl2 read, strings without the quotes that newer versions keep."""
    if isinstance(value, dict):
        return {unquoted(key): unquoted(item) for key, item in value.items()}
    if isinstance(value, list):
        return [unquoted(item) for item in value]
    if isinstance(value, str) and re.fullmatch(r'".*"', value, re.DOTALL):
        return json.loads(value)
    return value


def provisioners() -> list[tuple[str, dict[str, Any]]]:
    """(type, attributes) of Packer's steps, in order."""
    with PACKER.open() as file:
        (build,) = unquoted(hcl2.load(file))["build"]
    return [next(iter(step.items())) for step in build["provisioner"]]


def template() -> dict[str, Any]:
    """Image Builder's template."""
    (resource,) = json.loads(IMAGE_BUILDER.read_text())["resources"]
    return dict(resource)


def shell_lines() -> Iterator[str]:
    """Every line that either of them gives to a shell."""
    for kind, step in provisioners():
        yield from step["inline"] if kind == "shell" else ()
    properties = template()["properties"]
    for step in (*properties["customize"], *properties["validate"]["inVMValidations"]):
        yield from step.get("inline", ())


# --- as they are written ------------------------------------------------------------------------------------------


def test_every_command_is_one_that_azpreflight_takes() -> None:
    """In the templates and on the pages beside them: words, options and values."""
    text = "\n".join((*shell_lines(), *(page.read_text() for page in CONTRIB.rglob("README.md"))))
    commands = re.findall(r"azpreflight ((?:check|seal|decode|record|image)(?: [-a-z/.0-9]+)*)", text)
    assert {command.split()[0] for command in commands} >= {"check", "seal", "decode"}
    for command in commands:
        parser.parser().parse_args(shlex.split(command))


def test_packer_seals_last_and_loses_no_exit_code() -> None:
    """In a shell that ends with the first failure, with Packer's script left where it is, and with nothing after it."""
    kind, last = provisioners()[-1]
    assert (kind, last["inline"][-1], last["skip_clean"]) == ("shell", "exec azpreflight seal --yes", True)
    for kind, step in provisioners():
        assert "inline_shebang" not in step and "valid_exit_codes" not in step
        assert kind == "file" or "sh -eu" in step.get("execute_command", "sh -eu")


def test_image_builder_takes_the_template() -> None:
    """By the models of its own client library: every property is one that it knows, of a kind that it knows."""
    resource = template()
    assert resource.pop("apiVersion")  # is for the resource manager, and of no model
    found = _deserialize(models.ImageTemplate, resource)
    assert [type(step).__name__ for step in found.properties.customize] == [
        "ImageTemplateFileCustomizer",
        "ImageTemplateShellCustomizer",
        "ImageTemplateShellCustomizer",
    ]
    (validator,) = found.properties.validate.in_vm_validations
    assert (type(validator).__name__, validator.name) == ("ImageTemplateShellValidator", "azpreflight-firstboot")
    assert found.properties.validate.continue_distribute_on_failure is False
    assert list(unknown(found)) == []


def unknown(model: Any, where: str = "$") -> Iterator[str]:
    """Properties that the library's models do not have."""
    if isinstance(model, list):
        for number, item in enumerate(model):
            yield from unknown(item, f"{where}[{number}]")
    if isinstance(model, Model):
        fields = {field._rest_name: name for name, field in model._attr_to_rest_field.items()}
        yield from (f"{where}.{key}" for key in model if key not in fields)
        for key in set(model) & set(fields):
            yield from unknown(getattr(model, fields[key]), f"{where}.{key}")


@pytest.mark.parametrize(("status", "ends_well"), [(0, True), (1, False), (2, True)])
def test_the_wait_for_cloud_init(status: int, ends_well: bool, tmp_path: Path) -> None:
    """Its exit code 2 is "done, with warnings", 1 is an error."""
    program = tmp_path / "cloud-init"
    program.write_text(f'#!/bin/sh\n[ "$*" = "status --wait" ] || exit 1\nexit {status}\n')
    program.chmod(0o755)
    (line,) = {line for line in shell_lines() if "cloud-init" in line}
    done = subprocess.run(["/bin/sh", "-ec", line], env={"PATH": str(tmp_path)}, check=False, timeout=20)
    assert (done.returncode == 0) is ends_well


# --- as they are run ----------------------------------------------------------------------------------------------


@pytest.fixture
def vm() -> Iterator[Path]:
    """A build VM, provisioned and worked on, with azpreflight where its package puts it."""
    with overlay(tree_for_test("bookworm", PACKAGES)) as root:
        plant(root)
        decide(root)
        put(root, "etc/sudoers.d/waagent", f"{USER} ALL=(ALL) NOPASSWD: ALL\n")
        shutil.copytree(AGENT, root / "opt/azp/azpreflight", ignore=shutil.ignore_patterns("__pycache__"))
        put(root, "usr/bin/azpreflight", '#!/bin/sh\nPYTHONPATH=/opt/azp exec python3 -B -m azpreflight "$@"\n')
        (root / "usr/bin/azpreflight").chmod(0o755)
        yield root


def as_user(root: Path, command: str) -> Outcome:
    """A command in the session of the user whom the platform made."""
    return run_inside(root, "su", "--login", USER, "--command", command, network=False)


def run_step(root: Path, lines: list[str], execute: str = "{{ .Vars }} {{ .Path }}") -> Outcome:
    """As Packer's shell provisioner does it, and Image Builder with it: one script of the lines, uploaded and run."""
    put(root, "tmp/script_1.sh", "#!/bin/sh -e\n" + "\n".join(lines) + "\n")
    (root / "tmp/script_1.sh").chmod(0o755)
    return as_user(root, execute.replace("{{ .Vars }}", VARIABLES).replace("{{ .Path }}", "/tmp/script_1.sh"))


def assert_sealed(root: Path, done: Outcome) -> None:
    assert (done.returncode, done.stderr.splitlines()[-1:]) == (
        0,
        ["azpreflight: sealed: this machine may be captured; do not start it again before that"],
    )
    assert (root / STAMP).exists() and USER not in (root / "etc/passwd").read_text()
    assert failed(check(root)) == LEFT


@pytest.mark.root
def test_packers_last_step_seals(vm: Path) -> None:
    """Through the login of the user whom it deletes; the report is what Packer logs."""
    step = provisioners()[-1][1]
    done = run_step(vm, step["inline"], step["execute_command"])
    assert_sealed(vm, done)
    assert "checks passed" in done.stdout


@pytest.mark.root
def test_packers_last_step_fails_where_seal_refuses(vm: Path) -> None:
    """With its exit code, so that Packer captures nothing."""
    put(vm, "etc/krb5.keytab", "keytab")
    put(vm, "home/azureuser/.ssh/id_ed25519", "-----BEGIN OPENSSH PRIVATE KEY-----\n")
    put(vm, "etc/netplan/01-build.yaml", "network: {ethernets: {eth0: {addresses: [10.0.0.9/24]}}}\n")
    step = provisioners()[-1][1]
    done = run_step(vm, step["inline"], step["execute_command"])
    assert (done.returncode, "refused, and nothing was changed" in done.stderr) == (4, True)


@pytest.mark.root
def test_packers_report_is_one_that_can_be_fetched(vm: Path) -> None:
    """By the user who logs in, although root wrote it."""
    step = next(step for kind, step in provisioners() if "check" in "".join(step.get("inline", ())))
    run_step(vm, step["inline"], step["execute_command"])
    fetched = as_user(vm, "cat /tmp/azpreflight.json")
    assert json.loads(fetched.stdout)["run"]["stage"] == "build", fetched.stderr


@pytest.mark.root
@pytest.mark.parametrize("deprovisioning", ["sudo sh /tmp/DeprovisioningScript.sh", "/tmp/DeprovisioningScript.sh"])
def test_image_builders_last_customizer_seals(vm: Path, deprovisioning: str) -> None:
    """Whether the script that it leaves is run by root or by the user; and it shows beforehand what will be done."""
    shown = run_step(vm, template()["properties"]["customize"][-1]["inline"])
    assert (shown.returncode, "write /etc/azpreflight/seal.json" in shown.stdout) == (0, True), shown.stderr
    assert not (vm / STAMP).exists()
    assert_sealed(vm, as_user(vm, deprovisioning))
