"""Where the distributions keep the certificates that they trust; apart from `tls`, which takes longer to import."""

from __future__ import annotations

BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Gentoo, Alpine
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, RHEL and its kin, Azure Linux
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  # the same, where the link above is gone
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/var/lib/ca-certificates/ca-bundle.pem",  # SUSE, where the link above is gone
)
"""The first one that is there and not empty counts."""
DIRECTORY = "/etc/ssl/certs"
"""Where certificates lie one by one under hashes of their names (c_rehash(1)): used where there is no bundle."""
