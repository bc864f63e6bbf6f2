"""First boots under a real kernel and a real systemd, in an emulator, against the stand-in platform."""
