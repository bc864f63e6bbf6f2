"""The stand-in platform itself: every server answers from inside the VM as the real one does, and nothing is left."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from azpreflight.standin import addresses
from azpreflight.standin.extension import HELLO, STORE_HOSTS
from azpreflight.standin.identity import CONFIG_NAME, CONTAINER_ID, VM_ID
from tests.netns import namespaces, topology
from tests.netns.standin import BUNDLE, Fault, StandIn, standin

pytestmark = pytest.mark.root

FETCH = """
import json, sys, urllib.error, urllib.request
requests = json.loads(sys.argv[1])
answers = []
for url, headers in requests:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=5) as response:
            answers.append([response.status, response.read().decode("latin-1")])
    except urllib.error.HTTPError as error:
        answers.append([error.code, ""])
    except OSError as error:
        answers.append([0, str(error)])
print(json.dumps(answers))
"""
VERSION = {"x-ms-version": "2012-11-30"}
PLUGIN = {"x-ms-containerid": CONTAINER_ID, "x-ms-host-config-name": CONFIG_NAME}


def fetch(platform: StandIn, *requests: tuple[str, dict[str, str]]) -> list[tuple[int, str]]:
    """Status and body of each request, made by the VM's own Python through the VM's own resolver; 0: no answer."""
    done = platform.vm.run("/usr/bin/python3", "-c", FETCH, json.dumps(requests))
    assert done.status == 0, done.stderr
    return [(status, body) for status, body in json.loads(done.stdout)]


def test_every_server_answers_the_vm_at_its_real_address() -> None:
    """Wire server, HostGAPlugin, IMDS, DNS and the store over TLS, with the VM's own certificates."""
    package = HELLO.packages[0]
    with standin() as platform:
        answers = fetch(
            platform,
            ("http://168.63.129.16/?comp=versions", {}),
            ("http://168.63.129.16/machine/?comp=goalstate", VERSION),
            ("http://168.63.129.16/machine/?comp=goalstate", {}),
            ("http://168.63.129.16/machine/c/i?comp=config&type=extensionsConfig", VERSION),
            ("http://168.63.129.16:32526/versions", {}),
            ("http://168.63.129.16:32526/vmSettings", PLUGIN),
            ("http://168.63.129.16:32526/extensionArtifact", {**PLUGIN, "x-ms-artifact-location": package}),
            ("http://169.254.169.254/metadata/instance?api-version=2021-08-01", {"Metadata": "true"}),
            ("http://169.254.169.254/metadata/instance?api-version=2021-08-01", {}),
            (HELLO.manifests[1], {}),
            (package, {"Range": "bytes=0-65535"}),
            ("https://management.azure.com/", {}),
        )
        asked = platform.requests()
    assert [status for status, _ in answers] == [200, 200, 400, 200, 200, 404, 200, 200, 400, 200, 206, 200]
    assert CONTAINER_ID in answers[1][1]
    assert HELLO.name in answers[3][1]
    assert answers[6][1].startswith("PK")
    assert VM_ID in answers[7][1]
    assert len(answers[10][1]) == 65536
    assert {entry["service"] for entry in asked} == {"wire", "hostgaplugin", "imds", "store", "dns"}


def test_the_vm_is_addressed_like_one_on_azure() -> None:
    """One interface, a default route and the two host routes of DHCP option 121."""
    with standin() as platform:
        addresses = platform.vm.run("ip", "-4", "-o", "address", "show", "eth0").stdout
        routes = platform.vm.run("ip", "-4", "route").stdout
        ipv6 = platform.vm.run("ip", "-6", "-o", "address").stdout
    assert f"inet {topology.VM}/24" in addresses
    assert {line.split(" dev ")[0] for line in routes.splitlines()} == {
        "default via 10.0.0.1",
        "10.0.0.0/24",
        "168.63.129.16 via 10.0.0.1",
        "169.254.169.254 via 10.0.0.1",
    }
    assert ipv6 == ""


def test_the_dual_stack_vm_has_an_ipv6_address_and_route() -> None:
    """IPv6 can be turned on."""
    with standin(ipv6=True) as platform:
        addresses = platform.vm.run("ip", "-6", "-o", "address", "show", "eth0").stdout
        pinged = platform.vm.run("ip", "-6", "route", "get", "2001:db8::1").stdout
    assert topology.VM_IPV6 in addresses
    assert topology.GATEWAY_IPV6 in pinged


def test_the_vm_has_its_own_root() -> None:
    """What a program changes in the VM stays there, and its firmware says Azure."""
    with standin(Fault(files={"/etc/planted": "x\n", "/etc/debian_version": None})) as platform:
        done = platform.vm.run(
            "sh", "-c", "echo y > /etc/azpreflight-standin-test; cat /etc/planted; ls /etc/debian_version; hostname"
        )
        uuid = platform.vm.run("cat", "/sys/class/dmi/id/product_uuid").stdout
        agent = platform.vm.run("test", "-x", "/usr/sbin/waagent").status
    assert done.stdout.split() == ["x", "standin"]
    assert "No such file" in done.stderr
    assert not Path("/etc/azpreflight-standin-test").exists()
    assert uuid.strip() == VM_ID
    assert agent == 0


def test_faults_of_servers_network_and_files_take_effect() -> None:
    """Each kind of fault, one example."""
    fault = Fault(
        setup={"store": 403},
        behaviours={"wire": "closed", "imds": "503"},
        dns={"10.0.0.5": "refused"},
        commands=(("vm", "ip route del 169.254.169.254"),),
        files={"/etc/resolv.conf": "nameserver 10.0.0.5\n", BUNDLE: ""},
    )
    with standin(fault) as platform:
        answers = fetch(
            platform,
            ("http://168.63.129.16/?comp=versions", {}),
            ("http://169.254.169.254/metadata/instance?api-version=2021-08-01", {"Metadata": "true"}),
            ("http://management.azure.com/", {}),
            (f"http://{topology.STORE}/", {"Host": STORE_HOSTS[0]}),
            (f"https://{topology.STORE}/", {}),
        )
        rcodes = [entry["rcode"] for entry in platform.requests() if entry["service"] == "dns"]
    assert [status for status, _ in answers] == [0, 503, 0, 403, 0]
    assert "refused" in answers[0][1]
    assert "certificate" in answers[4][1]
    assert set(rcodes) == {"REFUSED"}


PROXIED = """
import sys, urllib.error, urllib.request
try:
    with urllib.request.urlopen(sys.argv[1], timeout=5) as response:
        print(response.status, response.headers["Date"])
except OSError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("behaviour", "url", "words"),
    [
        ("answers", "https://management.azure.com/", "200"),
        ("answers", "http://management.azure.com/", "200"),
        ("answers", "http://169.254.169.254/metadata/instance?api-version=2021-08-01", "400"),
        ("407", "https://management.azure.com/", "407"),
        ("closed", "https://management.azure.com/", "refused"),
    ],
)
def test_the_proxy_tunnels_forwards_and_refuses(behaviour: str, url: str, words: str) -> None:
    """A host of the virtual network, which instance metadata does not take for the VM."""
    proxy = f"http://{addresses.PROXY}:3128"
    with standin(Fault(behaviours={"proxy": behaviour})) as platform:
        variables = (f"http_proxy={proxy}", f"https_proxy={proxy}")
        done = platform.vm.run("env", *variables, "/usr/bin/python3", "-c", PROXIED, url)
        asked = [entry for entry in platform.requests() if entry["service"] == "proxy"]
    assert words in done.stdout
    assert len(asked) == (behaviour != "closed")


def test_certificates_clocks_and_local_resolvers_can_be_wrong() -> None:
    """What the internet's servers present, their clocks, and a resolver on the VM itself."""
    fault = Fault(
        setup={"clock_s": 86400.0 * 366},
        behaviours={"certificate": "inspected"},
        dns={"127.0.0.53": f"forwards {topology.WIRE_SERVER}"},
        files={"/etc/resolv.conf": "nameserver 127.0.0.53\n", "/run/planted": "x\n"},
    )
    with standin(fault) as platform:
        secure, plain = (
            platform.vm.run("/usr/bin/python3", "-c", PROXIED, f"{scheme}://management.azure.com/").stdout
            for scheme in ("https", "http")
        )
        year = int(platform.vm.run("date", "+%Y").stdout)
        planted = platform.vm.run("cat", "/run/planted").stdout
    assert "certificate verify failed" in secure
    assert str(year + 1) in plain
    assert planted == "x\n"


def test_nothing_is_left_behind_even_after_a_failure() -> None:
    """Namespaces, processes and files go with the context."""

    def own() -> set[str]:
        return {path.name for path in namespaces.DIRECTORY.glob(f"{namespaces.PREFIX}-{os.getpid()}-*")}

    with pytest.raises(KeyboardInterrupt), standin() as platform:
        directory = platform.directory
        assert len(own()) == len(topology.ROLES)
        raise KeyboardInterrupt
    assert own() == set()
    assert not directory.exists()


def test_namespaces_of_a_dead_process_are_removed() -> None:
    """A killed run's leavings are found by the process id in the name; those of the living stay."""
    dead, living = f"{namespaces.PREFIX}-4194305-abcdef-vm", f"{namespaces.PREFIX}-1-abcdef-vm"
    namespaces.create([dead, living])
    try:
        namespaces.remove_stale()
        assert not (namespaces.DIRECTORY / dead).exists()
        assert (namespaces.DIRECTORY / living).exists()
    finally:
        namespaces.remove([dead, living])
