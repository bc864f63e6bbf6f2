"""Every artefact of a provisioned machine by itself, on a machine that is otherwise deprovisioned: each is found."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from azpreflight.engine.assess import assess
from azpreflight.engine.gather import gather, run_of
from azpreflight.host import LocalHost
from azpreflight.model import Platform
from azpreflight.probes import with_needs
from tests.agents.debian import PACKAGES, SUITES
from tests.agents.planting import ARTEFACTS, HARMLESS, OTHER_VM, put
from tests.support.scratchroot import overlay, tree_for_test

pytestmark = pytest.mark.root

COMMAND_LINE = "linux /vmlinuz root=UUID=1 ro console=ttyS0"
FURTHER = (
    ("etc/hostname", "template\n", "gen-hostname"),
    ("etc/hosts", "127.0.0.1 localhost\n127.0.1.1 template\n", "gen-hostname"),
    ("etc/dhcp/dhclient.conf", 'send host-name "template";\n', "gen-hostname"),
    ("etc/sysconfig/network-scripts/ifcfg-eth1", "BOOTPROTO=dhcp\nDHCP_HOSTNAME=template\n", "gen-hostname"),
    ("etc/sysconfig/network-scripts/ifcfg-eth2", "BOOTPROTO=static\nIPADDR=10.0.0.9\n", "gen-network-config"),
    ("etc/sudoers.d/waagent", "azureuser ALL=(ALL) ALL\n", "gen-sudoers"),
    ("etc/cloud/cloud-init.disabled", "", "agents-provisioner"),
    ("etc/cloud/ds-identify.cfg", "policy: disabled\n", "agents-provisioner"),
    ("etc/cloud/ds-identify.cfg", "datasource: NoCloud\n", "agents-provisioner"),
    ("etc/cloud/cloud.cfg.d/99-installer.cfg", "datasource_list: [NoCloud, None]\n", "agents-provisioner"),
    ("etc/cloud/cloud.cfg.d/99-keep.cfg", "manual_cache_clean: true\n", "agents-config"),
    ("boot/grub/grub.cfg", f"{COMMAND_LINE} cloud-init=disabled\n", "agents-provisioner"),
    ("boot/grub/grub.cfg", f"{COMMAND_LINE} ds=nocloud\n", "agents-provisioner"),
    ("boot/grub/grub.cfg", f"{COMMAND_LINE} ip=10.0.0.4::10.0.0.1:255.255.255.0::eth0:none\n", "gen-network-config"),
    ("lib/systemd/system/azure.slice", "[Slice]\n", "gen-litter"),
    ("lib/systemd/system/azure-walinuxagent-logcollector.slice", "[Slice]\nCPUQuota=5%\n", "gen-litter"),
    ("lib/systemd/system/walinuxagent.service.d/10-Slice.conf", "[Service]\nSlice=azure.slice\n", "gen-litter"),
    ("lib/systemd/system/walinuxagent.service.d/12-CPUQuota.conf", "[Service]\nCPUQuota=75%\n", "gen-litter"),
    ("etc/pki/consumer/key.pem", "-----BEGIN PRIVATE KEY-----\n", "gen-enrolment"),
    ("var/opt/azcmagent/certs/myCert", "x", "gen-enrolment"),
    ("var/spool/cron/gone", "* * * * * true\n", "gen-litter"),
    ("mnt/resource/swapfile", "SWAPSPACE2", "gen-litter"),
)
"""(path, text, the check that finds it): what would change who provisions, or what other distributions have."""
MANUAL_CLEAN = f"var/lib/cloud/instances/{OTHER_VM}/manual-clean"
"""Is found through a link to its directory."""
PROBES = with_needs({"generalization", "agents"})


@pytest.fixture(scope="module", params=SUITES)
def clean(request: pytest.FixtureRequest) -> object:
    """A tree with the agents, from which what the builder left is taken."""
    with overlay(tree_for_test(request.param, PACKAGES)) as root:
        (root / "etc/resolv.conf").unlink(missing_ok=True)
        for key in (root / "etc/ssh").glob("ssh_host_*"):
            key.unlink()
        put(root, "etc/hostname", "localhost.localdomain\n")
        yield root


def said(root: Path) -> dict[str, set[str]]:
    """What every check says of the tree."""
    host = LocalHost(str(root))
    report = assess(gather(host, PROBES, run_of(host, platform=Platform.AZURE)), PROBES)
    assert not [result for result in report.results if result.traceback]
    return {result.check: {finding.message for finding in result.findings} for result in report.results}


def newly_said(root: Path, path: str, text: str, before: dict[str, set[str]]) -> set[str]:
    """The checks that say more with this file in the tree, which is then what it was before."""
    place = root / path
    kept = place.read_text() if place.exists() else None
    made = [above for above in (place, *place.parents) if not above.exists()]
    put(root, path, text)
    link = root / "var/lib/cloud/instance"
    if path == MANUAL_CLEAN:
        link.symlink_to(f"instances/{OTHER_VM}")
    after = said(root)
    link.unlink(missing_ok=True)
    if kept is not None:
        place.write_text(kept)
    elif made[-1].is_dir():
        shutil.rmtree(made[-1])
    else:
        made[-1].unlink()
    return {check for check, messages in after.items() if messages - before[check]}


def test_each_artefact_is_found_by_itself(clean: Path) -> None:
    """By a check of generalisation."""
    before = said(clean)
    found = {one.path: newly_said(clean, one.path, one.text, before) for one in ARTEFACTS}
    assert [path for path, checks in found.items() if not any(check.startswith("gen-") for check in checks)] == []


def test_what_does_no_harm_is_not_accused(clean: Path) -> None:
    """Neither by generalisation nor by anything else."""
    before = said(clean)
    found = {one.path: newly_said(clean, one.path, one.text, before) for one in HARMLESS}
    assert {path: checks for path, checks in found.items() if checks} == {}


def test_the_whole_set_is_tried() -> None:
    """As many as were compared with what each generation of the agents leaves, each once."""
    assert len({one.path for one in ARTEFACTS}) == len(ARTEFACTS) == 158


def test_each_further_artefact_is_found_by_its_check(clean: Path) -> None:
    """What decides who provisions, and what other distributions have."""
    before = said(clean)
    found = [(one, newly_said(clean, one[0], one[1], before)) for one in FURTHER]
    assert [one for one, checks in found if one[2] not in checks] == []


def test_a_seed_of_another_platform_is_found(clean: Path) -> None:
    """NoCloud wants both of its files, and then wins over Azure."""
    put(clean, "var/lib/cloud/seed/nocloud/user-data", "#cloud-config\n")
    found = newly_said(clean, "var/lib/cloud/seed/nocloud/meta-data", "instance-id: x\n", said(clean))
    shutil.rmtree(clean / "var/lib/cloud/seed/nocloud", ignore_errors=True)
    assert "agents-provisioner" in found


def test_cloud_inits_own_network_file_binds_where_its_network_is_off(clean: Path) -> None:
    """It would be written again on the next VM, unless cloud-init was told to leave the network alone."""
    put(clean, "etc/cloud/cloud.cfg.d/99-disable-network-config.cfg", "network: {config: disabled}\n")
    text = "network: {ethernets: {eth0: {match: {macaddress: '00:0d:3a:12:34:56'}}}}\n"
    found = newly_said(clean, "etc/netplan/50-cloud-init.yaml", text, said(clean))
    (clean / "etc/cloud/cloud.cfg.d/99-disable-network-config.cfg").unlink()
    assert "gen-network-config" in found
