"""Stacks of PAM that let in only whom a list, a group or a directory service knows.

The agents make a local account that none of these has heard of (pam.conf(5); pam_listfile(8); pam_succeed_if(8);
pam_sss(8)). A stack is read line by line, as far as one file goes; what an include brings in is read as a file of its
own.
"""

from __future__ import annotations

from collections.abc import Iterator

from azpreflight.dataclass import dataclass
from azpreflight.guest.limits import SMALL
from azpreflight.host import Host
from azpreflight.model import Confidence, Finding, Severity, Verdict
from azpreflight.text import files, plain

OF_DIRECTORIES = ("pam_sss.so", "pam_ldap.so", "pam_krb5.so", "pam_winbind.so", "pam_centrifydc.so", "pam_vas3.so")
"""Modules that know no account of /etc/passwd."""
NEEDED = ("required", "requisite")


@dataclass(frozen=True)
class Shut:
    """A line that a new user does not pass."""

    path: str
    line: int
    why: str
    certain: bool = False


@dataclass(frozen=True)
class _Line:
    number: int
    kind: str
    control: str
    module: str
    arguments: tuple[str, ...]


def look(host: Host, services: tuple[str, ...], groups: tuple[str, ...] = ()) -> tuple[Shut, ...]:
    """What shuts a new user out, in the files of these services; `groups` are those that he is put into."""
    found = []
    for name in services:
        path = f"/etc/pam.d/{name}"
        if host.info(path) is not None:
            lines = tuple(_lines(host.text(path, SMALL) or ""))
            found += [Shut(path, number, why, certain) for number, why, certain in _shut(lines, groups)]
    return tuple(found)


def _lines(text: str) -> Iterator[_Line]:
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split("#")[0].split()
        if len(words) < 3:
            continue
        end = next((at for at, word in enumerate(words) if word.endswith("]")), 1) if words[1].startswith("[") else 1
        if len(words) > end + 1:
            kind, control = words[0].lstrip("-"), " ".join(words[1 : end + 1])
            module = words[end + 1].rpartition("/")[2]
            yield _Line(number, kind, control, module, tuple(words[end + 2 :]))


def _shut(lines: tuple[_Line, ...], groups: tuple[str, ...]) -> Iterator[tuple[int, str, bool]]:
    for at, line in enumerate(lines):
        before = [one for one in lines[:at] if one.kind == line.kind]
        if line.control not in NEEDED or line.kind not in ("auth", "account"):
            continue
        said = dict(word.partition("=")[::2] for word in line.arguments)
        if line.module == "pam_listfile.so" and said.get("sense") == "allow":
            yield line.number, f"only who is in {said.get('file', 'a list')} passes", False
        if line.module == "pam_succeed_if.so":
            yield from _succeed_if(line, groups)
        if line.module in OF_DIRECTORIES and not any(one.module == "pam_localuser.so" for one in before):
            yield line.number, f"{line.module} knows no account of /etc/passwd", False
        if line.module == "pam_deny.so" and line.kind == "account" and not any(_ends(one.control) for one in before):
            yield line.number, "pam_deny.so comes before any module that may end the stack", True


def _succeed_if(line: _Line, groups: tuple[str, ...]) -> Iterator[tuple[int, str, bool]]:
    for word, value in zip(line.arguments, line.arguments[1:]):
        if word == "ingroup" and not set(value.split(":")) & set(groups):
            yield line.number, f"only who is in the group {value} passes", False


def _ends(control: str) -> bool:
    return control == "sufficient" or control.startswith("[") or control in ("include", "substack")


def judge(found: tuple[Shut, ...]) -> Iterator[Verdict]:
    """No stack is for known users alone."""
    for one in found:
        yield Finding(
            Severity.ERROR if one.certain else Severity.WARNING,
            f"PAM shuts out the user of a new VM: line {one.line} of {plain(one.path)}: {plain(one.why, 120)}",
            "Remove the line, or let it pass local users.",
            (f"sed -i '{one.line}s/^/# /' {files([one.path])}",),
            confidence=Confidence.CERTAIN if one.certain else Confidence.LIKELY,
            confidence_reason="seen directly" if one.certain else "VMs may be created with a user whom it knows",
        )
