"""The units under a real systemd, in namespaces of a scratch tree: a second to boot, and no emulator."""
