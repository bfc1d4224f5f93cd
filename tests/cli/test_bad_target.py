"""Registries that take a release badly, or not at all.

What holds in all cases: no tag before all manifests, no manifest before all
its blobs, no image called loaded that is not; and the same command again,
when the registry is well, does the rest and only that.
"""

import json

import pytest

import faulty_actions as act
from mishaps import assert_done, assert_told, told
from mishaps import bench_fixture  # noqa: F401
from releases import NAMES, assert_in_place, assert_order, assert_second_run, failures, tags
from releases import release_fixture, target_fixture  # noqa: F401

def test_a_good_target(target, release):
    done = target.load()
    assert_done(done)
    assert done.stderr.count("loaded, read back equal") == len(NAMES)
    assert_order(target.server)
    assert_in_place(target, *NAMES)
    assert_second_run(target, release)


OVERCOME = {
    # A fault that costs time, and nothing else.
    "cut": ("PUT blob", act.cut(after=50_000), 1),
    "cut at once": ("PUT blob", act.cut(after=0, how="fin"), 1),
    "cut twice": ("PUT blob", act.cut(after=1000), 2),
    "answer lost": ("PUT blob", act.lose_reply(), 1),
    "session forgotten": ("PUT blob", act.forget_upload(), 1),
    "session refused": ("POST upload", act.status(503), 2),
    "503": ("PUT blob", act.status(503), 2),
    "503 without listening": ("PUT blob", act.status(503, early=True), 1),
    "429": ("PUT blob", act.too_many(1), 1),
    "look cut": ("HEAD blob", act.cut(after=None), 1),
    "no HEAD here": ("HEAD blob", act.status(405), None),
    "manifest cut": ("PUT manifest digest", act.cut(after=10), 1),
    "manifest 503": ("PUT manifest digest", act.status(503), 1),
    "manifest's answer lost": ("PUT manifest digest", act.lose_reply(), 1),
    "tag 502": ("PUT manifest tag", act.status(502), 1),
    "tag's answer lost": ("PUT manifest tag", act.lose_reply(), 1),
    "no digest in the answer": ("PUT", act.set_header("Docker-Content-Digest", None), None),
    "ping 503": ("ping", act.status(503), 1),
    "elsewhere": ("POST upload", act.upload_location_other_origin(), None),
}


@pytest.mark.parametrize("name", OVERCOME)
def test_what_passes_is_overcome(target, release, name):
    match, action, times = OVERCOME[name]
    rule = target.server.fault(match, action, times=times)
    done = target.load()
    assert rule.fired
    assert_done(done)
    assert_order(target.server)
    assert_in_place(target, *NAMES)
    assert failures(target, done, release) == {}


OTHERS = {
    # What a registry without HEAD says of a blob that it does not have.
    "another size": act.status(200, body=b"x"),
    "a part of another size": act.status(206, {"Content-Range": "bytes 0-0/7"}, b"x"),
    "a part of something": act.status(206, body=b"x"),
    "an empty one": act.status(416, {"Content-Range": "bytes */0"}),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_has_not_our_size_is_not_ours(target, release, name):
    target.server.fault("HEAD blob", act.status(405), times=None)
    rule = target.server.fault("GET blob", OTHERS[name], times=None)
    done = target.load()
    assert rule.fired
    assert_done(done)
    assert_in_place(target, *NAMES)
    assert failures(target, done, release) == {}


def test_an_upload_that_leads_nowhere(target, release):
    target.server.fault("POST upload", act.set_header("Location", None), times=None, repo="web")
    done = target.load()
    assert_told(done, 5, "1 of 3 images")
    assert f"{target.server.host} accepted an upload without saying where it goes" in \
        failures(target, done, release)["web:1"]


@pytest.mark.parametrize("scheme, status", [("docker://", 0), ("docker://docker://", 2)])
def test_one_scheme_is_enough(target, scheme, status):
    done = target.run("load", target.bundle, "--to", scheme + target.server.host, "--any-host")
    assert done.returncode == status, told(done)
    assert status == 0 or "docker://" in done.stderr and target.server.requests == []


def test_a_web_page_is_no_blob(target, release):
    layer = target.images["app:1"].layers[0].digest
    target.server.fault("HEAD blob", act.status(405), times=None)
    target.server.fault("GET blob", act.html_200(), times=None, digest=layer)
    done = target.load()
    assert_told(done, 5, "1 of 3 images")
    assert "is not a registry (it answered text/html)" in failures(target, done, release)["app:1"]


ANSWER = json.dumps({"errors": [{"code": "DENIED", "message": "quota is \x1b[31mup"}]}).encode()
PERMANENT = {
    # One blob of app that never gets there: (fault, words about app)
    "another digest": (act.stored_digest_differs(), ["stored it as " + act.WRONG_DIGEST]),
    "sessions forgotten": (act.forget_upload(), ["upload unknown"]),
    "too large": (act.status(413), ["{there} finds it too large (413)"]),
    "too large, early": (act.status(413, early=True), ["{there} finds it too large (413)"]),
    "cut": (act.cut(after=1000), ["{there}", "the connection broke"]),
    "503": (act.status(503), ["{there} answered 503"]),
    "quota": (act.status(403, body=ANSWER), ["DENIED: quota is \\x1b[31mup"]),
    "wrong bytes": (act.status(400), ["{there} answered 400"]),
}


@pytest.mark.parametrize("name", PERMANENT)
def test_one_image_fails_and_the_others_do_not(target, release, name):
    action, words = PERMANENT[name]
    app = target.images["app:1"]
    layer = app.layers[0].digest
    rule = target.server.fault("PUT blob", action, times=None, digest=layer)
    done = target.load()
    assert rule.fired
    assert_told(done, 5, "1 of 3 images", "not in place; the same command again")
    told_of = failures(target, done, release)
    assert list(told_of) == ["app:1"]
    for word in ["blob " + layer, *words]:
        assert word.format(there=target.server.host) in told_of["app:1"], told(done)
    assert target.server.count("PUT manifest", repo="app") == 0
    assert_in_place(target, "db:1", "web:1")
    assert_second_run(target, release)


def test_what_is_shared_fails_all_who_need_it(target, release):
    shared = target.images["app:1"].layers[1].digest
    target.server.fault("PUT blob", act.status(413), times=None, digest=shared)
    done = target.load()
    assert_told(done, 5, "2 of 3 images")
    assert set(failures(target, done, release)) == {"app:1", "db:1"}
    assert_in_place(target, "web:1")
    assert_second_run(target, release)


MANIFEST_NO = json.dumps({"errors": [{"code": "MANIFEST_INVALID",
                                      "message": "we take no such thing"}]}).encode()
REFUSED = {
    # What is said of app's manifest or tag: (match, fault, words)
    "manifest 400": ("PUT manifest digest", act.status(400, body=MANIFEST_NO),
                     ["manifest {manifest}", "MANIFEST_INVALID: we take no such thing"]),
    "manifest, another digest": ("PUT manifest digest", act.stored_digest_differs(),
                                 ["manifest {manifest}", "stored it as " + act.WRONG_DIGEST]),
    "manifest 503": ("PUT manifest digest", act.status(503), ["manifest {manifest}", "503"]),
    "tag immutable": ("PUT manifest tag", act.status(412, body=ANSWER),
                      ["tag 1", "{there} answered 412", "DENIED: quota"]),
    "tag conflict": ("PUT manifest tag", act.status(409), ["tag 1", "{there} answered 409"]),
    "tag 403": ("PUT manifest tag", act.status(403), ["tag 1", "{there}"]),
    "tag, another digest": ("PUT manifest tag", act.stored_digest_differs(),
                            ["tag 1", "stored it as " + act.WRONG_DIGEST]),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_manifest_or_tag_that_is_not_taken(target, release, name):
    match, action, words = REFUSED[name]
    rule = target.server.fault(match, action, times=None, repo="app")
    done = target.load()
    assert rule.fired
    assert_told(done, 5, "1 of 3 images")
    told_of = failures(target, done, release)
    assert list(told_of) == ["app:1"]
    manifest = target.images["app:1"].manifest
    for word in words:
        assert word.format(there=target.server.host, manifest=manifest) in told_of["app:1"]
    assert tags(target.server).keys() >= {"db:1", "web:1"}
    assert_order(target.server)


def other_manifest(answer):
    """Any manifest but the right one, and consistent in itself."""
    data = answer.body[:-1] + b',"annotations":{"who":"else"}}'
    return answer.get("Content-Type"), data


READ_BACK = {
    # What the registry shows of app's tag once it has taken it: (fault, words)
    "another image": (act.document("other", other_manifest), ["gives sha256:"]),
    "nothing": (act.status(404), ["does not show it: ", "fault 404"]),
    "no more": (act.status(403), ["does not show it: ", "fault 403"]),
}


@pytest.mark.parametrize("name", READ_BACK)
def test_a_tag_that_does_not_read_back(target, release, name):
    """It was taken, and still it is not what stands there."""
    action, words = READ_BACK[name]
    rule = target.server.fault("GET manifest tag", action, times=None, repo="app", skip=1)
    done = target.load()
    assert rule.fired > 1
    assert_told(done, 5, "1 of 3 images")
    told_of = failures(target, done, release)
    assert list(told_of) == ["app:1"]
    for word in [f"tag 1: {target.server.host} took it, but ", *words]:
        assert word in told_of["app:1"]
