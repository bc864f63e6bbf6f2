"""What azpreflight makes of the rules that a machine has saved for its next boot.

The machine is a Debian root with the real packages, in namespaces of its own (see `vm`), and nothing around it: its
rules are read and rehearsed, so nobody has to answer. The same look at the same files as a mounted image is made from
outside.
"""

from __future__ import annotations

import contextlib
import json
import shlex
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Optional

from azpreflight.firewall.boot.facts import SavedRulesFacts
from azpreflight.firewall.facts import FlowFacts, Outcome
from azpreflight.host import LocalHost
from azpreflight.model import Run, codec
from azpreflight.probes import firewall_boot
from tests.netns.guest import guest
from tests.netns.vm import CHECKOUT, Vm
from tests.support.scratchroot import overlay, run_inside, tree_for_test

PERSISTENT = ("firewalld", "ipset-persistent", "iptables-persistent", "nftables")
UFW = ("iptables", "nftables", "ufw")
WANTS = "/etc/systemd/system/multi-user.target.wants"
LOOK = f"import sys; sys.path.insert(0, {str(CHECKOUT)!r}); from tests.netns import booting; booting.main()"
RULES4, RULES6, NFTABLES = "/etc/iptables/rules.v4", "/etc/iptables/rules.v6", "/etc/nftables.conf"
Files = Mapping[str, Optional[str]]


class Machine:
    """A running machine, or an image of one."""

    def __init__(self, vm: Optional[Vm], root: Optional[Path], namespace: str = "") -> None:
        self._vm, self._root = vm, root
        self.namespace = namespace
        """The network namespace of a running machine."""

    def shell(self, script: str) -> str:
        """Run a script in it; the first command that fails ends it."""
        if self._vm is not None:
            done = self._vm.run("sh", "-e", "-c", script)
            assert done.status == 0, done.stderr
            return done.stdout
        assert self._root is not None
        ended = run_inside(self._root, "sh", "-e", "-c", script, network=False)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def write(self, files: Files) -> None:
        """Write files; None removes one."""
        for path, text in files.items():
            if text is None:
                self.shell(f"rm -f {shlex.quote(path)}")
            else:
                here = shlex.quote(path)
                self.shell(
                    f"mkdir -p $(dirname {here}); rm -f {here}; cat > {here} <<'END-OF-FILE'\n{text}\nEND-OF-FILE\n"
                )

    @property
    def command(self) -> list[str]:
        """The command line that looks at a running machine from within, and prints the facts."""
        return self.command_of(sys.executable, "-c", LOOK)

    def command_of(self, *program: str) -> list[str]:
        """The command line that runs a program in a running machine."""
        assert self._vm is not None
        return self._vm.command(program)

    def look(self) -> SavedRulesFacts:
        """What azpreflight sees."""
        if self._root is not None:
            return firewall_boot.gather(LocalHost(str(self._root)), Run(root=str(self._root)))
        assert self._vm is not None
        done = self._vm.run(sys.executable, "-c", LOOK)
        assert done.status == 0, done.stderr
        facts: SavedRulesFacts = codec.decode(SavedRulesFacts, json.loads(done.stdout))
        return facts


@contextlib.contextmanager
def running(packages: tuple[str, ...], files: Files) -> Iterator[Machine]:
    """A machine of its own."""
    tree = tree_for_test("bookworm", packages)
    with contextlib.ExitStack() as stack:
        made = stack.enter_context(guest())
        scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="azpreflight-boot-"))
        machine = Machine(stack.enter_context(Vm(made.name, tree, {}, Path(scratch))), None, made.name)
        machine.write(files)
        yield machine


@contextlib.contextmanager
def mounted(packages: tuple[str, ...], files: Files) -> Iterator[Machine]:
    """The same as an image; its scripts are run inside it, without a network."""
    with overlay(tree_for_test("bookworm", packages)) as root:
        machine = Machine(None, root)
        machine.write(files)
        yield machine


def words(facts: SavedRulesFacts) -> list[dict[str, str]]:
    """For each order what is not simply allowed to root, in a few words: "blocked by filter OUTPUT 3 at FILE:12"."""
    return [
        {one.flow.text: _words(one) for one in boot.flows if one.flow.uid == 0 and one.outcome is not Outcome.ALLOWED}
        for boot in facts.boots
    ]


def _words(found: FlowFacts) -> str:
    said = [found.outcome.value]
    if found.decider is not None:
        by = found.decider
        said += ["by", by.table, by.chain, "policy" if by.number is None else str(by.number)]
        said += [f"at {by.file}" + (f":{by.line}" if by.line is not None else "")] if by.file is not None else []
    elif found.reason is not None:
        said.append(found.reason)
    return " ".join(said)


def main() -> None:
    """Look at the machine that this process is in; the facts go to standard output."""
    json.dump(codec.encode(firewall_boot.gather(LocalHost(), Run())), sys.stdout)


def mended(machine: Machine, facts: SavedRulesFacts) -> SavedRulesFacts:
    """What is seen once the commands of what blocks have been run, as often as there is some: one rule can hide
    another."""
    for _ in range(4):
        commands = [one.decider.command for boot in facts.boots for one in boot.flows if one.decider is not None]
        if not commands:
            break
        for command in dict.fromkeys(commands):
            machine.shell(command)
        facts = machine.look()
    return facts
