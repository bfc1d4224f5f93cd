"""Throw-away keys and certificates, made by openssl."""

from dataclasses import dataclass
from pathlib import Path

from process import run

NEW_KEY = {
    "ec": ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
    "rsa": ("-newkey", "rsa:2048"),
}


@dataclass(frozen=True)
class Certificate:
    """Files of a certificate and its key, and of the authority to trust."""

    certificate: Path
    key: Path
    authority: Path


def self_signed(directory, name, kind="ec"):
    """A certificate that is its own authority."""
    certificate, key = Path(directory) / f"{name}.pem", Path(directory) / f"{name}.key"
    run("openssl", "req", "-x509", *NEW_KEY[kind], "-nodes", "-keyout", key,
        "-out", certificate, "-days", "30", "-subj", f"/CN={name}")
    return Certificate(certificate, key, certificate)


def server_certificate(directory, names=("DNS:localhost", "IP:127.0.0.1")):
    """A server's certificate for the names, signed by a new authority."""
    authority = self_signed(directory, "authority")
    return signed(directory, "server", authority, f"subjectAltName={','.join(names)}")


def client_certificate(directory, authority):
    """A client's certificate, signed by an authority."""
    return signed(directory, "client", authority, "extendedKeyUsage=clientAuth")


def signed(directory, name, authority, extension):
    """A certificate that an authority has signed."""
    certificate, key = Path(directory) / f"{name}.pem", Path(directory) / f"{name}.key"
    run("openssl", "req", "-x509", *NEW_KEY["ec"], "-nodes", "-keyout", key,
        "-out", certificate, "-days", "30", "-subj", f"/CN={name}",
        "-CA", authority.certificate, "-CAkey", authority.key,
        "-addext", extension, "-addext", "basicConstraints=critical,CA:FALSE")
    return Certificate(certificate, key, authority.certificate)
