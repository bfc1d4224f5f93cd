"""Row 91: registries that take a release badly, or not at all.

What holds in all cases: no tag before all manifests, no manifest before all
its blobs, no image called loaded that is not; and the same command again,
when the registry is well, does the rest and only that.
"""

import concurrent.futures
import functools
import json
import shutil
import tempfile
import threading
from pathlib import Path

import faulty_actions as act
from faulty import FaultyRegistry
from mishaps import Bench, assert_done, assert_told, told
from releases import (NAMES, assert_in_place, assert_order, assert_second_run, failures, fill,
                      tags)
from rows import Case

LOCK = threading.Lock()


@functools.lru_cache(maxsize=None)
def make_release():
    """A bundle of three images, for as long as the tests run."""
    folder = tempfile.TemporaryDirectory(prefix="ferry-release-")  # pylint: disable=R1732
    with FaultyRegistry(seed="release") as server:
        bench = Bench(server, Path(folder.name))
        bench.keep = folder
        fill(bench)
        return bench


def release():
    with LOCK:
        return make_release()


def load(bench, options):
    return bench.load(options=options)


def pushed(*faults):
    """The release, to be loaded into a registry with these faults: (match, action, times, more)."""
    def set_up(bench):
        bench.origin = release()
        shutil.copy(bench.origin.bundle, bench.bundle)
        bench.images = bench.origin.images
        rules = []
        for match, action, times, *more in faults:
            where = dict(*more)
            if "layer" in where:
                where["digest"] = bench.images["app:1"].layers[where.pop("layer")].digest
            rules.append(bench.server.fault(match, action, times=times, **where))
        return rules[-1] if rules else None
    return set_up


def case(name, faults, check, **more):
    return Case(91, name, pushed(*faults), check, run=more.pop("run", load), most=150, **more)


# How it must end

def overcome(bench, done):
    """It took longer, and nothing else."""
    assert_done(done)
    assert_order(bench.server)
    assert_in_place(bench, *NAMES)
    assert failures(bench, done, bench.origin) == {}


def elsewhere(bench, done):
    """Everything went to another origin, which never saw who we are."""
    overcome(bench, done)
    assert bench.server.count("PUT blob", listener="second") == 7
    assert bench.server.count("PUT blob", listener="registry") == 0
    assert bench.server.authorization_seen("registry")


def filled_in(bench, words):
    app = bench.images["app:1"]
    return [word.format(host=bench.server.host, layer=app.layers[0].digest, manifest=app.manifest)
            for word in words]


def app_fails(*words):
    """No manifest of it is there; the others are; and the same command does the rest."""
    def check(bench, done):
        assert_told(done, 5, "1 of 3 images", "not in place; the same command again")
        told_of = failures(bench, done, bench.origin)
        assert list(told_of) == ["app:1"], told(done)
        for word in filled_in(bench, ("blob {layer}", *words)):
            assert word in told_of["app:1"], told(done)
        assert bench.server.count("PUT manifest", repo="app") == 0
        assert_in_place(bench, "db:1", "web:1")
        assert_second_run(bench, bench.origin)
    return check


def name_fails(*words):
    """A manifest or tag of app's, of which the blobs are there."""
    def check(bench, done):
        assert_told(done, 5, "1 of 3 images")
        told_of = failures(bench, done, bench.origin)
        assert list(told_of) == ["app:1"], told(done)
        for word in filled_in(bench, words):
            assert word in told_of["app:1"], told(done)
        assert tags(bench.server).keys() >= {"db:1", "web:1"}
        assert_order(bench.server)
    return check


def all_fail(*words):
    """Each image with its blob and these words."""
    def check(bench, done):
        assert_told(done, 1, "no image is in place: ")
        last = done.stderr.splitlines()[-1].partition("no image is in place: ")[2]
        assert any(f"{name}: blob sha256:" in last for name in NAMES), last
        told_of = failures(bench, done, bench.origin)
        assert set(told_of) == set(NAMES)
        for text in told_of.values():
            assert text.startswith("blob sha256:"), told(done)
            assert all(word in text for word in filled_in(bench, words)), told(done)
        assert tags(bench.server) == {}
    return check


# What it overcomes

def unmounted(exchange):
    """A registry that mounts nothing, and opens an upload instead."""
    exchange.request.query.pop("mount")
    exchange.send(exchange.answer())


NO_DIGEST = ("PUT", act.set_header("Docker-Content-Digest", None), None)
LATE = ("HEAD blob", act.status(404), 3, {"layer": 0})
ELSEWHERE = ("POST upload", act.upload_location_other_origin(), None)
OVERCOME = {
    "reset in the middle of a blob": [("PUT blob", act.cut(after=50_000), 1)],
    "closed at a blob's beginning": [("PUT blob", act.cut(after=0, how="fin"), 1)],
    "reset twice": [("PUT blob", act.cut(after=1000), 2)],
    "a blob's answer is lost": [("PUT blob", act.lose_reply(), 1)],
    "the upload's session is lost, once": [("PUT blob", act.forget_upload(), 1)],
    "503 to a session": [("POST upload", act.status(503), 2)],
    "503 to a blob": [("PUT blob", act.status(503), 2)],
    "503 before the blob was sent": [("PUT blob", act.status(503, early=True), 1)],
    "429, Retry-After 1": [("PUT blob", act.too_many(1), 1)],
    "reset instead of an answer to HEAD": [("HEAD blob", act.cut(after=None), 1)],
    "no HEAD": [("HEAD blob", act.status(405), None)],
    "no HEAD, and GET shows another size": [
        ("HEAD blob", act.status(405), None), ("GET blob", act.status(200, body=b"x"), None)],
    "no HEAD, and GET shows a part of another size": [
        ("HEAD blob", act.status(405), None),
        ("GET blob", act.status(206, {"Content-Range": "bytes 0-0/7"}, b"x"), None)],
    "no HEAD, and GET shows a part of something": [
        ("HEAD blob", act.status(405), None), ("GET blob", act.status(206, body=b"x"), None)],
    "no HEAD, and GET shows an empty one": [
        ("HEAD blob", act.status(405), None),
        ("GET blob", act.status(416, {"Content-Range": "bytes */0"}), None)],
    "reset in a manifest": [("PUT manifest digest", act.cut(after=10), 1)],
    "503 to a manifest": [("PUT manifest digest", act.status(503), 1)],
    "a manifest's answer is lost": [("PUT manifest digest", act.lose_reply(), 1)],
    "502 to a tag": [("PUT manifest tag", act.status(502), 1)],
    "a tag's answer is lost": [("PUT manifest tag", act.lose_reply(), 1)],
    "201 without a digest": [NO_DIGEST],
    "201 without a digest, and HEAD shows the blob late": [NO_DIGEST, LATE],
    "503 at /v2/": [("ping", act.status(503), 1)],
    "the mount is not made (202)": [("POST upload mount", act.Action("none", unmounted), None)],
    "the mount is refused (405)": [("POST upload mount", act.status(405), None)],
    "the mount fails (500)": [("POST upload mount", act.status(500), None)],
    "the mount is of another digest": [("POST upload mount", act.stored_digest_differs(), None)],
}
CASES = [case(name, faults, overcome) for name, faults in OVERCOME.items()]
CASES += [case("Location at another host", [ELSEWHERE], overcome)]
CASES += [case(f"Location at another host, {login}", [ELSEWHERE], elsewhere, login=login)
          for login in ("basic", "bearer")]

# What it cannot

ANSWER = json.dumps({"errors": [{"code": "DENIED", "message": "quota is \x1b[31mup"}]}).encode()
INVALID = json.dumps({"errors": [{"code": "MANIFEST_INVALID",
                                  "message": "we take no such thing"}]}).encode()
SLOW = ("--stall-timeout", "2", "--retries", "0")
BLOB = {
    # name: (fault of one blob of app's, words[, options])
    "201 with another digest": (act.stored_digest_differs(), "stored it as " + act.WRONG_DIGEST),
    "the upload's session is lost, for ever": (act.forget_upload(),
                                               "{host} has lost the upload twice (404)"),
    "413": (act.status(413), "{host} finds it too large (413)"),
    "413 before the blob was sent": (act.status(413, early=True),
                                     "{host} finds it too large (413)"),
    "reset in the middle of a blob, for ever": (act.cut(after=1000), "the connection broke"),
    "503 to a blob, for ever": (act.status(503), "{host} answered 503"),
    "403, the quota is full": (act.status(403, body=ANSWER), "DENIED: quota is \\x1b[31mup"),
    "400, the digest is wrong": (act.status(400), "{host} answered 400"),
    "307 to another place": (act.redirect("{second}{path}"), "{host} answered 307"),
    "silent after the blob": (act.stall(after=None, seconds=30), "no answer within 2 s", SLOW),
}
CASES += [case(name, [("PUT blob", action, None, {"layer": 0})], app_fails(words),
               options=tuple(*more)) for name, (action, words, *more) in BLOB.items()]
CASES += [case("201 without a digest, and HEAD never shows the blob",
               [NO_DIGEST, ("HEAD blob", act.status(404), None, {"layer": 0})],
               app_fails("{host} took it, but does not have it"))]

NAMING = {
    # name: (match, fault, words)
    "400 to a manifest": ("PUT manifest digest", act.status(400, body=INVALID),
                          ["manifest {manifest}", "MANIFEST_INVALID: we take no such thing"]),
    "201 with another digest, to a manifest": (
        "PUT manifest digest", act.stored_digest_differs(),
        ["manifest {manifest}", "stored it as " + act.WRONG_DIGEST]),
    "503 to a manifest, for ever": ("PUT manifest digest", act.status(503),
                                    ["manifest {manifest}", "503"]),
    "412, the tag is immutable": ("PUT manifest tag", act.status(412, body=ANSWER),
                                  ["tag 1", "{host} will not have it replaced (412)", "DENIED"]),
    "400, the tag is immutable": ("PUT manifest tag", act.status(400, body=ANSWER),
                                  ["tag 1", "{host} will not have it replaced (400)", "DENIED"]),
    "409 to a tag": ("PUT manifest tag", act.status(409), ["tag 1", "{host} will not have it replaced (409)"]),
    "403 to a tag": ("PUT manifest tag", act.status(403), ["tag 1", "{host}"]),
    "201 with another digest, to a tag": ("PUT manifest tag", act.stored_digest_differs(),
                                          ["tag 1", "stored it as " + act.WRONG_DIGEST]),
}
CASES += [case(name, [(match, action, None, {"repo": "app"})], name_fails(*words))
          for name, (match, action, words) in NAMING.items()]


def other_manifest(answer):
    """Any manifest but the right one, and consistent in itself."""
    data = answer.body[:-1] + b',"annotations":{"who":"else"}}'
    return answer.get("Content-Type"), data


READ_BACK = {
    # What the registry shows of app's tag once it has taken it: (fault, words)
    "another image": (act.document("other", other_manifest), "gives sha256:"),
    "nothing": (act.status(404), "does not show it: "),
    "403": (act.status(403), "does not show it: "),
}
CASES += [case(f"the tag reads back as {name}",
               [("GET manifest tag", action, None, {"repo": "app", "skip": 1})],
               name_fails("tag 1: {host} took it, but ", words))
          for name, (action, words) in READ_BACK.items()]
CASES += [case(f"Location {name}", [("POST upload", act.set_header("Location", value), None)],
               all_fail(words))
          for name, value, words in [
              ("absent", None, "{host} accepted an upload without saying where it goes"),
              ("file", "file:///etc/passwd", "{host} sends us to"),
              ("169.254.169.254", "http://169.254.169.254/x", "{host} sends us to")]]
CASES += [case("401 to blobs, for ever", [("PUT blob", act.unauthorized(), None)],
               all_fail("{host} refuses the credentials"), login="bearer")]


# Two at once

def twice(bench, options):
    """The same release by two at the same time; the result is the first's."""
    with concurrent.futures.ThreadPoolExecutor() as pool:
        runs = [pool.submit(bench.load, options=options, usage=f"usage{n}") for n in range(2)]
        bench.both = [run.result() for run in runs]
    return bench.both[0]


def both_done(bench, _done):
    for done in bench.both:
        assert_done(done)
    assert_in_place(bench, *NAMES)


CASES += [case("two push the same blobs at once", [("PUT blob", act.trickle_in(0.05), None)],
               both_done, run=twice)]
