"""Names of algorithms that sshd takes, of OpenSSH 7.4 to 10 together (OpenSSH, cipher.c, mac.c, kex-names.c, sshkey.c).

One name in a list that this sshd does not know ends it at the start, unless the list takes names away.
"""

from __future__ import annotations

from collections.abc import Mapping

_CIPHERS = """
3des-cbc aes128-cbc aes192-cbc aes256-cbc rijndael-cbc@lysator.liu.se aes128-ctr aes192-ctr aes256-ctr
aes128-gcm@openssh.com aes256-gcm@openssh.com chacha20-poly1305@openssh.com
"""
_MACS = """
hmac-sha1 hmac-sha1-96 hmac-sha2-256 hmac-sha2-512 hmac-md5 hmac-md5-96 umac-64@openssh.com umac-128@openssh.com
hmac-sha1-etm@openssh.com hmac-sha1-96-etm@openssh.com hmac-sha2-256-etm@openssh.com hmac-sha2-512-etm@openssh.com
hmac-md5-etm@openssh.com hmac-md5-96-etm@openssh.com umac-64-etm@openssh.com umac-128-etm@openssh.com
"""
_KEX = """
diffie-hellman-group1-sha1 diffie-hellman-group14-sha1 diffie-hellman-group14-sha256 diffie-hellman-group16-sha512
diffie-hellman-group18-sha512 diffie-hellman-group-exchange-sha1 diffie-hellman-group-exchange-sha256
ecdh-sha2-nistp256 ecdh-sha2-nistp384 ecdh-sha2-nistp521 curve25519-sha256 curve25519-sha256@libssh.org
sntrup4591761x25519-sha512@tinyssh.org sntrup761x25519-sha512 sntrup761x25519-sha512@openssh.com
mlkem768x25519-sha256 mlkem768nistp256-sha256 mlkem1024nistp384-sha384
"""
CIPHERS, MACS, KEX = (frozenset(text.split()) for text in (_CIPHERS, _MACS, _KEX))
CHOSEN: Mapping[str, frozenset[str]] = {"ciphers": CIPHERS, "macs": MACS, "kexalgorithms": KEX}
"""Keyword: the names that it takes."""
OF_KEYS = ("pubkeyacceptedalgorithms", "pubkeyacceptedkeytypes")
OF_RSA = ("rsa-sha2-256", "rsa-sha2-512", "ssh-rsa")


def unknown(keyword: str, value: str) -> tuple[str, ...]:
    """The names of a list that no version has; none for a list that takes names away, or of another keyword."""
    names = CHOSEN.get(keyword)
    if names is None or value.startswith("-"):
        return ()
    return tuple(name for name in value.lstrip("+^").split(",") if name and name not in names)
