"""The real programs that ferry talks to, as context managers for tests and the demo."""

import json

from certificates import Certificate, client_certificate, self_signed, server_certificate
from containerd import Containerd
from docker import Docker, newer_dockerd
from podman import Podman
from process import PeerError, Process, free_port, run, wait_for
from registry import Registry
from tokens import TokenRequest, TokenServer

__all__ = ["Certificate", "Containerd", "Docker", "PeerError", "Podman", "Process", "Registry",
           "TokenRequest", "TokenServer", "client_certificate", "free_port", "newer_dockerd",
           "self_signed", "server_certificate", "skopeo_inspect", "wait_for"]


def skopeo_inspect(registry, name, raw=False, tls_verify=False):
    """What skopeo sees under a name in a registry: a document, or its bytes if RAW."""
    options = [f"--tls-verify={str(tls_verify).lower()}"] + ["--raw"] * raw
    text = run("skopeo", "inspect", *options, f"docker://{registry.address}/{name}")
    return text.encode() if raw else json.loads(text)
