"""Rows 71 to 75: registries that send us elsewhere, or want to know who asks, badly."""

import json

import faulty_actions as act
from rows import Case, failed, on_layer, once, packed, played, refused

NOWHERE = "{host} sends us elsewhere without saying where"
LINK_LOCAL = "a link-local address: refused"
REDIRECTS = [
    # (input, Location, words)
    ("loop", "{path}", ["{host} sends us from place to place, more than 5 times"]),
    ("to file", "file:///etc/passwd", ['scheme "file", neither http nor https']),
    ("to ftp", "ftp://127.0.0.1/x", ['scheme "ftp", neither http nor https']),
    ("to gopher", "gopher://127.0.0.1/x", ['scheme "gopher", neither http nor https']),
    ("to 169.254.169.254", "http://169.254.169.254/latest/meta-data/",
     ["169.254.169.254", LINK_LOCAL]),
    ("to 169.254.169.254 as a number", "http://2852039166/", [LINK_LOCAL]),
    ("to 169.254.169.254 in IPv6", "http://[::ffff:169.254.169.254]/", [LINK_LOCAL]),
    ("to a link-local address", "http://[fe80::1]/", [LINK_LOCAL]),
    ("with userinfo", "http://u:p@127.0.0.1/x", ["{host} sends us to: a URL with a user name"]),
    ("without Location", None, [NOWHERE]),
    ("with an empty Location", "", [NOWHERE]),
    ("with a broken URL", "http://[::1", ["{host} sends us to: not a URL"]),
    ("with a control character", "http://127.0.0.1/\tx",
     ["{host} sends us to: a URL with control"]),
    ("with CR LF", "http://127.0.0.1/x\r\n X-Evil: yes", ["{host} sends us to: a URL with"]),
    ("to port 0", "http://127.0.0.1:0/x", ["{host} sends us to"]),
    ("of 20 000 bytes", "http://127.0.0.1/" + "a" * 20_000,
     ["{host} sends us to: a URL of more than 16384 bytes"]),
]

ROW71 = [Case(71, f"redirect {name}", played("manifest", act.redirect(location)), refused(*words))
         for name, location, words in REDIRECTS]
ROW71 += [Case(71, f"redirect of a config {name}", played("GET blob", act.redirect(location)),
               refused(*words)) for name, location, words in REDIRECTS[:8]]
ROW71 += [
    Case(71, "redirect of a blob in a loop", on_layer(act.redirect("{path}")),
         failed("{host} sends us from place to place, more than 5 times")),
    Case(71, "50 hops", played("manifest", act.redirect("{path}"), times=50),
         refused("{host} sends us from place to place, more than 5 times")),
    Case(71, "5 hops", played("manifest", act.redirect("{path}"), times=5), packed),
    Case(71, "6 hops", played("manifest", act.redirect("{path}"), times=6),
         refused("more than 5 times")),
    Case(71, "redirect with a fragment", played("manifest", act.redirect("{second}{path}#part")),
         packed),
    Case(71, "redirect without a scheme", played("manifest", act.redirect("//{second-host}{path}")),
         packed),
    Case(71, "a header smuggled by CR LF", played("manifest", act.redirect(
        "{second}{path}\r\nX-Evil: yes")), packed),
    Case(71, "http from https", played("manifest", act.redirect("{second}{path}")),
         refused("{host} sends us from HTTPS to plain HTTP: refused"), tls="plain storage"),
    Case(71, "http from https, a blob", on_layer(act.redirect("{second}{path}")),
         failed("{host} sends us from HTTPS to plain HTTP: refused"), tls="plain storage"),
    Case(71, "https from https", played("", act.redirect("{second}{path}")), packed, tls="good"),
    Case(71, "300 Multiple Choices", played("manifest", act.status(300)),
         refused("{host} answered 300")),
]


def storage_was_asked(bench, done):
    """It worked, with credentials at the registry and nowhere else."""
    packed(bench, done)
    assert bench.server.count(listener="second") >= 1
    assert bench.server.authorization_seen("registry")


def by_way_of_the_registry(bench, done):
    """Each try began there, with the rest of the blob."""
    storage_was_asked(bench, done)
    digest = bench.images["app:1"].layers[0].digest
    away = bench.server.matching("GET blob", digest=digest, listener="second")
    home = bench.server.matching("GET blob", digest=digest, listener="registry")
    assert len(away) == len(home) == 3
    assert away[-1].headers["range"] == "bytes=100000-"


def breaking_storage(bench):
    """Storage that breaks once, and then does not know the address any more."""
    digest = bench.add(layers=[400_000]).layers[0].digest
    bench.server.fault("GET blob", act.cut(after=100_000), digest=digest, listener="second")
    bench.server.fault("GET blob", act.status(403), digest=digest, listener="second")
    return bench.server.fault("GET blob", act.redirect("{second}{path}"), times=None)


def refusing_storage(code):
    def set_up(bench):
        on_layer(act.redirect("{second}{path}"))(bench)
        return bench.server.fault("GET blob", act.status(
            code, {"WWW-Authenticate": 'Basic realm="give me"'}), times=None, listener="second")
    return set_up


def foreign_layer(bench):
    """A layer that is not distributed, but to be had at a URL of somebody's."""
    image = bench.add(layers=[1000])
    manifest = json.loads(image.documents[image.manifest][1])
    manifest["layers"][0].update(
        mediaType="application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        urls=[bench.server.second_origin.url + "/layer"])
    kind = image.documents[image.manifest][0]
    bench.server.add_manifest("app:1", kind, json.dumps(manifest).encode())
    bench.server.forget(image.layers[0].digest)


def nobody_asked_elsewhere(check):
    def checked(bench, done):
        check(bench, done)
        assert bench.server.count(listener="second") == 0
    return checked


ROW72 = [Case(72, f"{code} of a {match.split()[-1]} to storage, {login}",
              played(match, act.redirect("{second}{path}", code), layers=[50_000]),
              storage_was_asked, login=login)
         for code, logins in [(301, "basic bearer"), (302, "bearer basic"), (303, "basic bearer"),
                              (307, "bearer basic"), (308, "basic bearer")]
         for login, match in zip(logins.split(), ["GET blob", "manifest"])]
ROW72 += [
    Case(72, "storage that breaks, and whose address ends", breaking_storage,
         by_way_of_the_registry, login="basic"),
    Case(72, "storage that answers 403", refusing_storage(403),
         failed("{second}, where the registry sent us, answered 403"), login="basic"),
    Case(72, "storage that asks who we are", refusing_storage(401),
         failed("{second}, where the registry sent us, answered 401"), login="basic"),
    Case(72, "storage that asks who we are, bearer", refusing_storage(401),
         failed("{second}, where the registry sent us, answered 401"), login="bearer"),
    Case(72, "a layer that is at another URL", foreign_layer,
         nobody_asked_elsewhere(refused("")), login="basic"),
]


def with_realm(realm):
    """A registry whose token server is there."""
    def set_up(bench):
        bench.add()
        bench.server.require_bearer(realm=realm.replace("{second}", bench.server.second_origin.url))
    return set_up


def no_credentials_sent(*words):
    """Refused, and nobody has seen a name or a password."""
    def check(bench, done):
        refused(*words)(bench, done)
        assert not any("authorization" in record.headers for record in bench.server.requests)
    return check


NO_URL = "is no http(s) URL"
INSIDE = "is an address inside this network"
REALMS = [
    # (input, realm, words)
    ("file", "file:///etc/passwd", [NO_URL]),
    ("empty", "", [NO_URL]),
    ("relative", "/token", [NO_URL]),
    ("ftp", "ftp://127.0.0.1/token", [NO_URL]),
    ("169.254.169.254", "http://169.254.169.254/latest", ["169.254.169.254 " + INSIDE]),
    ("link-local in IPv6", "http://[fe80::1]/token", [INSIDE]),
    ("10.1.2.3", "http://10.1.2.3/token", ["10.1.2.3 " + INSIDE]),
    ("0.0.0.0", "http://0.0.0.0/token", [INSIDE]),
    ("with userinfo", "http://u:p@127.0.0.1/token", ["names a user"]),
]
LOGIN = ["--retries", "0"]
ROW73 = [Case(73, f"realm: {name}", with_realm(realm),
              no_credentials_sent("{host}: its token server", *words), login="realm")
         for name, realm, words in REALMS]
ROW73 += [
    Case(73, "realm: another domain", with_realm("https://token.invalid/token"),
         no_credentials_sent("token.invalid", "gets no credentials"), login="realm"),
    Case(73, "realm: of 10 000 bytes", with_realm("http://127.0.0.1/" + "a" * 10_000),
         no_credentials_sent("{host}"), login="realm"),
    Case(73, "realm: http from https", with_realm("http://127.0.0.1:1/token"),
         no_credentials_sent("its token server 127.0.0.1 is plain HTTP"), login="realm",
         tls="good"),
]

LOOP = "{host} refuses the credentials"
ROW74 = [
    Case(74, f"401 for ever, {login}: {match}", played(match, act.unauthorized()), refused(LOOP),
         login=login, most=10)
    for login in ("basic", "bearer") for match in ("manifest", "GET blob")]
ROW74 += [
    Case(74, "401 for ever from an open registry", played("manifest", act.unauthorized()),
         refused("{host}"), most=10),
    Case(74, "401 without a challenge", played("manifest", act.status(401)), refused("{host}")),
    Case(74, "401 of 100 challenges", played("manifest", act.status(
        401, {"WWW-Authenticate": ", ".join(f'X{n} realm="a"' for n in range(100))})),
         refused("{host}"), login="basic"),
    Case(74, "401 of a challenge without end of quotes", played("manifest", act.status(
        401, {"WWW-Authenticate": 'Bearer realm="http://127.0.0.1/'})), refused("{host}")),
    Case(74, "407 of the registry itself", played("manifest", act.status(
        407, {"Proxy-Authenticate": 'Basic realm="give me"'})), refused("{host} answered 407"),
         login="basic"),
    Case(74, "401 to a blob, once", once(act.unauthorized()), packed, login="bearer"),
]


def revoking(then=None):
    """Answers well (or plays `then`), and by then all tokens are worthless."""
    def run(exchange):
        exchange.registry.revoke_tokens()
        if then:
            then.run(exchange)
        else:
            exchange.send(exchange.answer())
    return act.Action("revoking", run)


def several_tokens(bench, done):
    """It worked, with a new token where the old one had ended."""
    packed(bench, done)
    assert bench.server.count("token") >= 2


def short_lives(bench):
    """A server that says 300 s and means less than half a second."""
    bench.add(layers=[200_000] * 4)
    bench.server.tokens.valid_for = 0.4
    return bench.server.fault("GET blob", act.trickle(20_000, 0.02), times=None)


def ending_in_the_middle(then=None):
    """The token ends with each layer."""
    def set_up(bench):
        image = bench.add(layers=[400_000, 300_000])
        return [bench.server.fault("GET blob", revoking(then), digest=layer.digest)
                for layer in image.layers][-1]
    return set_up


def answering(body, status=200):
    """A token server that says this."""
    return act.status(status, {"Content-Type": "application/json"}, body)


def token_fault(action, **more):
    return played("token", action, listener="token", **more)


NO_JSON = "{token}: the token server's answer is no JSON object"
NO_TOKEN = "{token}: the token server's answer holds no token"
TOKENS = [
    # (input, what the token server does, words)
    ("no JSON", answering(b"hello"), NO_JSON),
    ("web page", act.html_200(), NO_JSON),
    ("an array", answering(b'["token"]'), "token"),
    ("no token in it", answering(b'{"expires_in":300}'), NO_TOKEN),
    ("an empty token", answering(b'{"token":""}'), NO_TOKEN),
    ("a number for a token", answering(b'{"token":5}'), "token"),
    ("a header in a token", answering(b'{"token":"a\\r\\nX-Evil: yes"}'),
     "cannot stand in a header"),
    ("a token of 100 KB", answering(b'{"token":"%s"}' % (b"a" * 100_000)),
     "cannot stand in a header"),
    ("an answer of 1 MiB", answering(b'{"token":"%s"}' % (b"a" * (1 << 20))), "more than 128 KiB"),
    ("an endless answer", act.endless(), "more than 128 KiB"),
    ("JSON 100 000 deep", answering(b"[" * 100_000), NO_JSON),
    ("404", act.status(404), "token server: {token} answered 404"),
    ("405", act.status(405), "token server: {token} answered 405"),
    ("500 for ever", act.status(500), "token server: {token} answered 500"),
    ("a redirect", act.redirect("{second}{path}"), "token server: {token} answered 307"),
]


def nothing_leaked(*words):
    """Refused; the registry is not said to lack the image, and nothing went elsewhere."""
    def check(bench, done):
        refused("token server", *words)(bench, done)
        assert "does not have it" not in done.stderr and "aaaa" not in done.stderr
        assert "X-Evil" not in done.stderr
        assert not any("x-evil" in record.headers for record in bench.server.requests)
    return check


def issuing(**fields):
    """A token server whose tokens are good, and come with these words."""
    def change(_exchange, response):
        answer = json.loads(response.body)
        answer.update(fields)
        return response.with_body(json.dumps(answer).encode())
    return token_fault(act.altered("issuing", change))


ROW75 = [Case(75, f"token server: {name}", token_fault(action), nothing_leaked(words),
              login="bearer") for name, action, words in TOKENS]
ROW75 += [Case(75, f"expires_in {name}", issuing(expires_in=value), packed, login="bearer", most=10)
          for name, value in [("0", 0), ("-1", -1), ("1e99", 1e99), ("null", None),
                              ("in quotes", "300"), ("an object", {}), ("2^63-1", 2 ** 63 - 1)]]
ROW75 += [
    Case(75, "issued_at in the year 2099", issuing(issued_at="2099-01-01T00:00:00Z"), packed,
         login="bearer", most=10),
    Case(75, "issued_at in 1970", issuing(issued_at="1970-01-01T00:00:00Z"), packed,
         login="bearer", most=10),
    Case(75, "tokens that live for less than half a second", short_lives, several_tokens, login="bearer",
         options=("--jobs", "1")),
    Case(75, "a token that ends in the middle of a blob, which breaks",
         ending_in_the_middle(act.cut(after=200_000)), several_tokens, login="bearer",
         options=("--jobs", "1")),
]

ROW75 += [Case(75, "a token that ends in the middle of a blob", ending_in_the_middle(),
               several_tokens, login="bearer", options=("--jobs", "1"))]

CASES = ROW71 + ROW72 + ROW73 + ROW74 + ROW75
