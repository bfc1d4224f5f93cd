"""Debian's docker-registry on a loopback port."""

import crypt
import json
import shutil
import ssl
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

from certificates import server_certificate
from process import Process, free_port


class Registry:
    """A registry with its storage in a temporary directory, or in one that is given.

    htpasswd    {user: password}: asks for Basic authentication
    tls         True, or a Certificate: speaks HTTPS; trust .authority
    token_auth  a TokenServer: asks for its tokens
    readonly    refuses every push
    deletes     lets blobs and manifests be deleted
    To fill a registry that asks for passwords or refuses pushes, push into a plain one
    and start the other on the same storage_dir.
    """

    def __init__(self, storage_dir=None, htpasswd=None, tls=None, token_auth=None,
                 readonly=False, deletes=True):
        self._directory = Path(tempfile.mkdtemp(prefix="ferry-registry-"))
        self.storage_dir = Path(storage_dir or self._directory / "storage")
        self.log = self._directory / "log"
        self.port = free_port()
        self._tls = server_certificate(self._directory) if tls is True else tls
        self._process = None
        self._write_config(htpasswd, token_auth, readonly, deletes)

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def address(self):
        """HOST:PORT."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self):
        """The address with http:// or https:// before it."""
        return f"{'https' if self._tls else 'http'}://{self.address}"

    @property
    def authority(self):
        """The certificate file to trust, if it speaks HTTPS."""
        return self._tls and self._tls.authority

    @property
    def tls_context(self):
        """An ssl context that trusts the registry, or None if it speaks HTTP."""
        return self._tls and ssl.create_default_context(cafile=self._tls.authority)

    def start(self):
        """Start the registry and wait until it answers."""
        self._process = Process(["docker-registry", "serve", self._config], self.log)
        self._process.wait_until(self.answers)

    def stop(self):
        """Stop the registry; its storage and its port stay as they are."""
        if self._process:
            self._process.stop()

    def kill(self):
        """Stop the registry as a power cut would."""
        if self._process:
            self._process.kill()

    def restart(self):
        """Start again on the same port with the same storage."""
        self.stop()
        self.start()

    def close(self):
        """Stop, and remove what is temporary."""
        self.stop()
        shutil.rmtree(self._directory, ignore_errors=True)

    def answers(self):
        """True if the registry answers, be it only to ask who is there."""
        try:
            with urllib.request.urlopen(f"{self.url}/v2/", context=self.tls_context, timeout=5):
                return True
        except urllib.error.HTTPError as error:
            return error.code == 401
        except OSError:
            return False

    def access_log(self):
        """The requests so far, as lines of the registry's log."""
        return [line for line in self.log.read_text(errors="replace").splitlines()
                if '" ' in line and " HTTP/1" in line]

    @property
    def _config(self):
        return self._directory / "config.yml"

    def _write_config(self, htpasswd, token_auth, readonly, deletes):
        """Write the configuration: JSON is YAML too."""
        config = {
            "version": 0.1,
            "log": {"level": "warn", "accesslog": {"disabled": False}},
            "storage": {"filesystem": {"rootdirectory": str(self.storage_dir)},
                        "delete": {"enabled": deletes},
                        "maintenance": {"readonly": {"enabled": readonly}}},
            "http": {"addr": self.address, "secret": "not a secret"},
        }
        if self._tls:
            config["http"]["tls"] = {"certificate": str(self._tls.certificate),
                                     "key": str(self._tls.key)}
        if htpasswd:
            config["auth"] = {"htpasswd": {"realm": "test",
                                           "path": str(self._write_htpasswd(htpasswd))}}
        if token_auth:
            config["auth"] = {"token": token_auth.registry_settings()}
        self._config.write_text(json.dumps(config), encoding="utf-8")

    def _write_htpasswd(self, users):
        path = self._directory / "htpasswd"
        path.write_text("".join(f"{user}:{bcrypt(password)}\n"
                                for user, password in users.items()), encoding="utf-8")
        return path


def bcrypt(password):
    """The only hash that the registry takes, at its lowest cost."""
    return crypt.crypt(password, crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=16))
