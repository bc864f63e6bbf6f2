"""The guest's own firewall: what its rules are, and what they do to the flows that provisioning needs.

A VM whose own netfilter rules drop the way to 168.63.129.16 never reports Ready, and nothing in the portal says why.
The rules are dumped with the system's own tools, copied into a throwaway network namespace, and the flows are really
tried there, so that the kernel decides and names the rule.
"""
