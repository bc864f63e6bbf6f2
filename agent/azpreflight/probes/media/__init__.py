"""The disc on which the platform hands a new VM its configuration, and what keeps Linux from reading it.

User name, password, keys and custom data come on a virtual DVD with a UDF filesystem and nothing else on it. waagent
mounts it, and without it provisions nothing; cloud-init takes what it can from the instance metadata instead, where no
password and no custom data are. Hardening guides (CIS 1.1.1) switch udf off because no server needs it, and minimal
kernels leave it out: the image works where it was built and is never provisioned again (WALinuxAgent,
azurelinuxagent/common/osutil/default.py, mount_dvd; cloud-init, cloudinit/sources/DataSourceAzure.py).
"""

from __future__ import annotations

from azpreflight.model import Probe
from azpreflight.probes.media import checks
from azpreflight.probes.media.collect import gather
from azpreflight.probes.media.facts import MediaFacts

WORST_CASE_S = 2.0
"""One file on a disk that has died (host/local.py, FILE_TIMEOUT): the first failure ends it."""

PROBE = Probe(
    name="media",
    facts=MediaFacts,
    gather=gather,
    needs=("agents",),
    checks=checks.CHECKS,
)
