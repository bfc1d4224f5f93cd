"""The good registry: what is answered when no fault is played.

Where registries differ, docker-registry 2.8.2 is the model, strictness
included: a client that gets by here gets by there.
"""

import json
import threading
import uuid
from urllib.parse import quote

from faulty_http import error, respond
from faulty_images import (DOCKER_INDEX, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST,
                           digest_of, to_json)

MANIFEST_LIMIT = 4 << 20
INDEX_TYPES = (OCI_INDEX, DOCKER_INDEX)
MANIFEST_TYPES = (OCI_MANIFEST, DOCKER_MANIFEST) + INDEX_TYPES


class Repo:
    """What one repository links to."""

    def __init__(self):
        self.blobs = set()
        self.manifests = {}     # digest -> media type
        self.tags = {}          # tag -> digest


class Store:
    """All content by digest, and the repositories that refer to it."""

    def __init__(self):
        self.lock = threading.RLock()
        self.content = {}
        self.repos = {}
        self.uploads = {}       # session -> Upload

    def repo(self, name):
        with self.lock:
            return self.repos.setdefault(name, Repo())

    def add_blob(self, repo, data):
        digest = digest_of(data)
        with self.lock:
            self.content[digest] = data
            self.repo(repo).blobs.add(digest)
        return digest

    def add_manifest(self, repo, media_type, data, tag=None):
        digest = digest_of(data)
        with self.lock:
            self.content[digest] = data
            self.repo(repo).manifests[digest] = media_type
            if tag:
                self.repo(repo).tags[tag] = digest
        return digest

    def forget(self, digest):
        """Loses content everywhere; tags and indexes still name it."""
        with self.lock:
            for repo in self.repos.values():
                repo.blobs.discard(digest)
                repo.manifests.pop(digest, None)

    def find_blob(self, repo, digest):
        with self.lock:
            known = repo in self.repos and digest in self.repos[repo].blobs
            return self.content[digest] if known else None

    def find_manifest(self, repo, ref):
        """(media type, bytes) by tag or digest, or None."""
        with self.lock:
            if repo not in self.repos:
                return None
            digest = self.repos[repo].tags.get(ref, ref)
            media_type = self.repos[repo].manifests.get(digest)
            return (media_type, self.content[digest]) if media_type else None


class Upload:
    """An open upload session; its state must come back unharmed."""

    def __init__(self, repo):
        self.repo = repo
        self.id = str(uuid.uuid4())
        self.state = uuid.uuid4().hex + "=="    # has to be percent-encoded
        self.data = bytearray()

    def location(self, base):
        return (f"{base}/v2/{self.repo}/blobs/uploads/{self.id}"
                f"?_state={quote(self.state, safe='')}")


class Routes:
    """Answers requests from the store."""

    def __init__(self, store, tokens):
        self.store = store
        self.tokens = tokens
        self.relative_locations = False

    def answer(self, request, body):
        """The response to any request; performs what it asks for."""
        if (request.kind == "token") != (request.listener.name == "token"):
            return error(404, "NOT_FOUND", request.path)
        name = f"{request.method}_{request.kind.split()[0]}".lower().replace("head_", "get_")
        method = getattr(self, "_" + name, None)
        if method is None:
            return error(405 if request.kind != "other" else 404, "UNSUPPORTED", request.path)
        return method(request, body)

    # pull

    def _get_ping(self, request, body):
        version = ("Docker-Distribution-Api-Version", "registry/2.0")
        return respond(200, b"{}", "application/json", [version])

    def _get_token(self, request, body):
        return self.tokens.issue(request, b"")

    def _post_token(self, request, body):
        return self.tokens.issue(request, body.read())

    def _get_catalog(self, request, body):
        return respond(200, to_json({"repositories": sorted(self.store.repos)}),
                       "application/json")

    def _get_tags(self, request, body):
        if request.repo not in self.store.repos:
            return error(404, "NAME_UNKNOWN", "repository name not known to registry")
        tags = sorted(self.store.repo(request.repo).tags)
        return respond(200, to_json({"name": request.repo, "tags": tags}), "application/json")

    def _get_referrers(self, request, body):
        return respond(404, b"404 page not found\n", "text/plain; charset=utf-8")

    def _get_manifest(self, request, body):
        found = self.store.find_manifest(request.repo, request.ref)
        if not found:
            return error(404, "MANIFEST_UNKNOWN", "manifest unknown")
        media_type, data = found
        if not acceptable(request.headers, media_type):
            return error(404, "MANIFEST_UNKNOWN",
                         f"{media_type} found, but accept header does not support it")
        digest = digest_of(data)
        return respond(200, data, media_type,
                       [("Docker-Content-Digest", digest), ("ETag", f'"{digest}"')])

    def _get_blob(self, request, body):
        data = self.store.find_blob(request.repo, request.ref)
        if data is None:
            return error(404, "BLOB_UNKNOWN", "blob unknown to registry")
        etag = f'"{request.ref}"'
        headers = [("Docker-Content-Digest", request.ref), ("ETag", etag),
                   ("Accept-Ranges", "bytes")]
        span = byte_range(request.headers, etag, len(data))
        if span is None:
            return respond(200, data, "application/octet-stream", headers)
        return partial(data, *span, headers)

    # push

    def _post_upload(self, request, body):
        digest, source = request.argument("mount"), request.argument("from")
        if digest and source:
            data = self.store.find_blob(source, digest)
            if data is not None:
                self.store.add_blob(request.repo, data)
                return self._created(request, "blobs", digest)
        body.read()     # a single POST is not honoured, as in 2.8.2
        upload = Upload(request.repo)
        self.store.uploads[upload.id] = upload
        return self._accepted(request, upload)

    def _patch_upload(self, request, body):
        upload = self._upload(request)
        if not upload:
            return upload_unknown()
        upload.data += body.read()
        return self._accepted(request, upload)

    def _get_upload(self, request, body):
        upload = self._upload(request)
        if not upload:
            return upload_unknown()
        return respond(204, headers=self._accepted(request, upload).headers[:-1])

    def _delete_upload(self, request, body):
        return respond(204) if self.store.uploads.pop(request.session, None) else upload_unknown()

    def _put_blob(self, request, body):
        upload = self._upload(request)
        if not upload:
            return upload_unknown()
        data = bytes(upload.data + body.read())
        if digest_of(data) != request.digest:
            return error(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        del self.store.uploads[upload.id]
        self.store.add_blob(request.repo, data)
        return self._created(request, "blobs", request.digest)

    def _put_manifest(self, request, body):
        data = body.read()
        media_type = request.headers.get("Content-Type", "").split(";")[0].strip()
        digest = digest_of(data)
        if request.kind == "manifest digest" and request.ref != digest:
            return error(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        problem = self._manifest_problem(request.repo, media_type, data)
        if problem:
            return problem
        tag = request.ref if request.kind == "manifest tag" else None
        self.store.add_manifest(request.repo, media_type, data, tag)
        return self._created(request, "manifests", digest)

    def _manifest_problem(self, repo, media_type, data):
        """The error a registry would answer to this manifest, or None."""
        if len(data) > MANIFEST_LIMIT:
            return error(400, "MANIFEST_INVALID", "http: request body too large")
        try:
            document = json.loads(data)
        except ValueError as reason:
            return error(400, "MANIFEST_INVALID", str(reason))
        if media_type not in MANIFEST_TYPES or document.get("mediaType", media_type) != media_type:
            return error(400, "MANIFEST_INVALID", "media type does not match")
        if ("manifests" in document) == ("layers" in document):
            return error(400, "MANIFEST_INVALID", "neither image nor index")
        missing = [d for d in children(document) if not self._holds(repo, media_type, d)]
        if missing:
            return error(400, "MANIFEST_BLOB_UNKNOWN", " ".join(missing))
        return None

    def _holds(self, repo, media_type, digest):
        if media_type in INDEX_TYPES:
            return self.store.find_manifest(repo, digest) is not None
        return self.store.find_blob(repo, digest) is not None

    def _upload(self, request):
        upload = self.store.uploads.get(request.session)
        return upload if upload and upload.state == request.argument("_state") else None

    def _accepted(self, request, upload):
        base = "" if self.relative_locations else request.listener.url
        return respond(202, headers=[
            ("Location", upload.location(base)),
            ("Range", f"0-{max(len(upload.data) - 1, 0)}"),
            ("Docker-Upload-UUID", upload.id)])

    def _created(self, request, what, digest):
        base = "" if self.relative_locations else request.listener.url
        return respond(201, headers=[
            ("Location", f"{base}/v2/{request.repo}/{what}/{digest}"),
            ("Docker-Content-Digest", digest)])


def upload_unknown():
    return error(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")


def children(document):
    """The digests a manifest or index refers to."""
    parts = document.get("manifests") or [document.get("config", {}), *document.get("layers", [])]
    return [part.get("digest") for part in parts if part.get("digest")]


def acceptable(headers, media_type):
    """Only exact names count, as in 2.8.2; schema 2 is what old clients get."""
    wanted = ",".join(headers.get_all("Accept") or [])
    names = [part.split(";")[0].strip() for part in wanted.split(",")]
    return media_type in names or media_type == DOCKER_MANIFEST


def byte_range(headers, etag, total):
    """(first, last) of a single range, or None to send everything."""
    value = headers.get("Range", "")
    if not value.startswith("bytes=") or "," in value or headers.get("If-Range", etag) != etag:
        return None
    first, _, last = value[len("bytes="):].partition("-")
    if not first:
        return max(total - int(last), 0), total - 1
    return int(first), min(int(last), total - 1) if last else total - 1


def partial(data, first, last, headers):
    """206, or 416 if the range lies beyond the end."""
    if first > last:
        return error(416, "RANGE_INVALID", headers=[("Content-Range", f"bytes */{len(data)}")])
    return respond(206, memoryview(data)[first:last + 1], "application/octet-stream",
                   headers + [("Content-Range", f"bytes {first}-{last}/{len(data)}")])
