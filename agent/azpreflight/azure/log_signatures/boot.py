"""What the kernel and systemd write of a boot, on the console and in the journal.

Kernel: init/main.c, init/do_mounts.c, kernel/panic.c, kernel/hung_task.c, kernel/watchdog.c, mm/oom_kill.c, fs/.
systemd: src/core/job.c, src/core/transaction.c, src/core/manager.c, src/shared, units/emergency.service.
"""

from __future__ import annotations

import re
from typing import Optional

from azpreflight.azure.log_signatures.signature import KERNEL, SYSTEMD, Signature, Step
from azpreflight.model import Cause


def _kernel(
    id: str, pattern: str, source: str, cause: Optional[Cause] = None, step: Optional[Step] = None
) -> Signature:
    return Signature(id, KERNEL, re.compile(pattern, re.ASCII), source, cause, step)


def _systemd(
    id: str, pattern: str, source: str, cause: Optional[Cause] = None, step: Optional[Step] = None
) -> Signature:
    return Signature(id, SYSTEMD, re.compile(pattern, re.ASCII), source, cause, step)


_DEVICE = r"[\w!./-]{1,40}"
"""The name of a disk or a partition, as the kernel writes it."""
KERNEL_STARTED = "kernel-started"
KERNEL_ENDED = "kernel-ended"
"""After this line a new boot begins, or nothing."""

KERNEL_LINES = (
    _kernel(KERNEL_STARTED, r"Linux version (?P<value>\d[\w.+~-]{2,60})", "init/version.c", step=Step.KERNEL),
    _kernel(
        KERNEL_ENDED,
        r"reboot: (?:Restarting system|Power down|machine restart|System halted)",
        "kernel/reboot.c",
    ),
    _kernel(
        "kernel-clock", r"setting system clock to (?P<value>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)", "drivers/rtc/class.c"
    ),
    _kernel("kernel-crash-dump", r"Command line: .{0,300}elfcorehdr=", "init/main.c"),
    _kernel(
        "root-mounted",
        r"EXT4-fs \([\w!-]{1,40}\): mounted filesystem|XFS \([\w!-]{1,40}\): (?:Ending clean mount|Mounting V\d)|"
        r"BTRFS info \(device [\w!-]{1,40}\): (?:first mount of filesystem|disk space caching is enabled)",
        "fs/",
        step=Step.ROOT,
    ),
    _kernel(
        "kernel-no-root",
        r"VFS: Unable to mount root fs|VFS: Cannot open root device",
        "init/do_mounts.c",
        Cause.BOOT_CONFIG,
    ),
    _kernel(
        "kernel-no-init",
        r"Kernel panic - not syncing: (?:No working init found|Requested init \S{1,60} failed|Attempted to kill init!)",
        "init/main.c",
        Cause.BOOT_CONFIG,
    ),
    _kernel(
        "kernel-panic",
        r"Kernel panic - not syncing: (?:Fatal exception(?: in interrupt)?|hung_task: blocked tasks|"
        r"softlockup: hung tasks|Out of memory|sysrq triggered crash)?",
        "kernel/panic.c",
        Cause.BOOT_CONFIG,
    ),
    _kernel(
        "kernel-oops",
        r"BUG: unable to handle (?:page fault|kernel)|Oops: (?:\w{1,30}: )?\d{4}|general protection fault[:,]|"
        r"kernel BUG at [\w/.-]{1,60}",
        "arch/",
    ),
    _kernel(
        "kernel-hung-task", r"INFO: task [\w/:.+-]{1,40} blocked for more than \d{1,6} seconds", "kernel/hung_task.c"
    ),
    _kernel(
        "kernel-lockup",
        r"BUG: soft lockup - CPU#\d{1,4} stuck for \d{1,6}s|watchdog: Watchdog detected hard LOCKUP",
        "kernel/watchdog.c",
    ),
    _kernel(
        "kernel-stall", r"rcu: INFO: rcu_\w{1,20} (?:self-)?detected (?:expedited )?stall", "kernel/rcu/tree_stall.h"
    ),
    _kernel(
        "kernel-firewall",
        r"(?:BLOCK|DROP|DENY|REJECT)\w{0,20}[\]:]? ?IN=[\w.-]{0,16} OUT=[\w.-]{1,16} [A-Z0-9a-f=.: ]{0,120}"
        r"DST=(?:168\.63\.129\.16|169\.254\.169\.254)",
        "net/netfilter/nf_log_syslog.c",
        Cause.GUEST_FIREWALL,
    ),
    _kernel(
        "kernel-memory",
        r"Out of memory: Kill(?:ed)? process \d{1,10}(?: \([\w.+:-]{1,16}\))?",
        "mm/oom_kill.c",
    ),
    _kernel(
        "kernel-read-only",
        rf"[\w-]{{1,10}} \({_DEVICE}\): "
        r"(?:Remounting filesystem read-only|Filesystem has been (?:set|shut) ?(?:read-only|down))",
        "fs/",
        Cause.BOOT_CONFIG,
    ),
    _kernel(
        "kernel-filesystem",
        rf"EXT4-fs error \(device {_DEVICE}\)(?:: \w{{1,60}}:\d{{1,6}})?(?:: inode #\d{{1,20}})?|"
        rf"XFS \({_DEVICE}\): (?:Metadata corruption detected(?: at \w{{1,60}})?|Corruption of in-memory data|"
        r"Metadata CRC error detected)|"
        rf"BTRFS (?:error|critical) \(device {_DEVICE}",
        "fs/",
        Cause.BOOT_CONFIG,
    ),
    _kernel(
        "kernel-disk",
        rf"(?:\w{{1,40}}: )?I/O error, dev (?!sr|fd|loop){_DEVICE}(?:, sector \d{{1,20}})?|"
        r"nvme nvme\d{1,3}: (?:I/O (?:tag )?\d{1,6} [\w ()#]{0,80}?timeout|Device not ready; aborting)",
        "block/blk-core.c",
    ),
)

SYSTEMD_LINES = (
    _systemd(
        "init-started",
        r"Queued start job for default target (?!initrd)[\w.-]{3,40}",
        "core/main.c",
        step=Step.INIT,
    ),
    _systemd(
        "init-welcome",
        r"Welcome to (?!.{0,60}(?:dracut|nitramfs))(?P<value>[\w ./()-]{2,60})!",
        "core/manager.c, of the root filesystem and not of the initramfs",
        step=Step.INIT,
    ),
    _systemd(
        "network-online",
        r"Reached target (?:network-online\.target - |\S{1,40} - )?Network is Online|"
        r"Reached target network-online\.target",
        "units/network-online.target",
        step=Step.NETWORK,
    ),
    _systemd(
        "network-address",
        r"DHCPv4 address \d[\d./]{6,20}|bound to \d[\d.]{6,15} -- renewal|"
        r"dhcp4 \([\w.-]{1,16}\):? {1,4}(?:state changed new lease, )?address[ =]\d[\d.]{6,15}|"
        r"leased \d[\d.]{6,15} for \d{1,10} seconds",
        "the DHCP clients",
        step=Step.NETWORK,
    ),
    _systemd(
        "no-address",
        r"No DHCPOFFERS received|No working leases in persistent database|dhcp4 \([\w.-]{1,16}\): request timed out|"
        r"[\w.-]{1,16}: DHCPv4 connection timed out",
        "the DHCP clients",
        Cause.NO_NETWORK,
    ),
    _systemd("login-prompt", r"(?<!ast)(?<=[\w.-]) login:(?: |$)", "agetty", step=Step.LOGIN),
    _systemd(
        "multi-user",
        r"Reached target (?:multi-user\.target - |\S{1,40} - )?Multi-User System|Reached target multi-user\.target",
        "units/multi-user.target",
        step=Step.LOGIN,
    ),
    _systemd(
        "emergency-mode",
        r"You are in (?:emergency|rescue) mode|Give root password for (?:system )?maintenance|"
        r"Press Enter for (?:system )?maintenance|Cannot open access to console, the root account is locked|"
        r"Entering emergency mode\. Exit the shell",
        "units/emergency.service",
        Cause.BOOT_CONFIG,
    ),
    _systemd(
        "emergency-target",
        r"(?:Reached target|Started) (?:emergency\.(?:target|service)|Emergency (?:Mode|Shell))",
        "units/emergency.target",
        Cause.BOOT_CONFIG,
    ),
    _systemd(
        "device-timeout",
        r"Timed out waiting for (?:device |unit dev-)[\w./\\:@-]{1,100}(?: - /dev/[\w./\\:@-]{1,100})?",
        "core/job.c",
        Cause.BOOT_CONFIG,
    ),
    _systemd(
        "mount-failed",
        r"Failed to mount (?:[\w\\@-]{1,60}\.mount|/[\w./@-]{0,80})|"
        r"Dependency failed for (?:Local File Systems|local-fs\.target|(?:/|[\w\\@-]{1,60}\.mount)[\w./\\:@-]{0,100}|"
        r"File System Check on [\w./\\:@-]{1,80})",
        "core/job.c",
        Cause.BOOT_CONFIG,
    ),
    _systemd(
        "check-failed",
        r"Failed to start (?:systemd-fsck\S{0,60} - )?File System Check on|UNEXPECTED INCONSISTENCY; RUN fsck MANUALLY|"
        r"requires a manual fsck",
        "units/systemd-fsck@.service",
        Cause.BOOT_CONFIG,
    ),
    _systemd(
        "network-unit-failed",
        r"Failed to start (?:[\w@.\\-]{1,60} - )?(?:Raise network interfaces|Network Manager(?: Wait Online)?|"
        r"Network (?:Service|Configuration)|Wait for Network to be Configured|LSB: Bring up/down networking|"
        r"systemd-networkd\.service|networking\.service|NetworkManager\.service|wicked managed network interfaces)",
        "core/job.c",
        Cause.NO_NETWORK,
    ),
    _systemd(
        "agent-exec-missing",
        r"(?:waagent|walinuxagent|azure-init|cloud-init(?:-local|-main|-network)?)\.service: "
        r"Failed at step EXEC spawning [!-~]{1,200}: No such file or directory",
        "core/exec-invoke.c",
        Cause.NO_PROVISIONING_AGENT,
    ),
    _systemd(
        "agent-unit-failed",
        r"(?:Failed to start|Dependency failed for) (?:[\w@.\\-]{1,60} - )?(?:Azure Linux (?:VM )?Agent|"
        r"Microsoft Azure Linux Agent|Microsft Azure Linux Agent|(?:wa|walinux)agent\.service|Initial cloud-init job|"
        r"Cloud-init: (?:Local|Network) Stage|cloud-init(?:-local|-main|-network)?\.service|azure-init|Azure-Init)|"
        r"(?:waagent|walinuxagent|azure-init|cloud-init(?:-local|-main|-network)?)\.service: "
        r"(?:Failed with result|Start request repeated too quickly)",
        "core/job.c",
        Cause.NO_PROVISIONING_AGENT,
    ),
    _systemd("unit-failed", r"Failed to start [\w@.\\:-]{1,80}", "core/job.c"),
    _systemd("dependency-failed", r"Dependency failed for [\w@./\\:-]{1,80}", "core/job.c"),
    _systemd(
        "agent-cycle",
        r"Job (?:cloud-init|cloud-config|cloud-final|walinuxagent|waagent|azure-init)[\w.-]{0,40}/start "
        r"deleted to break ordering cycle",
        "core/transaction.c",
        Cause.NO_PROVISIONING_AGENT,
    ),
    _systemd(
        "ordering-cycle",
        r"Job [\w@.\\-]{1,80}/start deleted to break ordering cycle",
        "core/transaction.c",
    ),
)
