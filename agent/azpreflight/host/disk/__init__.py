"""The file of a disk image: what it is, what is in it, and its filesystems mounted read-only.

The file may come from anywhere, so nothing in it is believed: every offset is checked against the file, every chain has
an end, and what refers to something outside the file is refused. It is read here, and only its filesystems are given to
the kernel, in a mount namespace of this process: when the process ends, however it ends, the kernel takes everything
back.
"""
