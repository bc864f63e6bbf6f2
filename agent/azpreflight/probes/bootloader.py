"""The kernel command line that the next boot will have, as the boot loader's files tell it.

What /proc/cmdline says is that of this boot only, and a mounted image has none. GRUB's generated file and the entries
of the Boot Loader Specification are what counts, whatever /etc/default/grub says (grub.cfg; loader entries, systemd).
"""

from azpreflight.host import Host

GRUB = ("/boot/grub/grub.cfg", "/boot/grub2/grub.cfg")
ENTRIES = ("/boot/loader/entries/*.conf", "/boot/efi/loader/entries/*.conf", "/efi/loader/entries/*.conf")
LIMIT = 512 * 1024
"""Bytes of one file; a grub.cfg with many kernels has some 50 KiB."""


def options(host: Host) -> "tuple[str, ...]":
    """The options of the first entry of every boot loader that is there, in one list."""
    lines = [
        first for path in GRUB if (first := _first(host.text(path, LIMIT) or "", ("linux", "linuxefi", "linux16")))
    ]
    entries = [path for pattern in ENTRIES for path in host.glob(pattern)]
    lines += [_first(host.text(path, LIMIT) or "", ("options",)) for path in entries[-1:]]
    return tuple(word for line in lines for word in line.split()[1:])


def _first(text: str, words: "tuple[str, ...]") -> str:
    """The first line that begins with one of these words."""
    lines = (line.strip() for line in text.splitlines())
    return next((line for line in lines if line.split(None, 1)[:1] and line.split(None, 1)[0] in words), "")
