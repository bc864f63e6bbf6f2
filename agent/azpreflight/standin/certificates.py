"""The stand-in's own certificate authority: it issues for the internet's servers, and whoever shall trust it gets it.

Needs python3-cryptography, which is imported where it is used.
"""

from __future__ import annotations

import base64
import datetime
import ipaddress
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Optional

from azpreflight.standin import addresses
from azpreflight.standin.identity import Identity

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

SERVER_NAMES = (
    "*.blob.core.windows.net",
    "*.azure.com",
    "*.handler.control.monitor.azure.com",
    "*.monitoring.azure.com",
    "*.ods.opinsights.azure.com",
    "*.vault.azure.net",
    "*.guestconfiguration.azure.com",
    "*.microsoft.com",
    "*.microsoftonline.com",
    "*.windows.net",
    addresses.STORE,
    addresses.PUBLIC,
)
PLACES = {"issuer": "www.microsoft.com", "list": "crl3.digicert.com", "responder": "ocsp.digicert.com"}
"""Where the servers' certificates say that issuer, revocation list and responder are, as public ones do."""
VALID = datetime.timedelta(days=3650)


@dataclass(frozen=True)
class Authority:
    """A certificate authority: its certificate and its private key, in PEM."""

    certificate: str
    key: str


def make_authority(name: str = "Stand-in Certificates") -> Authority:
    """A new one."""
    from cryptography import x509

    key = _new_key()
    subject = x509.Name([x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, name)])
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    builder = (
        _builder(subject, subject, key, _now() + VALID)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return Authority(_pem(_sign(builder, key)), _key_pem(key))


def issue(
    authority: Authority,
    names: Sequence[str] = SERVER_NAMES,
    *,
    ends: Optional[datetime.datetime] = None,
    places: bool = True,
) -> str:
    """A private key and its certificate for servers of these names and addresses, in PEM.

    `ends` is when it expires, if not in ten years; with `places` it names those of `PLACES`.
    """
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID

    issuer, issuing_key = _load(authority)
    key = _new_key()
    subject = x509.Name([x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "Stand-in")])
    public = issuing_key.public_key()
    usage = x509.KeyUsage(True, False, False, False, False, False, False, False, False)
    builder = (
        _builder(subject, issuer.subject, key, ends or _now() + VALID)
        .add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    )
    if places:
        builder = _naming(builder)
    return _key_pem(key) + _pem(_sign(builder, issuing_key))


def attested(authority: Authority, identity: Identity, nonce: str) -> str:
    """The attested document of the instance metadata service: what identifies the VM, signed (PKCS 7, base64)."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

    certificate, key = _load(authority)
    document = {
        "vmId": identity.vm_id,
        "subscriptionId": identity.subscription,
        "nonce": nonce,
        "timeStamp": {"createdOn": f"{_now():%m/%d/%y %H:%M:%S -0000}"},
    }
    builder = pkcs7.PKCS7SignatureBuilder().set_data(json.dumps(document).encode())
    signed = builder.add_signer(certificate, key, SHA256()).sign(Encoding.DER, [pkcs7.PKCS7Options.Binary])
    return base64.b64encode(signed).decode()


def _naming(builder: x509.CertificateBuilder) -> x509.CertificateBuilder:
    from cryptography import x509
    from cryptography.x509.oid import AuthorityInformationAccessOID

    place = {what: x509.UniformResourceIdentifier(f"http://{host}/{what}") for what, host in PLACES.items()}
    access = x509.AuthorityInformationAccess(
        [
            x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, place["issuer"]),
            x509.AccessDescription(AuthorityInformationAccessOID.OCSP, place["responder"]),
        ]
    )
    points = x509.CRLDistributionPoints([x509.DistributionPoint([place["list"]], None, None, None)])
    return builder.add_extension(access, critical=False).add_extension(points, critical=False)


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc)


def _new_key() -> EllipticCurvePrivateKey:
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP256R1())


def _builder(
    subject: x509.Name, issuer: x509.Name, key: EllipticCurvePrivateKey, ends: datetime.datetime
) -> x509.CertificateBuilder:
    """Valid for long enough before now that no clock of a guest is behind it."""
    from cryptography import x509

    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.datetime(2000, 1, 1, tzinfo=datetime.timezone.utc))
        .not_valid_after(ends)
    )


def _sign(builder: x509.CertificateBuilder, key: EllipticCurvePrivateKey) -> x509.Certificate:
    from cryptography.hazmat.primitives.hashes import SHA256

    return builder.sign(key, SHA256())


def _general(name: str) -> x509.GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _load(authority: Authority) -> tuple[x509.Certificate, EllipticCurvePrivateKey]:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key = load_pem_private_key(authority.key.encode(), None)
    assert isinstance(key, EllipticCurvePrivateKey)  # noqa: S101 - it is one that make_authority made
    return x509.load_pem_x509_certificate(authority.certificate.encode()), key


def _pem(certificate: x509.Certificate) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.PEM).decode()


def _key_pem(key: EllipticCurvePrivateKey) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
