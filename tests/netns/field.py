"""States of VMs that really failed for reasons of the network, as public reports tell, and of healthy ones that are
set up in an unusual way: a VPN, a container engine, a second address, a resolver of the machine's own.

Where a program of the guest makes a state that cannot run here, its rules, routes and files are laid as it lays them.
"""

from azpreflight.model import Cause, Confidence, Severity
from tests.netns import faults
from tests.netns.scenario import Scenario
from tests.netns.standin import Fault

ERROR, WARNING = Severity.ERROR, Severity.WARNING
CERTAIN, LIKELY = Confidence.CERTAIN, Confidence.LIKELY
NEXT_SUBNET = "10.0.7.10"
"""A DNS server of the virtual network, in another subnet than the VM's."""
BRIDGE = "br-2f1c0a9b7d34"


def dns_in_next_subnet() -> Fault:
    """DHCP names a server in the next subnet, and it works."""
    return Fault(dns={NEXT_SUBNET: "answers"}, files=faults.resolv_conf(NEXT_SUBNET).files)


DOCKER_SHADOWS = faults.on(
    "vm",
    f"ip link add {BRIDGE} type bridge",
    f"ip address add 10.0.0.1/16 dev {BRIDGE}",
    f"ip link set {BRIDGE} up",
    "ip link add vethd type veth peer name inner",
    f"ip link set vethd master {BRIDGE} up",
    "ip link set inner up",
)
"""A compose file that pins 10.0.0.0/16: docker gives the bridge its first address."""
ROUTES = (
    Scenario(
        "docker-shadows-dns",
        "a docker network has 10.0.0.0/16, and with it the DNS server in the next subnet",
        (dns_in_next_subnet(), DOCKER_SHADOWS),
        Cause.DNS_UNREACHABLE,
        ERROR,
        says=(f"{NEXT_SUBNET} leaves by {BRIDGE} (docker), whose 10.0.0.0/16 covers the virtual network's",),
        sure=CERTAIN,
        fixed=True,
    ),
)
HEALTHY = (Scenario("dns-in-next-subnet", "nothing; the DNS server is in another subnet", (dns_in_next_subnet(),)),)
FIELD = (*ROUTES, *HEALTHY)
