"""A stand-in for the platform: what a VM on Azure talks to, answered as WALinuxAgent and cloud-init ask for it.

Wire server, HostGAPlugin, instance metadata, DHCP, DNS, a package store with its own certificate authority, and a time
source. What they say are pure functions of a `Setup`; `servers` has the sockets. It is a tool for tests and is in no
guest: docs/standin.md lists what is answered, and which agent was seen asking.
"""
