"""What a machine leaves in its image, judged by what it does to the next VM."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azpreflight.azure import imds
from azpreflight.azure.answer import Answer
from azpreflight.host import FileInfo, FileKind, Outcome, Phase
from azpreflight.model import Finding, Profile, Run, Severity, Status
from azpreflight.model.codec import encode
from azpreflight.probes import agents, generalization
from azpreflight.probes.generalization import provisioned_marker
from azpreflight.probes.generalization.provisioned_marker import same_vm, swapped
from azpreflight.probes.platform import PlatformFacts
from tests.support.fakes import Denied, Fifo, Link
from tests.support.judging import findings, judged, statuses
from tests.support.machines import agents as test_probe_agents
from tests.support.machines.generalization import (
    BROKEN,
    BUILD,
    CLEAN,
    ELSEWHERE,
    FIRST_BOOT,
    HASH,
    HEALTHY,
    HERE,
    KEY,
    OVF,
    PEOPLE,
    PRIVATE_KEY,
    PROBES,
    RUN,
    host,
    verdict,
    waagent_host,
)

SPECIALIZED = replace(RUN, profile=Profile.SPECIALIZED)
HERE_SWAPPED = "a4d6f2b6-f561-7d4f-9a0e-3c9d8d1f2a55"


def test_a_deprovisioned_machine_passes() -> None:
    """An empty lease stub, an emptied sudoers file and a locked root are no leftovers."""
    found = statuses(judged(*HEALTHY, *PROBES))
    assert {status for check, status in found.items() if check.startswith("gen-")} == {"pass"}


@pytest.mark.parametrize("check", [check.id for check in generalization.PROBE.checks])
def test_each_check_speaks_and_alone(check: str) -> None:
    """Every check fails on its own broken machine, as bad as it says it can be, and no other of this probe does.

    What joins them all speaks beside another, and others beside it.
    """
    report = judged(*BROKEN[check], *PROBES)
    failed = {result.check: result.severity for result in report.results if result.status is Status.FAIL}
    declared = {one.id: one.severity for one in generalization.PROBE.checks}
    assert failed[check] is declared[check]
    assert check == "gen-deprovisioned" or set(failed) - {"gen-deprovisioned"} == {check}


@pytest.mark.parametrize(
    ("changes", "run", "status", "severities"),
    [
        ({}, FIRST_BOOT, "pass", ()),
        ({"/var/lib/waagent/provisioned": HERE}, FIRST_BOOT, "pass", ()),
        ({"/var/lib/waagent/provisioned": HERE.upper() + "\n"}, FIRST_BOOT, "pass", ()),
        ({"/var/lib/waagent/provisioned": HERE_SWAPPED}, FIRST_BOOT, "pass", ()),
        ({"/var/lib/waagent/provisioned": ELSEWHERE}, FIRST_BOOT, "fail", ("error",)),
        ({"/var/lib/waagent/provisioned": ""}, FIRST_BOOT, "fail", ("error",)),
        ({"/var/lib/waagent/provisioned": HERE}, RUN, "fail", ("error",)),
        ({"/var/lib/waagent/provisioned": HERE}, BUILD, "fail", ("note",)),
        ({"/var/lib/waagent/provisioned": HERE}, SPECIALIZED, "pass", ()),
        ({}, SPECIALIZED, "fail", ("warning",)),
        ({"/var/lib/waagent/provisioned": Denied()}, RUN, "unknown", ()),
        ({"/var/lib/waagent/provisioned": Fifo()}, RUN, "unknown", ()),
        (
            {"/var/lib/waagent/provisioned": HERE, "/sys/class/dmi/id/product_uuid": Denied()},
            FIRST_BOOT,
            "unknown",
            (),
        ),
    ],
)
def test_the_sentinel_where_waagent_provisions(
    changes: dict[str, Any], run: Run, status: str, severities: tuple[str, ...]
) -> None:
    """Another VM's id is the error at first boot, any sentinel at capture, and a missing one in a specialised image."""
    assert verdict(waagent_host(changes), run, "gen-provisioned-sentinel") == (status, severities)


def test_the_sentinel_is_a_note_where_cloud_init_provisions() -> None:
    """cloud-init has its own way to notice a new VM."""
    other = host({"/var/lib/waagent/provisioned": ELSEWHERE})
    assert verdict(other, FIRST_BOOT, "gen-provisioned-sentinel") == ("fail", ("note",))
    assert verdict(other, RUN, "gen-provisioned-sentinel") == ("fail", ("note",))
    assert verdict(other, SPECIALIZED, "gen-provisioned-sentinel") == ("notapplicable", ())


@pytest.mark.parametrize(("told", "severities"), [(HERE, ()), (ELSEWHERE, (Severity.ERROR,))])
def test_the_sentinel_is_held_against_the_metadata_where_the_firmware_tells_no_id(
    told: str, severities: tuple[Severity, ...]
) -> None:
    """Where the firmware's id cannot be seen, as in a container, the platform's own word counts."""
    agents_facts = agents.gather(waagent_host({}), FIRST_BOOT)
    answer = Answer(imds.URL, Outcome.OK, Phase.HTTP, 0.1, 200)
    platform = PlatformFacts(True, metadata=imds.Metadata(answer, imds.Instance(vm_id=told)))
    run = replace(FIRST_BOOT, needed={"agents": agents_facts, "platform": platform})
    verdicts = provisioned_marker.judge(provisioned_marker.SentinelFacts("/var/lib/waagent/provisioned", HERE), run)
    assert tuple(finding.severity for finding in verdicts if isinstance(finding, Finding)) == severities


@given(st.uuids())
def test_the_byte_order_of_an_id_does_not_matter(uuid: Any) -> None:
    """Swapping twice is the identity, and both orders are one VM."""
    assert swapped(swapped(str(uuid))) == str(uuid)
    assert same_vm(str(uuid), swapped(str(uuid)).upper())


@given(st.text(max_size=60))
def test_what_is_no_id_is_compared_as_it_is(text: str) -> None:
    """An agent's file may hold anything."""
    assert same_vm(text, text)


def test_the_library_by_consequence() -> None:
    """Keys and settings leak, an installed handler is not installed again, the rest is litter."""
    lib = "/var/lib/waagent"
    handler = f"{lib}/Microsoft.Azure.Extensions.CustomScript-2.1.10"
    found = {
        f"{lib}/ovf-env.xml": OVF,
        f"{lib}/A0EC2ED7D954A2B359791263DE1C17AF13941531.prv": PRIVATE_KEY,
        f"{lib}/disable_agent": "",
        f"{handler}/HandlerManifest.json": "[]",
        f"{handler}/config/HandlerState": "Enabled",
        f"{lib}/GoalState.1.xml": "<x/>",
    }
    report = judged(host(found), RUN, *PROBES)
    severities = [finding.severity.value for finding in findings(report, "gen-waagent-library")]
    assert severities == ["error", "error", "error", "warning"]
    assert verdict(host({f"{lib}/Incarnation": "1"}), RUN, "gen-waagent-library") == ("fail", ("note",))
    assert verdict(host(found), BUILD, "gen-waagent-library") == ("fail", ("note",) * 4)


def test_at_first_boot_only_the_sleeping_agent_counts() -> None:
    """A VM that runs has a library of its own."""
    lib = {"/var/lib/waagent/TransportPrivate.pem": PRIVATE_KEY, "/var/lib/waagent/ovf-env.xml": OVF}
    assert verdict(host(lib), FIRST_BOOT, "gen-waagent-library") == ("pass", ())
    asleep = {"/var/lib/waagent/disable_agent": ""}
    assert verdict(host(asleep), FIRST_BOOT, "gen-waagent-library") == ("fail", ("warning",))


def test_host_keys_that_are_replaced_are_a_note() -> None:
    """By cloud-init unless ssh_deletekeys is false, by waagent with RegenerateSshHostKeyPair=y."""
    keys = {"/etc/ssh/ssh_host_rsa_key": PRIVATE_KEY, "/etc/ssh/ssh_host_rsa_key.pub": KEY}
    check = "gen-ssh-host-keys"
    assert verdict(host(keys), RUN, check) == ("fail", ("note",))
    kept = {**keys, "/etc/cloud/cloud.cfg.d/keep.cfg": "ssh_deletekeys: false\n"}
    assert verdict(host(kept), RUN, check) == ("fail", ("error",))
    assert verdict(waagent_host(keys), RUN, check) == ("fail", ("note",))
    off = test_probe_agents.conf("Provisioning.Agent=auto", "Provisioning.RegenerateSshHostKeyPair=n")
    assert verdict(waagent_host({**keys, **off}), RUN, check) == ("fail", ("error",))
    (finding,) = findings(judged(waagent_host({**keys, **off}), RUN, *PROBES), check)
    assert finding.commands == ("rm -f /etc/ssh/ssh_host_*key*",)


UBUNTU = {"/etc/os-release": "ID=ubuntu\nID_LIKE=debian\nVERSION_ID=22.04\n"}
STUB = Link("../run/systemd/resolve/stub-resolv.conf")


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, "pass"),
        ({"/etc/resolv.conf": STUB}, "pass"),
        ({"/etc/resolv.conf": STUB, "/run/systemd/resolve/stub-resolv.conf": "nameserver 10.0.0.53\n"}, "pass"),
        ({"/etc/resolv.conf": "nameserver 127.0.0.53\nnameserver 168.63.129.16\n"}, "pass"),
        ({"/etc/resolv.conf": "search example.com\n"}, "pass"),
        ({"/etc/resolv.conf": "nameserver 10.0.0.53\n"}, "fail"),
        ({"/etc/resolv.conf": Link("resolv.fixed"), "/etc/resolv.fixed": "nameserver fd00::53\n"}, "fail"),
        ({"/etc/resolv.conf": Fifo()}, "pass"),
    ],
)
def test_resolv_conf(changes: dict[str, Any], status: str) -> None:
    """Only servers of this network, in a file that outlives the boot, are a leftover."""
    assert verdict(host(changes), RUN, "gen-resolv-conf")[0] == status


def test_resolv_conf_as_the_distribution_deprovisions_it() -> None:
    """waagent deletes it on Debian, and does not touch it on Ubuntu since 18.04."""
    file = {"/etc/resolv.conf": "nameserver 10.0.0.53\n"}
    (debian,) = findings(judged(host(file), BUILD, *PROBES), "gen-resolv-conf")
    (ubuntu,) = findings(judged(host({**file, **UBUNTU}), BUILD, *PROBES), "gen-resolv-conf")
    assert (debian.severity, debian.commands) == (Severity.NOTE, ("waagent -force -deprovision+user",))
    assert (ubuntu.severity, ubuntu.commands) == (Severity.WARNING, ("rm -f /etc/resolv.conf",))


def test_what_stops_cloud_init() -> None:
    """Three leftovers block, each with its reason; without cloud-init they are litter."""
    blocked = {f"/var/lib/cloud/{name}": "" for name in ("instance/manual-clean", "seed/azure/ovf-env.xml")}
    assert verdict(host(blocked), RUN, "gen-cloud-init-state") == ("fail", ("error", "error"))
    only_waagent = waagent_host({})
    only_waagent = replace(only_waagent, files={**only_waagent.files, **blocked})
    assert verdict(only_waagent, RUN, "gen-cloud-init-state") == ("fail", ("note", "note"))


def test_cloud_init_state_without_consequence_is_a_note_and_user_data_a_warning() -> None:
    """cloud-init notices a new VM by itself, and does not hide the old one's user data."""
    state = {f"/var/lib/cloud/instances/{HERE}/x": "", "/var/lib/cloud/instance": Link(f"instances/{HERE}")}
    assert verdict(host(state), RUN, "gen-cloud-init-state") == ("fail", ("note",))
    remains = {"/var/lib/cloud/data/previous-hostname": "template\n"}
    assert verdict(host(remains), RUN, "gen-cloud-init-state") == ("fail", ("note",))
    data = {**state, f"/var/lib/cloud/instances/{HERE}/user-data.txt": "#cloud-config\npassword: hunter2\n"}
    report = judged(host(data), RUN, *PROBES)
    assert [finding.severity for finding in findings(report, "gen-cloud-init-state")] == [Severity.WARNING]
    assert findings(report, "gen-cloud-init-state")[0].commands == ("cloud-init clean --logs --seed",)
    assert "hunter2" not in str(encode(report))


@pytest.mark.parametrize(
    ("current", "previous", "status"),
    [(HERE, ELSEWHERE, "fail"), (HERE, HERE, "pass"), (HERE, "NO_PREVIOUS_INSTANCE_ID", "pass"), (HERE, "", "pass")],
)
def test_cloud_init_remembers_the_image_at_first_boot(current: str, previous: str, status: str) -> None:
    """Another VM's id before this one came in with the image; a second boot has the same id twice."""
    state = {"/var/lib/cloud/data/instance-id": current + "\n", "/var/lib/cloud/data/previous-instance-id": previous}
    assert verdict(host(state), FIRST_BOOT, "gen-cloud-init-state")[0] == status


def test_a_vm_that_has_started_is_not_accused() -> None:
    """Host keys, users, ids and logs of a running VM are its own."""
    running = {
        **PEOPLE,
        "/etc/ssh/ssh_host_rsa_key": PRIVATE_KEY,
        "/etc/machine-id": "0" * 32,
        "/etc/hostname": "newvm\n",
        "/var/lib/waagent/provisioned": HERE,
        "/var/lib/waagent/ovf-env.xml": OVF,
        "/var/log/waagent.log": "INFO\n",
        "/etc/resolv.conf": "nameserver 10.0.0.53\n",
    }
    found = statuses(judged(host(running), FIRST_BOOT, *PROBES))
    assert set(found.values()) == {"pass", "notapplicable"}


def test_a_specialised_image_is_asked_little() -> None:
    """The sentinel, the sleeping agent and fstab; everything else belongs to the one machine that it is."""
    found = statuses(judged(host(PEOPLE), SPECIALIZED, *PROBES))
    asked = {check for check, status in found.items() if status != "notapplicable"}
    assert {check for check in asked if not check.startswith("agents-")} == {"gen-waagent-library", "gen-fstab"}


def test_no_secret_is_in_a_report() -> None:
    """Neither a hash nor a key, nor anything out of a history or a file of the agent."""
    everything: dict[str, Any] = {}
    for machine, _ in BROKEN.values():
        everything.update({path: node for path, node in machine.files.items() if CLEAN.get(path) != node})
    text = str(encode(judged(host({**everything, **PEOPLE}), RUN, *PROBES)))
    for secret in (HASH, HASH[12:40], KEY.split()[1], "b3BlbnNzaC1r", "0123456789abcdef", "HostName"):
        assert secret not in text, secret


@pytest.mark.parametrize("node", [Denied(), Fifo(), b"\xff\xfe\x00" * 50, "", "\n" * 5000, None])
@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "/etc/shadow",
        "/etc/login.defs",
        "/etc/hostname",
        "/etc/hosts",
        "/etc/machine-id",
        "/etc/resolv.conf",
        "/etc/sudoers.d/90-cloud-init-users",
        "/root/.ssh/authorized_keys",
        "/var/lib/waagent/ovf-env.xml",
        "/var/lib/waagent/provisioned",
        "/var/lib/cloud/data/instance-id",
        "/etc/waagent.conf",
        "/etc/os-release",
    ],
)
def test_a_file_may_be_anything(path: str, node: Any) -> None:
    """Unreadable, no file, binary, empty or a directory: no bug, and every check has a result."""
    for run in (RUN, FIRST_BOOT):
        report = judged(host({path: node}), run, *PROBES)
        assert all(result.traceback is None for result in report.results)


@given(
    st.dictionaries(st.sampled_from(["/etc/passwd", "/etc/shadow", "/etc/hosts", "/etc/sudoers.d/waagent"]), st.text())
)
def test_text_may_say_anything(texts: dict[str, Any]) -> None:
    """Messages stay one line of ASCII whatever the files say."""
    report = judged(host(texts), RUN, *PROBES)
    for result in report.results:
        assert result.traceback is None
        for finding in result.findings:
            assert finding.message.isascii() and finding.message.isprintable()
            assert all(command.isprintable() for command in finding.commands)


def test_empty_leases_and_stubs_do_not_count() -> None:
    """dhclient writes a stub without a lease when the machine goes down."""
    stub = {"/var/lib/dhcp/dhclient.eth0.leases": 'default-duid "x";\n'}
    assert verdict(host(stub), RUN, "gen-dhcp-leases") == ("pass", ())
    empty = {"/var/lib/NetworkManager/internal-x.lease": FileInfo(FileKind.FILE, 0, 0o600, 0, 0, 0.0)}
    assert verdict(host(empty), RUN, "gen-dhcp-leases") == ("pass", ())


@pytest.mark.parametrize(("text", "status"), [("", "pass"), ("uninitialized\n", "pass"), ("f" * 32 + "\n", "fail")])
def test_machine_id(text: str, status: str) -> None:
    """Empty and uninitialized both make a new one."""
    assert verdict(host({"/etc/machine-id": text}), RUN, "gen-machine-id")[0] == status
