"""Pushes images from a cache into a registry: each blob once, mounts after that."""

import http.client
import threading
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from urllib.parse import urlencode, urlsplit

from blobs import BlobStore
from builder import load, manifests_of

WORKERS = 4


class PushError(Exception):
    """The registry answered something else than hoped for."""


class Pusher:
    """Connections to one registry, one for each thread."""

    def __init__(self, store, registry, headers=None, tls=None):
        self._store, self._registry = store, registry
        self._headers, self._tls = dict(headers or {}), tls
        self._thread = threading.local()

    def blob(self, repository, digest):
        """Upload a blob unless the repository has it."""
        if not self._has(repository, digest):
            location = self._request("POST", f"/v2/{repository}/blobs/uploads/", 202)
            self._finish_upload(location, digest)

    def mount(self, repository, digest, source):
        """Take a blob over from another repository, or upload it if that is refused."""
        if self._has(repository, digest):
            return
        query = urlencode({"mount": digest, "from": source})
        location = self._request(
            "POST", f"/v2/{repository}/blobs/uploads/?{query}", 201, 202)
        if self.status == 202:
            self._finish_upload(location, digest)

    def manifest(self, repository, reference, descriptor):
        """Put a manifest or index under a tag or its digest."""
        self._request("PUT", f"/v2/{repository}/manifests/{reference}", 201,
                      body=self._store.read(descriptor["digest"]),
                      headers={"Content-Type": descriptor["mediaType"]})

    @property
    def status(self):
        """The status of this thread's last answer."""
        return self._thread.status

    def _has(self, repository, digest):
        self._request("HEAD", f"/v2/{repository}/blobs/{digest}", 200, 404)
        return self.status == 200

    def _finish_upload(self, location, digest):
        parts = urlsplit(location)
        path = f"{parts.path}?{parts.query}&{urlencode({'digest': digest})}"
        source = self._store.path(digest)
        with open(source, "rb") as body:
            self._request("PUT", path, 201, body=body, headers={
                "Content-Type": "application/octet-stream",
                "Content-Length": str(source.stat().st_size)})

    def _request(self, method, path, *expected, body=None, headers=None):
        """Send a request; return the Location of an expected answer."""
        connection = self._connection()
        connection.request(method, path, body, {**self._headers, **(headers or {})})
        answer = connection.getresponse()
        text = answer.read()
        if answer.status not in expected:
            raise PushError(f"{method} {path}: {answer.status} {text.decode(errors='replace')}")
        self._thread.status = answer.status
        return answer.headers.get("Location")

    def _connection(self):
        if not hasattr(self._thread, "connection"):
            self._thread.connection = (
                http.client.HTTPSConnection(self._registry, context=self._tls) if self._tls
                else http.client.HTTPConnection(self._registry))
        return self._thread.connection


def push(cache, registry, only=(), headers=None, tls=None):
    """Push the images of a cache to HOST:PORT; return their names.

    ONLY holds names or patterns ("redis:7-alpine", "trap/*"); none means all.
    HEADERS go with every request (Authorization, say); TLS is an ssl context.
    """
    images = chosen(load(cache)["images"], only)
    pusher = Pusher(BlobStore(cache), registry, headers, tls)
    sizes, users = blob_users(images)
    with ThreadPoolExecutor(WORKERS) as pool:
        for phase in (uploads(pusher, sizes, users), mounts(pusher, users),
                      children(pusher, images), tags(pusher, images)):
            run_all(pool, phase)
    return sorted(images)


def chosen(images, only):
    """The images whose name is asked for; asking for one that is not there is an error."""
    found = {name: image for name, image in images.items()
             if not only or any(fnmatchcase(name, pattern) for pattern in only)}
    for pattern in only:
        if not any(fnmatchcase(name, pattern) for name in found):
            raise PushError(f"no image {pattern} in the cache")
    return found


def blob_users(images):
    """Size of every blob, and the repositories that need it."""
    sizes, users = {}, {}
    for name, image in images.items():
        for manifest in manifests_of(image):
            for blob in (manifest["config"], *manifest["layers"]):
                sizes[blob["digest"]] = blob["size"]
                users.setdefault(blob["digest"], {})[repository_of(name)] = None
    return sizes, {digest: list(repositories) for digest, repositories in users.items()}


def repository_of(name):
    """The repository of repository:tag."""
    return name.rpartition(":")[0]


def uploads(pusher, sizes, users):
    """One upload of every blob, the largest first."""
    for digest in sorted(sizes, key=sizes.get, reverse=True):
        yield pusher.blob, (users[digest][0], digest)


def mounts(pusher, users):
    """Mounts of every blob into the other repositories that need it."""
    for digest, (source, *others) in users.items():
        for repository in others:
            yield pusher.mount, (repository, digest, source)


def children(pusher, images):
    """The manifests that indexes name, by digest: an index goes in only after them."""
    for name, image in images.items():
        for manifest in manifests_of(image):
            yield pusher.manifest, (repository_of(name), manifest["digest"], manifest)


def tags(pusher, images):
    """What the tags name."""
    for name, image in images.items():
        repository, _, tag = name.rpartition(":")
        yield pusher.manifest, (repository, tag, image)


def run_all(pool, phase):
    """Run the calls of a phase on the pool; the first failure fails the phase."""
    for future in [pool.submit(call, *arguments) for call, arguments in phase]:
        future.result()
