"""Registries that want to know who asks, badly; and that send us elsewhere.

Above all: credentials go to the registry they are for, and to its own token
server, and to nobody else.
"""

import json

import pytest

import faulty_actions as act
from mishaps import assert_done, assert_failed, assert_packed, assert_refused, told
from mishaps import bench_fixture  # noqa: F401

NO_CREDENTIALS = ["not found, or private and no credentials for {host}",
                  "docker login, or --authfile"]


def basic(server):
    server.require_basic("carol", "s3cret:with:colons")


def bearer(server):
    server.require_bearer(user="carol", password="s3cret:with:colons")


def login(bench, password="s3cret:with:colons"):
    return ["--authfile", bench.authfile("carol", password)]


@pytest.mark.parametrize("require", [basic, bearer])
@pytest.mark.parametrize("by_environment", [False, True])
def test_credentials_open_the_door(bench, require, by_environment):
    bench.add(layers=[5000])
    require(bench.server)
    option, path = login(bench)
    if by_environment:
        done = bench.pack("app:1", env={"REGISTRY_AUTH_FILE": path})
    else:
        done = bench.pack("app:1", options=[option, path])
    assert_done(done)
    assert_packed(bench, bench.images)


@pytest.mark.parametrize("require", [basic, bearer])
def test_without_credentials(bench, require):
    bench.add()
    require(bench.server)
    assert_refused(bench, bench.pack("app:1"), {"app:1": bench.words(NO_CREDENTIALS)})


@pytest.mark.parametrize("require", [basic, bearer])
def test_with_wrong_credentials(bench, require):
    """Said once, and not shown to anybody."""
    bench.add()
    require(bench.server)
    done = bench.pack("app:1", options=login(bench, "w0rst"))
    assert_refused(bench, done, {"app:1": bench.words(["{host} refuses the credentials"])})
    assert "w0rst" not in told(done)
    assert len(bench.server.requests) < 8


def test_anonymous_token(bench):
    bench.add()
    bench.server.require_bearer()
    assert_done(bench.pack("app:1"))
    assert_packed(bench, bench.images)


@pytest.mark.parametrize("match", ["manifest", "GET blob"])
@pytest.mark.parametrize("require", [None, basic, bearer])
def test_a_loop_of_401_ends(bench, require, match):
    bench.add()
    if require:
        require(bench.server)
    rule = bench.server.fault(match, act.unauthorized(), times=None)
    done = bench.pack("app:1", options=login(bench))
    assert 0 < rule.fired <= 2, told(done)
    words = ["{host} refuses the credentials" if require else "{host}"]
    assert_refused(bench, done, {"app:1": bench.words(words)})


NO_JSON = ["{token}: the token server's answer is no JSON object"]
NO_TOKEN = ["{token}: the token server's answer holds no token"]
TOKENS = {
    # What the token server answers: (fault, words)
    "no JSON": (act.status(200, body=b"hello"), NO_JSON),
    "web page": (act.html_200(), NO_JSON),
    "no token": (act.status(200, body=b'{"expires_in":300}'), NO_TOKEN),
    "empty token": (act.status(200, body=b'{"token":""}'), NO_TOKEN),
    "a number": (act.status(200, body=b'{"token":5}'), ["token"]),
    "a header in a token": (act.status(200, body=b'{"token":"a\\r\\nX-Evil: yes"}'),
                            ["cannot stand in a header"]),
    "huge token": (act.status(200, body=b'{"token":"%s"}' % (b"a" * 100_000)),
                   ["cannot stand in a header"]),
    "huge answer": (act.status(200, body=b'{"token":"%s"}' % (b"a" * (1 << 20))),
                    ["more than 128 KiB"]),
    "endless answer": (act.endless(), ["more than 128 KiB"]),
    "404": (act.status(404), ["token server: {token} answered 404"]),
    "405": (act.status(405), ["token server: {token} answered 405"]),
    "500": (act.status(500), ["token server: {token} answered 500"]),
    "redirect": (act.redirect("{second}{path}"), ["token server: {token} answered 307"]),
}


@pytest.mark.parametrize("name", TOKENS)
def test_a_bad_token_server(bench, name):
    action, words = TOKENS[name]
    bench.add()
    bearer(bench.server)
    rule = bench.server.fault("token", action, times=None)
    done = bench.pack("app:1", options=login(bench))
    assert rule.fired and done.seconds < 10, told(done)
    words = [word.format(token=bench.server.token_origin.host) for word in words]
    assert_refused(bench, done, {"app:1": ["token server", *words]})
    assert "does not have it" not in told(done)
    assert "X-Evil" not in told(done) and "aaaa" not in told(done)
    assert bench.server.authorization_seen("second") == []
    assert not any("x-evil" in record.headers for record in bench.server.requests)


@pytest.mark.parametrize("realm, words", [
    ("file:///etc/passwd", "is no http(s) URL"),
    ("", "is no http(s) URL"),
    ("/token", "is no http(s) URL"),
    ("ftp://127.0.0.1/token", "is no http(s) URL"),
    ("http://169.254.169.254/latest", "169.254.169.254 is an address inside this network"),
    ("http://[fe80::1]/token", "is an address inside this network"),
    ("http://10.1.2.3/token", "10.1.2.3 is an address inside this network"),
    ("http://u:p@127.0.0.1/token", "names a user"),
])
def test_a_realm_that_nobody_should_ask(bench, realm, words):
    bench.add()
    bench.server.require_bearer(realm=realm)
    done = bench.pack("app:1", options=login(bench))
    assert done.seconds < 5, told(done)
    assert_refused(bench, done, {"app:1": bench.words(["{host}: its token server", words])})
    assert not any("authorization" in record.headers for record in bench.server.requests)


def test_a_realm_of_another_domain_gets_no_credentials(bench):
    """Not even asked for: the name has no address, and that is not the message."""
    bench.add()
    bench.server.require_bearer(realm="https://token.invalid/token")
    done = bench.pack("app:1", options=login(bench))
    assert_refused(bench, done, {"app:1": ["token.invalid", "gets no credentials"]})


def revoking(then=None):
    """Answers well (or plays `then`), and by then all tokens are worthless."""
    def run(exchange):
        exchange.registry.revoke_tokens()
        if then:
            then.run(exchange)
        else:
            exchange.send(exchange.answer())
    return act.Action("revoking", run)


@pytest.mark.parametrize("then", [None, act.cut(after=200_000)])
def test_a_token_that_ends_in_mid_pull(bench, then):
    """New ones are asked for, and what broke besides goes on where it was."""
    image = bench.add(layers=[400_000, 300_000])
    bearer(bench.server)
    rules = [bench.server.fault("GET blob", revoking(then), digest=layer.digest)
             for layer in image.layers]
    done = bench.pack("app:1", options=[*login(bench), "--jobs", "1"])
    assert_done(done)
    assert all(rule.fired for rule in rules)
    assert bench.server.count("token") >= 2
    assert_packed(bench, bench.images)


def test_tokens_that_live_a_moment(bench):
    """A server that says 300 s and means 50 ms."""
    bench.add(layers=[200_000] * 4)
    bench.server.require_bearer(valid_for=0.05)
    bench.server.fault("GET blob", act.trickle(20_000, 0.02), times=None)
    assert_done(bench.pack("app:1", options=["--jobs", "1"]))
    assert bench.server.count("token") > 2
    assert_packed(bench, bench.images)


# redirects

@pytest.mark.parametrize("require", [basic, bearer])
@pytest.mark.parametrize("match", ["GET blob", "manifest"])
@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_storage_gets_no_authorization(bench, require, match, code):
    bench.add(layers=[50_000])
    require(bench.server)
    rule = bench.server.fault(match, act.redirect("{second}{path}", code), times=None)
    assert_done(bench.pack("app:1", options=login(bench)))
    assert rule.fired
    assert bench.server.count(listener="second") >= 1
    assert bench.server.authorization_seen("registry")
    assert bench.server.authorization_seen("second") == []
    assert_packed(bench, bench.images)


def test_storage_that_breaks_is_asked_by_way_of_the_registry(bench):
    """Its addresses live for minutes; each try begins at the registry."""
    layer = bench.add(layers=[400_000]).layers[0]
    basic(bench.server)
    bench.server.fault("GET blob", act.redirect("{second}{path}"), times=None)
    bench.server.fault("GET blob", act.cut(after=100_000), digest=layer.digest, listener="second")
    bench.server.fault("GET blob", act.status(403), digest=layer.digest, listener="second")
    assert_done(bench.pack("app:1", options=login(bench)))
    away = bench.server.matching("GET blob", digest=layer.digest, listener="second")
    home = bench.server.matching("GET blob", digest=layer.digest, listener="registry")
    assert len(away) == len(home) == 3
    assert away[-1].headers["range"] == "bytes=100000-"
    assert bench.server.authorization_seen("second") == []
    assert_packed(bench, bench.images)


def test_storage_that_refuses(bench):
    """It is told as the storage's word; no login would help."""
    layer = bench.add().layers[0]
    bench.server.fault("GET blob", act.redirect("{second}{path}"), times=None,
                       digest=layer.digest)
    bench.server.fault("GET blob", act.status(403), times=None, listener="second")
    done = bench.pack("app:1")
    assert_failed(bench, done, bench.name("app:1"), "blob " + layer.digest,
                  f"{bench.server.second_origin.host}, where the registry sent us, answered 403")
    assert "docker login" not in told(done)


REDIRECTS = {
    "{path}": "{host} sends us from place to place, more than 5 times",
    "file:///etc/passwd": 'neither http nor https',
    "ftp://127.0.0.1/x": 'neither http nor https',
    "gopher://127.0.0.1/x": 'neither http nor https',
    None: "{host} sends us elsewhere without saying where",
    "": "{host} sends us elsewhere without saying where",
    "http://u:p@127.0.0.1/x": "{host} sends us to: a URL with a user name in it",
    "http://[::1": "{host} sends us to: not a URL",
    "http://169.254.169.254/latest/meta-data/": "169.254.169.254, a link-local address: refused",
    "http://2852039166/": "a link-local address: refused",
    "http://[fe80::1]/": "a link-local address: refused",
    "http://[::ffff:169.254.169.254]/": "a link-local address: refused",
}


@pytest.mark.parametrize("match", ["manifest", "GET blob"])
@pytest.mark.parametrize("location", REDIRECTS)
def test_a_redirect_that_leads_nowhere(bench, location, match):
    bench.add()
    rule = bench.server.fault(match, act.redirect(location), times=None)
    done = bench.pack("app:1")
    assert rule.fired and done.seconds < 5, told(done)
    assert_refused(bench, done, {"app:1": bench.words([REDIRECTS[location]])})


@pytest.mark.parametrize("hops, works", [(5, True), (6, False)])
def test_so_many_hops(bench, hops, works):
    bench.add()
    rule = bench.server.fault("manifest", act.redirect("{path}"), times=hops)
    done = bench.pack("app:1")
    assert rule.fired == hops
    assert (done.returncode == 0) == works, told(done)


def test_no_secret_is_told(bench):
    """Neither in --json nor anywhere else, whatever goes wrong."""
    bench.add()
    bearer(bench.server)
    bench.server.fault("manifest", act.redirect("{second}/x?X-Signature=v3rysecret"), times=None)
    bench.server.fault("", act.status(410), times=None, listener="second")
    done = bench.pack("app:1", options=[*login(bench), "--json"])
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"]["code"] == "failed"
    for secret in ("s3cret", "v3rysecret", *bench.server.tokens.issued):
        assert secret not in told(done)
