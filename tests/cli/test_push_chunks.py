"""Uploads in chunks: what they survive, and what is remembered of them for a later run."""

import json
import time

import pytest

import faulty_actions as act
from mishaps import assert_done, assert_told, told
from mishaps import bench_fixture  # noqa: F401
from releases import NAMES, assert_in_place, assert_order, assert_second_run, failures
from releases import release_fixture, target_fixture  # noqa: F401

CHUNK = 64 << 10
CHUNKS = ["--chunk-size", "64K"]
USER, PASSWORD = "carol", "s3cret"


def uploads(bench):
    """What lies in the folder that remembers uploads."""
    folder = bench.folder / ".local/state/ferry/uploads"
    return sorted(folder.iterdir()) if folder.exists() else []


def remembered(bench):
    """The uploads that are remembered, as they are written."""
    return [json.loads(path.read_text()) for path in uploads(bench) if path.suffix == ".json"]


def layer_of(bench):
    return bench.images["app:1"].layers[0].digest


def size_of(bench):
    """The same layer's: four chunks and a part of one."""
    return bench.images["app:1"].layers[0].size


def ranges(records):
    """[(first, behind the last)] of the PATCHes."""
    return [(int(first), int(last) + 1) for record in records
            for first, _, last in [record.headers["content-range"].partition("-")]]


def of_large(bench):
    """The PATCHes of the session that closed with app's first layer."""
    closing = bench.server.matching("PUT blob", digest=layer_of(bench))[-1]
    session = closing.path.partition("?")[0]
    return [record for record in bench.server.matching("PATCH upload")
            if record.path.partition("?")[0] == session]


def test_large_blobs_go_in_chunks(target):
    assert_done(target.load(options=CHUNKS))
    assert_in_place(target, *NAMES)
    assert_order(target.server)
    assert ranges(of_large(target)) == [(0, CHUNK), (CHUNK, 2 * CHUNK), (2 * CHUNK, 3 * CHUNK),
                                        (3 * CHUNK, 4 * CHUNK), (4 * CHUNK, size_of(target))]
    puts = {record.digest: record for record in target.server.matching("PUT blob")}
    assert puts[layer_of(target)].received == 0
    small = target.images["app:1"].layers[1]
    assert puts[small.digest].received == small.size
    assert target.server.count("DELETE upload") == 0
    assert uploads(target) == []


def test_the_least_that_a_registry_takes_is_honoured(target):
    target.server.fault("POST upload", act.set_header("OCI-Chunk-Min-Length", "100000"),
                        times=None)
    assert_done(target.load(options=CHUNKS))
    assert ranges(of_large(target)) == [(0, 100_000), (100_000, 200_000),
                                        (200_000, 300_000), (300_000, size_of(target))]


@pytest.mark.parametrize("size", ["1K", "2G", "64", "-1", "64KB", "M", "9" * 30])
def test_no_chunk_size(target, size):
    done = target.load(options=["--chunk-size", size])
    assert done.returncode == 2
    assert f"--chunk-size {size}: not a size from 64K to 1G" in done.stderr, told(done)
    assert target.server.requests == []


def nothing_but(first):
    """Range of a session that has no more than that, whatever it has."""
    return act.set_header("Range", first)


OVERCOME = {
    # what goes wrong with the second chunk of app's layer: [(match, action, times)], bytes more
    "reset": [("PATCH upload", act.cut(after=1000), 1)],
    "reset before the first byte": [("PATCH upload", act.cut(after=0), 1)],
    "503": [("PATCH upload", act.status(503), 2)],
    "429": [("PATCH upload", act.too_many(1), 1)],
    "the answer is lost": [("PATCH upload", act.lose_reply(), 1)],
    "416": [("PATCH upload", act.status(416), 1)],
    "the session is lost": [("PATCH upload", act.forget_upload(), 1)],
    "a range that cannot be": [("PATCH upload", act.cut(after=1000), 1),
                               ("GET upload", nothing_but("0-9"), 1)],
    "a range beyond what was sent": [("PATCH upload", act.cut(after=1000), 1),
                                     ("GET upload", nothing_but("0-290000"), 1)],
    "no range": [("PATCH upload", act.cut(after=1000), 1),
                 ("GET upload", nothing_but(None), 1)],
    "nobody can be asked": [("PATCH upload", act.cut(after=1000), 1),
                            ("GET upload", act.status(405), 1)],
    "the range of an answer is nonsense": [("PATCH upload", nothing_but("0-0"), None)],
}
KEEPS = ("the answer is lost", "reset", "reset before the first byte", "503", "429", "416",
         "the range of an answer is nonsense")


@pytest.mark.parametrize("name", OVERCOME)
def test_what_an_upload_survives(target, name):
    """With one job, so that it is app's largest layer that it happens to."""
    for match, action, times in OVERCOME[name]:
        target.server.fault(match, action, times=times, skip=1 if "PATCH" in match else 0)
    done = target.load(options=[*CHUNKS, "--jobs", "1", "--retries", "3"])
    assert_done(done)
    assert_in_place(target, *NAMES)
    assert uploads(target) == []
    again = "beginning it again" in done.stderr
    assert again == (name not in KEEPS), told(done)


def test_a_session_that_is_always_lost(target, release):
    target.server.fault("PATCH upload", act.forget_upload(), times=None, repo="web")
    done = target.load(options=CHUNKS)
    assert_told(done, 5, "1 of 3 images")
    assert "has lost the upload 3 times" in failures(target, done, release)["web:1"]
    assert uploads(target) == []
    assert_second_run(target, release)


def test_chunks_at_another_origin_carry_no_credentials(target):
    target.server.require_basic(USER, PASSWORD)
    target.server.fault("POST upload", act.upload_location_other_origin(), times=None)
    done = target.load(options=[*CHUNKS, "--authfile", target.authfile(USER, PASSWORD)])
    assert_done(done)
    assert target.server.count("PATCH upload", listener="second") > 5
    assert target.server.count("PATCH upload", listener="registry") == 0
    assert target.server.authorization_seen("registry")
    assert target.server.authorization_seen("second") == []


def revoked(exchange):
    """401 to a token that was good when the chunk began."""
    exchange.registry.revoke_tokens(exchange.request.repo)
    exchange.body.read()
    exchange.send(exchange.registry.auth.unauthorized(exchange.request))


def test_a_token_that_ends_between_two_chunks(target):
    """The chunk is sent again with another one, and none before it."""
    target.server.require_bearer(user=USER, password=PASSWORD)
    rule = target.server.fault("PATCH upload", act.Action("revoked", revoked), repo="app", skip=2)
    done = target.load(options=[*CHUNKS, "--jobs", "1", "--authfile",
                                target.authfile(USER, PASSWORD)])
    assert_done(done)
    assert rule.fired == 1
    assert ranges(of_large(target)) == [(0, CHUNK), (CHUNK, 2 * CHUNK), (2 * CHUNK, 3 * CHUNK),
                                        (2 * CHUNK, 3 * CHUNK), (3 * CHUNK, 4 * CHUNK),
                                        (4 * CHUNK, size_of(target))]


# What is remembered


def wait_for(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture(name="dead")
def dead_fixture(target):
    """A load that died when two chunks of app's layer were there, and the third on its way."""
    target.server.require_basic(USER, PASSWORD)
    target.server.fault("PATCH upload", act.Action("deaf", lambda exchange: time.sleep(30)),
                        skip=2)
    target.login = ["--authfile", target.authfile(USER, PASSWORD)]
    child = target.start(*target.load_args(), *CHUNKS, "--jobs", "1", *target.login)
    wait_for(lambda: target.server.count("PATCH upload") == 3)
    child.kill()
    child.wait()
    target.server.clear_faults()
    return target


def test_a_later_run_goes_on(dead):
    left, = remembered(dead)
    assert left["accepted"] == 2 * CHUNK and left["digest"] == layer_of(dead)
    for path in uploads(dead):
        assert path.stat().st_mode & 0o777 == 0o600
        assert PASSWORD not in path.read_text()
    before = len(dead.server.requests)
    done = dead.load(options=[*CHUNKS, *dead.login])
    assert_done(done)
    assert "going on with the upload of " + layer_of(dead) in done.stderr
    assert "128 KiB are there" in done.stderr
    sent = [record for record in of_large(dead) if record in dead.server.requests[before:]]
    assert ranges(sent) == [(2 * CHUNK, 3 * CHUNK), (3 * CHUNK, 4 * CHUNK), (4 * CHUNK, size_of(dead))]
    assert_in_place(dead, *NAMES)
    assert uploads(dead) == []


def test_a_session_that_is_gone_is_forgotten(dead):
    dead.server.store.uploads.clear()
    done = dead.load(options=[*CHUNKS, *dead.login])
    assert_done(done)
    assert "going on" not in done.stderr
    assert ranges(of_large(dead))[0] == (0, CHUNK)
    assert uploads(dead) == []


def test_what_was_written_down_is_not_believed(dead):
    """It says more than the registry has: all begins again."""
    path, = (path for path in uploads(dead) if path.suffix == ".json")
    path.write_text(path.read_text().replace(str(2 * CHUNK), str(3 * CHUNK)))
    assert_done(dead.load(options=[*CHUNKS, *dead.login]))
    assert ranges(of_large(dead))[0] == (0, CHUNK)
    assert dead.server.count("DELETE upload") == 1


@pytest.mark.parametrize("session", ["file:///etc/passwd", "http://169.254.169.254/x", "\\u0000",
                                     "http://127.0.0.1:1/elsewhere"])
def test_a_session_that_was_written_by_others(dead, session):
    """It leads to no other place than an answer of the registry could."""
    path, = (path for path in uploads(dead) if path.suffix == ".json")
    text = json.loads(path.read_text())
    path.write_text(json.dumps({**text, "session": "@"}).replace("@", session))
    assert_done(dead.load(options=[*CHUNKS, *dead.login]))
    assert_in_place(dead, *NAMES)


def test_without_chunks_nothing_goes_on(dead):
    """A single PUT closes no session of another run, and leaves it alone."""
    assert_done(dead.load(options=dead.login))
    assert_in_place(dead, *NAMES)
    assert [left["accepted"] for left in remembered(dead)] == [2 * CHUNK]


def test_two_at_once_have_a_session_each(target):
    """The second finds the first at work, and begins an upload of its own."""
    target.server.fault("PATCH upload", act.stall(after=None, seconds=3),
                        skip=2)
    first = target.start(*target.load_args(), *CHUNKS, "--jobs", "1")
    wait_for(lambda: target.server.count("PATCH upload") == 3)
    done = target.load(options=CHUNKS)
    assert_done(done)
    assert "going on" not in done.stderr
    assert_in_place(target, *NAMES)
    first.communicate(timeout=60)
    assert first.returncode == 0
    assert uploads(target) == []


def test_a_folder_that_others_may_read_is_not_used(target):
    folder = target.folder / ".local/state/ferry"
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    done = target.load(options=CHUNKS)
    assert done.returncode == 0
    notice = f"uploads are not remembered: {folder}: others may look into it (mode 755, not 700)"
    assert done.stderr.count(notice) == 1, told(done)
    assert uploads(target) == []


def test_the_state_folder_can_be_elsewhere(target):
    elsewhere = target.folder / "state"
    assert_done(target.load(options=CHUNKS, env={"XDG_STATE_HOME": elsewhere}))
    assert (elsewhere / "ferry/uploads").stat().st_mode & 0o777 == 0o700
    assert not (target.folder / ".local").exists()
