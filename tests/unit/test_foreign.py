"""Foreign text at its edge: what its parser raises costs that file, and nothing else; what unfolds stays small."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from azpreflight.azure import goal_state
from azpreflight.engine.assess import assess
from azpreflight.engine.gather import gather
from azpreflight.firewall.boot.load_plan import Step, lines_of
from azpreflight.firewall.boot.rehearsal import _dump, tables_of_boot
from azpreflight.firewall.boot.saved_rules import Ruleset
from azpreflight.firewall.facts import Backend
from azpreflight.firewall.static import match
from azpreflight.foreign import edge, loads, whole
from azpreflight.guest import yaml_file
from azpreflight.guest.bootloader import of_defaults
from azpreflight.guest.proxy_files import assignments
from azpreflight.guest.shell_variables import VALUE_MOST
from azpreflight.host import HostError, reading
from azpreflight.host.disk import lvm, partition_table
from azpreflight.model import Run, Stage
from azpreflight.probes import PROBES
from azpreflight.watch.state import STATE, remembered
from tests.support.fakes import FakeHost
from tests.support.machines import agents as test_probe_agents
from tests.support.machines import firewall_boot as test_probe_firewall_boot
from tests.support.machines import generalization as test_probe_generalization

# --- the edge -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error", [KeyError("secret"), IndexError(), RecursionError(), OverflowError(), ValueError("x")]
)
def test_whatever_a_parser_raises_is_said_of_the_file(error: Exception) -> None:
    """By its kind alone: its text may be the file's."""
    with pytest.raises(HostError) as caught, reading("/etc/x"):
        raise error
    assert str(caught.value) == f"cannot read /etc/x: its content is malformed ({type(error).__name__})"


@pytest.mark.parametrize("error", [HostError("too slow"), MemoryError()])
def test_what_is_no_fault_of_the_text_goes_through(error: Exception) -> None:
    """The host's own words, and a lack of memory."""
    with pytest.raises(type(error)) as caught, reading("/etc/x"):
        raise error
    assert caught.value is error


def test_what_goes_well_is_left_alone() -> None:
    """Nothing is raised."""
    with edge(ValueError):
        value = loads('{"a": 1}')
    assert value == {"a": 1}


@pytest.mark.parametrize(
    "text", ["[" * 4000, "9" * 100, "{", "\udc80", ""], ids=["deep", "long", "cut", "lone", "none"]
)
def test_json_that_is_none_raises_one_kind(text: str) -> None:
    with pytest.raises(ValueError):
        loads(text)


@pytest.mark.parametrize(
    ("text", "number"), [("7", 7), ("\u00b2", None), ("\u0667", None), ("9" * 20, None), ("", None)]
)
def test_a_digit_is_one_of_ascii(text: str, number: int | None) -> None:
    """`isdigit` takes superscripts, which `int` does not."""
    assert whole(text) == number


# --- a line of a configuration file -------------------------------------------------------------------------------


def bugs(host: FakeHost, run: Run) -> list[str]:
    """Probes and checks that ended in a traceback."""
    snapshot = gather(host, PROBES, run)
    report = assess(snapshot, PROBES)
    broken = [name for name, found in snapshot.probes.items() if found.traceback is not None]
    return [*broken, *(result.check for result in report.results if result.traceback is not None)]


NETPLAN = (
    'network: !!float ""',
    "network: {ethernets: {eth0: !!bool maybe}}",
    f"network: 1{':1' * 4000}",
    f"{'{a: ' * 900}",
    '"\\UFFFFFFFF": 1',
)
CLOUD_CFG = ("!!timestamp x", "!!bool x", '!!int ""', f"[1{':1' * 4000}]")


@pytest.mark.parametrize("line", NETPLAN)
def test_a_line_of_netplan_does_not_take_the_image_along(line: str) -> None:
    """All 24 checks of generalization were lost to one."""
    host, run = test_probe_generalization.HEALTHY
    broken = replace(host, files={**host.files, "/etc/netplan/50.yaml": line})
    assert bugs(broken, run) == []
    assert gather(broken, PROBES, run).probes["generalization"].facts is not None


@pytest.mark.parametrize("value", CLOUD_CFG)
@pytest.mark.parametrize("key", ["preserve_hostname", "ssh_genkeytypes"])
def test_a_line_of_cloud_init_does_not_take_the_agents_along(key: str, value: str) -> None:
    """The file is refused or invalid, and all else of the agents is known."""
    host, run = test_probe_agents.HEALTHY
    broken = replace(host, files={**host.files, "/etc/cloud/cloud.cfg.d/x.cfg": f"{key}: {value}\n"})
    assert bugs(broken, run) == []
    facts = gather(broken, PROBES, run).probes["agents"].facts
    assert facts is not None


@pytest.mark.parametrize("text", NETPLAN)
def test_yaml_that_is_none_raises_one_of_two_kinds(text: str) -> None:
    with pytest.raises((yaml_file.NotYaml, yaml_file.Refused)):
        yaml_file.mapping(text)


RULES = {
    "a command alone": "*filter\n-A\nCOMMIT\n",
    "a number of twenty digits": f"*filter\n-I OUTPUT {'9' * 20} -j DROP\nCOMMIT\n",
    "a superscript": "*filter\n-I OUTPUT \u00b2 -j DROP\nCOMMIT\n",
    "a chain without a policy": "*filter\n:I\nCOMMIT\n",
    "a counter alone": "*filter\n[0:0] \nCOMMIT\n",
}


@pytest.mark.parametrize("text", RULES.values(), ids=RULES)
def test_a_line_of_saved_rules_is_no_bug(text: str) -> None:
    """The loader refuses it; what it amounts to is told all the same."""
    ruleset = Ruleset({}).take([Step("iptables-restore", (), lines_of("/etc/iptables/rules.v4", text))])
    assert ruleset.unread == []
    assert [found.name for found in ruleset.tables()] == ["filter"]


@pytest.mark.parametrize("text", ['"' * 100, "table " + '"' * 10 + " {", "{" * 3000, "table x {\n" * 3000])
def test_a_file_of_nft_is_no_bug(text: str) -> None:
    """Quotes without a word between them, and blocks in blocks."""
    ruleset = Ruleset({}).take([Step("nft", ("-f", "-"), lines_of("/etc/nftables.conf", text))])
    assert ruleset.unread == []


@pytest.mark.parametrize("text", [*RULES.values(), '"' * 100])
def test_saved_rules_that_make_no_sense_lose_no_check(text: str) -> None:
    """Neither those of the boot nor any other."""
    file = "/etc/iptables/rules.v4"
    examples = (test_probe_firewall_boot.HEALTHY, *test_probe_firewall_boot.BROKEN.values())
    hosts = [example if isinstance(example, FakeHost) else example[0] for example in examples]
    loading = [host for host in hosts if file in host.files]
    assert loading
    for host in loading:
        assert bugs(replace(host, files={**host.files, file: text}), test_probe_firewall_boot.RUN) == []


def test_what_a_tool_prints_is_checked_before_it_is_read() -> None:
    """Of the rehearsal as of the live rules: a hostile or a broken program printed half a line."""
    found = _dump({"name": "nft ip", "status": 0, "text": "*filter\n:I\nCOMMIT\n"})
    assert found.error == "nft ip: its output is no list of rules, or ends in the middle"
    assert tables_of_boot((found,)) == ()
    assert _dump({"name": "nft ip", "status": 0, "text": ""}).error is None


@pytest.mark.parametrize(
    "rule", ["--dport \u00b2", "--dport 1:\u00b2", "-m owner --uid-owner 0-x", "--uid-owner \u00b2"]
)
def test_a_number_that_is_none_cannot_be_told(rule: str) -> None:
    packet = match.Packet("tcp", "10.0.0.4", "10.0.0.5", None, 80, "", "eth0", "NEW", 0)
    assert match.matches(match.parse(f"-A OUTPUT -p tcp {rule} -j DROP"), packet) is None


# --- what unfolds -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("times", [20, 60])
def test_variables_do_not_unfold_to_gigabytes(times: int) -> None:
    """Twenty bytes a line doubled the value: 26 lines made 4 GB."""
    proxy = "http_proxy=xxxxxxxxxxxxxxxx\n" + 'http_proxy="${http_proxy}${http_proxy}"\n' * times
    assert len(assignments(proxy)["http_proxy"]) <= VALUE_MOST
    grub = (
        'GRUB_CMDLINE_LINUX="xxxxxxxxxxxxxxxx"\n'
        + 'GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX$GRUB_CMDLINE_LINUX"\n' * times
    )
    assert sum(len(word) for word in of_defaults([grub])) <= 2 * VALUE_MOST


def test_variables_are_put_in_as_ever() -> None:
    """A value that is no attack is whole."""
    assert assignments("host=proxy\nhttp_proxy=http://${host}:$port/\n")["http_proxy"] == "http://proxy:/"


# --- state files, disks, addresses --------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["[" * 4000, '{"vm": 1}', "\0", ""], ids=["deep", "other", "zeros", "empty"])
def test_a_damaged_state_is_started_over_with_a_word(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The service ended in a traceback and was started again for ever."""
    assert remembered(FakeHost(files={STATE: text}), "vm") is None
    assert f"cannot read {STATE}" in capsys.readouterr().err


def test_a_state_that_is_not_there_is_no_news(capsys: pytest.CaptureFixture[str]) -> None:
    assert remembered(FakeHost(), "vm") is None
    assert capsys.readouterr().err == ""


LVM = """vg {{ extent_size = {extent} physical_volumes {{ pv0 {{ pe_start = {begin} }} }}
logical_volumes {{ root {{ segment1 {{ start_extent = 0 extent_count = 1 type = "striped" stripe_count = 1
stripes = ["pv0", {stripe}] }} }} }} }}"""


@pytest.mark.parametrize(
    "values",
    [
        {"extent": f'"{"A" * 900_000}"', "begin": "2048", "stripe": "0"},
        {"extent": '"AAAA"', "begin": "2048", "stripe": "9" * 18},
        {"extent": "8192", "begin": '"A"', "stripe": "0"},
        {"extent": "8192", "begin": "2048", "stripe": '"A"'},
    ],
    ids=["long", "overflow", "begin", "stripe"],
)
def test_a_text_in_the_place_of_a_number_is_no_volume(values: dict[str, str]) -> None:
    """A text times 512 took 2.7 GB, and times a large number ended the run."""
    (group,) = lvm.parse(LVM.format(**values)).values()
    physical = partition_table.Volume("partition 1", 0, 1 << 30, kind="LVM")
    with pytest.raises(lvm.Damaged):
        list(lvm._of_group("vg", group, physical))


@pytest.mark.parametrize("length", [512, 520, 531, 532, 560])
def test_a_gpt_that_is_cut_off_is_damaged(length: int) -> None:
    """Within the first bytes of its header."""
    sector = bytearray(512)
    sector[446:462] = bytes((0, 0, 0, 0, 0xEE, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0))
    sector[510:] = b"\x55\xaa"
    disk = (bytes(sector) + b"EFI PART" + bytes(100))[:length]
    layout = partition_table.read_layout(lambda at, count: disk[at : at + count], length)
    assert layout.volumes == ()
    assert "GPT" in (layout.damage or "")


def test_a_long_address_of_the_goal_state_is_not_used() -> None:
    """Libraries that take addresses apart need seconds for 250,000 signs."""
    long = f"https://x/{'%zz' * 1000}"
    manifest = f"<a><Plugin><Version>1</Version><Uri>{long}</Uri><Uri>https://x/y</Uri></Plugin></a>".encode()
    assert goal_state.parse_manifest(manifest) == {"1": ("https://x/y",)}
    settings = {"gaFamilies": [{"name": "Prod", "uris": [long, "https://x/z"]}]}
    assert goal_state.parse_vm_settings(json.dumps(settings).encode()).families[0].manifests == ("https://x/z",)


def test_a_first_boot_with_hostile_files_has_no_bug() -> None:
    """All of it at once, as a whole run sees it."""
    host, run = test_probe_agents.HEALTHY
    files = {
        "/etc/netplan/50.yaml": NETPLAN[0],
        "/run/cloud-init/status.json": "[" * 4000,
        "/etc/iptables/rules.v4": "-A",
    }
    assert bugs(replace(host, files={**host.files, **files}), replace(run, stage=Stage.FIRSTBOOT)) == []


def test_backends_are_told_apart() -> None:
    """A step of the legacy tools fills their tables."""
    ruleset = Ruleset({}).take([Step("iptables-legacy-restore", (), lines_of("x", "*filter\nCOMMIT\n"))])
    assert [found.backend for found in ruleset.tables()] == [Backend.LEGACY]
