"""What the lines about the image, the provisioning disc and the agents themselves mean."""

from __future__ import annotations

from collections.abc import Mapping

from azpreflight.explain.meanings import texts
from azpreflight.explain.meanings.meaning import DISC, NEVER, PLATFORM, Meaning
from azpreflight.model import Severity

_MEDIA = "the host may have attached no disc, or the agent was started again after it had ejected it"

AGENTS: Mapping[str, Meaning] = {
    # --- not generalised ---
    "vm-identifier-changed": Meaning(
        "waagent found the marker of another, provisioned VM and skipped provisioning",
        texts.GENERALIZE,
        3,
        "a VM that the platform gave a new identifier would write the same",
        undone_by=NEVER,
    ),
    "agent-disabled": Meaning(
        "waagent sleeps because /var/lib/waagent/disable_agent is in the image",
        "Remove /var/lib/waagent/disable_agent from the image, or deprovision the source VM again.",
        3,
        "the VM may have been created with provisionVMAgent=false",
        undone_by=NEVER,
    ),
    "cloud-init-stale-cache": Meaning(
        "cloud-init keeps the instance of the machine that the image was made from (manual_cache_clean)",
        "Remove manual_cache_clean and /var/lib/cloud/instance/manual-clean from the image, and run cloud-init clean.",
        3,
        "the cached instance may be this VM's own",
        undone_by=NEVER,
    ),
    "cloud-init-stale-report": Meaning(
        "cloud-init found the report marker of another VM",
        texts.GENERALIZE,
        1,
        "a pre-provisioned VM has such a marker too",
    ),
    # --- provisioning media ---
    "unknown-filesystem": Meaning(
        "the kernel cannot mount the provisioning disc: its filesystem (udf, iso9660) is blocked or missing",
        texts.MEDIA_MODULE,
        3,
        "the modules may be missing for this kernel alone",
        undone_by=DISC,
        commands=("modprobe -b -n -v udf",),
    ),
    "no-medium": Meaning("the drive is there and has no disc in it", texts.MEDIA_EMPTY, 3, _MEDIA, undone_by=DISC),
    "dvd-elsewhere": Meaning(
        "something else had mounted the provisioning disc before waagent did",
        "Switch off the automatic mount of /dev/sr0 in the image.",
        3,
        "the mount point may be waagent's own",
        undone_by=DISC,
    ),
    "no-dvd": Meaning(
        "no device of the provisioning disc exists: the driver of the drive is blocked or missing",
        texts.MEDIA_DRIVE,
        3,
        _MEDIA,
        undone_by=DISC,
        commands=("modprobe -b -n -v sr_mod",),
    ),
    "dvd-not-mounted": Meaning("the provisioning disc cannot be mounted", texts.MEDIA, 2, _MEDIA, undone_by=DISC),
    "ovf-unreadable": Meaning(
        "ovf-env.xml on the provisioning disc cannot be read", texts.MEDIA, 2, _MEDIA, undone_by=DISC
    ),
    "cloud-init-ovf": Meaning("cloud-init cannot parse ovf-env.xml", texts.MEDIA, 2, _MEDIA),
    "cloud-init-no-media": Meaning(
        "cloud-init found no provisioning disc", texts.MEDIA, 1, "with IMDS it goes on without", undone_by=DISC
    ),
    "cloud-init-no-custom-data": Meaning(
        "the VM has custom data, and cloud-init could not read it: the provisioning disc was not found",
        texts.MEDIA,
        3,
        _MEDIA,
        Severity.WARNING,
        undone_by=NEVER,
    ),
    "azure-init-no-media": Meaning(
        "azure-init found no provisioning disc", texts.MEDIA, 1, "with IMDS it goes on without", undone_by=DISC
    ),
    # --- agents: none, or their configuration ---
    "waits-for-cloud-init": Meaning(
        "waagent waits for cloud-init, which did not write ovf-env.xml", texts.AGENT, 1, undone_by=DISC
    ),
    "cloud-init-off": Meaning("waagent waits for cloud-init, which does not run", texts.AGENT, 2, undone_by=DISC),
    "gave-up-on-cloud-init": Meaning(
        "waagent gave up waiting for cloud-init after 30 minutes", texts.AGENT, 2, undone_by=DISC
    ),
    "cloud-init-no-datasource": Meaning(
        "cloud-init found no datasource: it did not detect Azure, or Azure's failed",
        "Let datasource_list in the image contain Azure, and read /run/cloud-init/ds-identify.log.",
        2,
        "Azure's datasource may have failed for lack of network, disc or IMDS",
    ),
    "cloud-init-disabled": Meaning("cloud-init was disabled at this boot", texts.AGENT, 3, undone_by=NEVER),
    "agent-module-missing": Meaning(
        "a provisioning agent does not start: its Python lacks a module",
        "Install the agent's package for the Python of the image, and let /usr/bin/python3 be the distribution's own.",
        3,
    ),
    "agent-array-tostring": Meaning(
        "waagent cannot provision: it calls array.tostring, which Python 3.9 and newer do not have",
        "Let cloud-init provision in the image (Provisioning.Agent=auto, and cloud-init installed), or install a newer"
        " agent.",
        3,
    ),
    "agent-exec-missing": Meaning(
        "a provisioning agent does not start: its program, or the interpreter that it names, is not there",
        "Install the agent's package again, for the Python of the image.",
        3,
    ),
    "agent-unit-failed": Meaning("the unit of a provisioning agent failed to start", texts.AGENT, 2),
    "agent-cycle": Meaning(
        "systemd did not start a provisioning agent, to break an ordering cycle",
        "Remove the ordering (After=, Before=) that closes the cycle; the lines before name its units.",
        3,
    ),
    "provisioning-disabled": Meaning(
        "waagent does not provision: Provisioning.Enabled=n or Provisioning.Agent=disabled",
        "Set Provisioning.Agent=auto in /etc/waagent.conf of the image.",
        2,
        "another agent may provision",
    ),
    "two-agents": Meaning(
        "waagent was told to provision although cloud-init is enabled, and gave up",
        "Set Provisioning.Agent=auto in /etc/waagent.conf of the image.",
        3,
    ),
    "password-not-hashed": Meaning(
        "waagent cannot hash the password: Python has neither crypt nor a replacement",
        "Install python3-crypt-r or python3-passlib in the image, or create the VM with an SSH key.",
        3,
    ),
    "cloud-init-password": Meaning(
        "cloud-init cannot hash the password: a Python library is missing, or the password is too long",
        "Install python3-crypt-r or python3-passlib in the image, or create the VM with an SSH key.",
        3,
    ),
    "azure-init-password": Meaning(
        "azure-init provisions no user with a password", "Create the VM with an SSH key alone.", 3
    ),
    "azure-init-step": Meaning("azure-init failed at a step of provisioning", texts.AGENT_LOG, 2),
    "no-transport-certificate": Meaning(
        "waagent cannot create its transport certificate",
        "Repair openssl in the image, and its configuration; OS.OpensslPath in /etc/waagent.conf names the program.",
        3,
        "the disk may be full",
        undone_by=PLATFORM,
    ),
    "no-certificates": Meaning(
        "waagent cannot download the VM's certificates",
        "Check openssl and its policy (FIPS) in the image against the agent's version.",
        2,
        "the certificates of the VM may be damaged",
        Severity.WARNING,
        undone_by=NEVER,
    ),
    "ssh-host-key-failed": Meaning(
        "waagent cannot generate an SSH host key",
        "Set Provisioning.SshHostKeyPairType in /etc/waagent.conf to a type that ssh-keygen of the image knows.",
        3,
    ),
    "cloud-init-proxy-agent": Meaning(
        "the VM requires the Guest Proxy Agent, which is missing or fails",
        "Install azure-proxy-agent in the image, or create the VM without Metadata Security Protocol.",
        3,
    ),
    "cloud-init-vm-id": Meaning(
        "cloud-init cannot read the VM's identifier from SMBIOS",
        "Let /sys/class/dmi/id/product_uuid be readable in the image's kernel (CONFIG_DMIID).",
        3,
    ),
    "cloud-init-skips-report": Meaning(
        "cloud-init is configured not to report Ready (experimental_skip_ready_report)",
        "Remove experimental_skip_ready_report from /etc/cloud/cloud.cfg.d.",
        3,
        "something else may report Ready",
        undone_by=NEVER,
    ),
    "proxy-agent-redirector": Meaning(
        "the Guest Proxy Agent cannot start its redirector", "Use a kernel with eBPF and cgroup v2.", 2, undone_by=NEVER
    ),
    "extension-refused": Meaning(
        "a policy file in the image refuses an extension (/etc/waagent_policy.json)",
        "Add the extension to the policy file, repair the file, or remove it.",
        3,
        undone_by=NEVER,
    ),
    "extensions-disabled": Meaning(
        "waagent processes no extensions (Extensions.Enabled=n)",
        "Set Extensions.Enabled=y in /etc/waagent.conf.",
        3,
        undone_by=NEVER,
    ),
}
