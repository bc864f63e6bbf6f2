"""Membership of the build VM in a directory, a subscription or a management service.

Clones that carry it are one machine to the other side: they throw one another out, count once, or report under one
name. A key that authenticates the machine is a credential that stays valid.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator

from azpreflight.dataclass import dataclass
from azpreflight.guest.limits import KEPT, SMALL
from azpreflight.host import FileKind, Host, HostError
from azpreflight.model import Run, Severity, Verdict
from azpreflight.probes.generalization.check import ERROR, check
from azpreflight.probes.generalization.leftover import leftover, matching
from azpreflight.probes.subjects import part
from azpreflight.text import files, several


@dataclass(frozen=True)
class Product:
    """One service that machines are enrolled in."""

    name: str
    paths: tuple[str, ...]
    """Patterns; any file with something in it, or any directory that is not empty, is an enrolment."""
    severity: Severity
    command: str


PRODUCTS = (
    Product("Kerberos", ("/etc/krb5.keytab",), Severity.ERROR, "rm -f /etc/krb5.keytab"),
    Product(
        "Red Hat Subscription Management",
        ("/etc/pki/consumer/key.pem",),
        Severity.ERROR,
        "subscription-manager unregister; subscription-manager clean",
    ),
    Product(
        "Ubuntu Pro",
        ("/var/lib/ubuntu-advantage/private/machine-token.json", "/var/lib/ubuntu-pro/private/machine-token.json"),
        Severity.ERROR,
        "pro detach --assume-yes",
    ),
    Product(
        "Samba", ("/var/lib/samba/private/secrets.tdb",), Severity.ERROR, "rm -f /var/lib/samba/private/secrets.tdb"
    ),
    Product(
        "Azure Arc",
        ("/var/opt/azcmagent/certs/*", "/var/opt/azcmagent/agentconfig.json"),
        Severity.ERROR,
        "azcmagent disconnect --force-local-only",
    ),
    Product("sssd", ("/var/lib/sss/db/cache_*.ldb",), Severity.WARNING, "rm -rf /var/lib/sss/db/*"),
    Product("chrony", ("/etc/chrony/chrony.keys", "/etc/chrony.keys"), Severity.WARNING, "truncate --size 0 {path}"),
    Product("iSCSI", ("/etc/iscsi/initiatorname.iscsi",), Severity.WARNING, "rm -f /etc/iscsi/initiatorname.iscsi"),
    Product(
        "Azure Monitor agent",
        ("/etc/opt/microsoft/azuremonitoragent/config-cache/*",),
        Severity.WARNING,
        "rm -rf /etc/opt/microsoft/azuremonitoragent/config-cache",
    ),
    Product(
        "Log Analytics agent",
        ("/etc/opt/microsoft/omsagent/*/certs/oms.key", "/etc/opt/microsoft/omsagent/*/conf/omsadmin.conf"),
        Severity.ERROR,
        "rm -f {path}",
    ),
    Product("Guest Configuration", ("/var/lib/GuestConfig/*",), Severity.WARNING, "rm -rf /var/lib/GuestConfig"),
    Product(
        "Azure proxy agent", ("/var/lib/azure-proxy-agent/*",), Severity.WARNING, "rm -rf /var/lib/azure-proxy-agent"
    ),
    Product("CrowdStrike Falcon", ("/opt/CrowdStrike/falconstore*",), Severity.WARNING, "rm -f {path}"),
    Product("Tanium", ("/opt/Tanium/TaniumClient/client.db*",), Severity.WARNING, "rm -f {path}"),
    Product("Splunk", ("/opt/splunk*/etc/instance.cfg",), Severity.WARNING, "rm -f {path}"),
    Product("Microsoft Defender", ("/etc/opt/microsoft/mdatp/mdatp_onboard.json",), Severity.WARNING, "rm -f {path}"),
    Product("Wazuh and OSSEC", ("/var/ossec/etc/client.keys",), Severity.ERROR, "truncate --size 0 {path}"),
    Product("Tailscale", ("/var/lib/tailscale/tailscaled.state",), Severity.ERROR, "rm -f {path}"),
    Product("Elastic Agent", ("/opt/Elastic/Agent/fleet.enc",), Severity.ERROR, "rm -f {path}"),
    Product(
        "Kubernetes",
        ("/etc/kubernetes/*.conf", "/var/lib/kubelet/pki/*.pem", "/etc/rancher/node/password"),
        Severity.ERROR,
        "rm -f {path}",
    ),
    Product("WireGuard", ("/etc/wireguard/*.conf",), Severity.ERROR, "rm -f {path}"),
    Product("Salt", ("/etc/salt/pki/minion/minion.pem",), Severity.ERROR, "rm -f {path}"),
    Product("Puppet", ("/etc/puppetlabs/puppet/ssl/private_keys/*.pem",), Severity.ERROR, "rm -f {path}"),
    Product("Chef", ("/etc/chef/client.pem",), Severity.ERROR, "rm -f {path}"),
    Product("SUSE Customer Center", ("/etc/zypp/credentials.d/SCCcredentials",), Severity.ERROR, "rm -f {path}"),
    Product("Red Hat Insights", ("/etc/insights-client/machine-id",), Severity.WARNING, "rm -f {path}"),
    Product("Landscape", ("/var/lib/landscape/client/broker.bpickle",), Severity.WARNING, "rm -f {path}"),
    Product("Docker", ("/var/lib/docker/engine-id", "/etc/docker/key.json"), Severity.NOTE, "rm -f {path}"),
    Product("NVMe over fabrics", ("/etc/nvme/hostnqn", "/etc/nvme/hostid"), Severity.NOTE, "rm -f {path}"),
    Product("APT's repositories", ("/etc/apt/auth.conf", "/etc/apt/auth.conf.d/*"), Severity.WARNING, "rm -f {path}"),
)
"""Which files, from the documentation of each product; what they hold is never inspected, but for comments."""


@dataclass(frozen=True)
class EnrolmentFacts:
    """Which products have something here."""

    found: tuple[str, ...] = ()
    """Paths."""


def look(host: Host, run: Run) -> EnrolmentFacts:
    """Files of all products. HostError without root."""
    paths = (path for product in PRODUCTS for path in matching(host, product.paths))
    return EnrolmentFacts(tuple(path for path in paths if _holds(host, path))[:KEPT])


def _holds(host: Host, path: str) -> bool:
    """A directory counts, and a file that has more than comments."""
    info = host.info(path)
    if info is None or (info.kind is FileKind.FILE and info.size == 0):
        return False
    if info.kind is not FileKind.FILE or not path.endswith((".keys", ".iscsi")):
        return True
    try:
        lines = (host.text(path, SMALL) or "").splitlines()
    except HostError:
        return True
    return any(line.strip() and not line.lstrip().startswith(("#", "GenerateName")) for line in lines)


def judge(facts: EnrolmentFacts, run: Run) -> Iterator[Verdict]:
    """No membership of this machine goes into the image."""
    for product in PRODUCTS:
        paths = tuple(path for path in facts.found if _of(product, path))
        if paths:
            what = "a credential" if product.severity is Severity.ERROR else "an identity"
            yield leftover(
                run,
                product.severity,
                f"{what} of this machine for {product.name}: {several(paths)}",
                "Take this machine out of the service before it is captured.",
                tuple(dict.fromkeys(product.command.format(path=files([path])) for path in paths)),
                cleaned=False,
            )


def _of(product: Product, path: str) -> bool:
    return any(fnmatch.fnmatchcase(path, pattern) for pattern in product.paths)


CHECKS = (
    check(
        "gen-enrolment",
        "no domain, subscription or management enrolment is in the image",
        part("enrolment", judge),
        ERROR,
    ),
)
