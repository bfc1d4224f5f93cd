#!/usr/bin/env python3
"""A container registry that misbehaves on command.

In a test (faulty_actions.py lists what can go wrong):

    from faulty import FaultyRegistry
    from faulty_actions import cut

    with FaultyRegistry() as server:
        image = server.add_image("app:1", layers=[100_000])
        rule = server.fault("GET blob", cut(after=5000), digest=image.layers[0].digest)
        run("ferry", "pack", f"{server.host}/app:1", ...)
        assert rule.fired == 1
        assert server.count("GET blob") == 3    # config, layer, rest of the layer

By hand (the port file gets the ports of registry, second origin and tokens):

    python3 tests/faults/faulty.py --port-file ports --image app:1 \\
        --fault 'GET blob' 'cut(after=5000, times=2)'
"""

import argparse
import ast
import os
import threading
import time

import faulty_actions as actions
from faulty_auth import Auth, Tokens
from faulty_http import Listener
from faulty_images import make_image
from faulty_routes import Routes, Store
from faulty_rules import Match, Rule


class FaultyRegistry:
    """A registry on 127.0.0.1 (or `address`), with a second origin and a token endpoint.

    tls: an ssl.SSLContext for all three, or {"second": None, ...} for some.
    name: what clients call this machine; seeing to that is for the test.
    """

    def __init__(self, seed=0, port=0, tls=None, name=None, address="127.0.0.1"):
        self.seed = seed
        self.port = port
        self.tls = tls
        self.address = address
        self.name = name or address
        self.store = Store()
        self.tokens = Tokens()
        self.auth = Auth(self.tokens)
        self.routes = Routes(self.store, self.tokens)
        self.stopping = threading.Event()
        self._lock = threading.Lock()
        self._change = threading.Lock()     # held to die or to come to life again
        self.front = None                   # what clients speak to instead, if it has a .host
        self.life = 0                       # which one this is
        self._records = []
        self._rules = []
        self._blob_budget = None
        self._request_budget = None

    def __enter__(self):
        self.main = self._listener("registry", self.port)
        self.second_origin = self._listener("second")
        self.token_origin = self._listener("token")
        self.port = self.main.port
        return self

    def _listener(self, name, port=0):
        tls = self.tls.get(name) if isinstance(self.tls, dict) else self.tls
        return Listener(self, name, port, tls, self.name, self.address)

    def __exit__(self, *_):
        self.stopping.set()
        self.die()

    @property
    def host(self):
        """NAME:PORT, the registry part of references."""
        return (self.front or self.main).host

    @property
    def url(self):
        return self.main.url

    def urls(self):
        """What stands for the listeners in redirect()."""
        return {"{registry}": self.url, "{second}": self.second_origin.url,
                "{token}": self.token_origin.url}

    # content

    def add_image(self, name, platforms=("linux/amd64",), layers=(10_000,), flavour="oci",
                  layer_kind="gzip", index=None, config_platform=None, size_lies=None,
                  attestations=False):
        """Makes an image, the same for the same seed and arguments.

        layers: sizes, or Layer objects of another image.  layer_kind: "gzip"
        or "tar".  index: None means only if there are several platforms.
        config_platform: {"linux/amd64": "linux/arm64"} makes that config lie.
        size_lies: {"config" | "layer" | "manifest": delta} makes descriptors
        lie.  attestations: adds unknown/unknown children as buildkit does.
        """
        repo, tag = split_name(name)
        image = make_image(self.seed, name, list(platforms), layers, flavour, layer_kind,
                           index, config_platform, size_lies, attestations)
        for data in image.contents.values():
            self.store.add_blob(repo, data)
        for media_type, data in image.documents.values():
            self.store.add_manifest(repo, media_type, data)
        self.store.repo(repo).tags[tag] = image.root
        return image

    def add_manifest(self, name, media_type, data):
        """Stores any bytes as the manifest of a tag; returns their digest."""
        repo, tag = split_name(name)
        return self.store.add_manifest(repo, media_type, data, tag)

    def add_blob(self, repo, data):
        """Stores any bytes as a blob; returns their digest."""
        return self.store.add_blob(repo, data)

    def forget(self, digest):
        """Loses a blob or manifest that is still referred to (404)."""
        self.store.forget(digest)

    def retag(self, repo, tag, image):
        """Lets a tag point to another image, which becomes part of the repo."""
        for media_type, data in image.documents.values():
            self.store.add_manifest(repo, media_type, data)
        for data in image.contents.values():
            self.store.add_blob(repo, data)
        self.store.repo(repo).tags[tag] = image.root

    # faults

    def fault(self, match, action, times=1, digest=None, repo=None, listener="registry",
              skip=0, before_auth=False):
        """Plays a fault on the next `times` matching requests (None: on all).

        match: see Match.  skip: how many matching requests go well before.
        listener: "registry", "second", "token", None for any.  before_auth:
        also on requests that lack the required credentials.  Of several rules
        the oldest that is not used up wins.  Returns the Rule: see .fired.
        """
        match = Match(match, digest, repo)
        if match.kind == "token":
            listener = "token"
        rule = Rule(match, action, times, listener, skip, before_auth)
        with self._lock:
            self._rules.append(rule)
        return rule

    def clear_faults(self):
        """Behaves well from now on."""
        with self._lock:
            self._rules.clear()
            self._blob_budget = self._request_budget = None

    def die(self, life=None):
        """All listeners and connections are gone, unless that was in another life."""
        with self._change:
            if life not in (None, self.life):
                return
            self.life += 1
            for listener in (self.main, self.second_origin, self.token_origin):
                listener.close()

    def die_when(self, blob_bytes=None, requests=None):
        """Dies after this many more blob bytes served in all, or instead of
        answering the n-th request from now.
        """
        with self._lock:
            self._blob_budget = blob_bytes
            self._request_budget = requests

    def revive(self):
        """After death: listens again on the same ports, in good health."""
        self.clear_faults()
        with self._change:
            for listener in (self.main, self.second_origin, self.token_origin):
                listener.open()

    # authentication

    def require_basic(self, user, password):
        """Nothing without these credentials."""
        self.auth.scheme = "basic"
        self.auth.users = (user, password)

    def require_bearer(self, realm=None, user=None, password=None, expires_in=300,
                       valid_for=None, identity_token=None, key="token"):
        """Nothing without a token with the right scope.

        realm: another one than the built-in endpoint (which stays).  user,
        password: what the endpoint asks for; without, anybody gets a token.
        expires_in: what the endpoint says; valid_for: how long it is true.
        key: "token" or "access_token".
        """
        self.auth.scheme = "bearer"
        self.auth.realm = self.token_origin.url + "/token" if realm is None else realm
        self.tokens.users = (user, password) if user or identity_token else None
        self.tokens.identity_token = identity_token
        self.tokens.expires_in = expires_in
        self.tokens.valid_for = valid_for
        self.tokens.key = key

    def revoke_tokens(self, repo=None):
        """All tokens issued so far (for a repository) are worth nothing."""
        self.tokens.revoke(repo)

    # what happened

    @property
    def requests(self):
        """All requests so far, as Records."""
        with self._lock:
            return list(self._records)

    def matching(self, match="", digest=None, repo=None, listener=None):
        """The Records of some requests, to whichever listener."""
        wanted = Match(match, digest, repo)
        return [record for record in self.requests
                if wanted(record) and listener in (None, record.listener)]

    def count(self, match="", **more):
        """How many requests there were."""
        return len(self.matching(match, **more))

    def bytes_sent(self, match="", **more):
        """How many body bytes they were answered."""
        return sum(record.sent for record in self.matching(match, **more))

    def authorization_seen(self, listener="second"):
        """The Authorization headers that reached a listener."""
        return [record.headers["authorization"] for record in self.matching(listener=listener)
                if "authorization" in record.headers]

    # called by the connections

    def play(self, exchange):
        """Answers one request: dies, misbehaves, refuses or serves."""
        request = exchange.request
        with self._lock:
            self._records.append(exchange.record)
            dying = self._last_request(request)
        if dying:
            exchange.die()
        refusal = self.auth.refusal(request)
        with self._lock:
            rule = next((r for r in self._rules if r.take(request, not refusal)), None)
        if rule:
            exchange.record.fault = rule.action.name
            rule.action.run(exchange)
        else:
            exchange.send(refusal or exchange.answer())

    def _last_request(self, request):
        if self._request_budget is None or request.listener is not self.main:
            return False
        self._request_budget -= 1
        return self._request_budget <= 0

    def grant(self, request, size):
        """(how many of these body bytes may be sent, whether to die then)."""
        with self._lock:
            if request.kind != "blob" or self._blob_budget is None:
                return size, False
            granted = min(size, self._blob_budget)
            self._blob_budget -= granted
            return granted, self._blob_budget == 0


def split_name(name):
    """"team/app:1" as repository and tag."""
    repo, _, tag = name.partition(":")
    return repo, tag or "latest"


# stand-alone

def parse_fault(text):
    """"cut(after=5, times=2)" as (Action, times); literals only."""
    call = ast.parse(text if "(" in text else text + "()", mode="eval").body
    args = [ast.literal_eval(arg) for arg in call.args]
    named = {arg.arg: ast.literal_eval(arg.value) for arg in call.keywords}
    times = named.pop("times", 1)
    return getattr(actions, call.func.id)(*args, **named), times


def parse_arguments():
    parser = argparse.ArgumentParser(description="A registry that misbehaves on command.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--port-file", help="gets: REGISTRY SECOND TOKEN")
    parser.add_argument("--seed", default="0")
    parser.add_argument("--image", action="append", default=[], metavar="NAME:TAG")
    parser.add_argument("--platform", action="append", help="of all images; repeatable")
    parser.add_argument("--layer", action="append", type=int, help="size; repeatable")
    parser.add_argument("--flavour", choices=("oci", "docker"), default="oci")
    parser.add_argument("--basic", metavar="USER:PASSWORD")
    parser.add_argument("--bearer", action="store_true")
    parser.add_argument("--fault", nargs=2, action="append", default=[],
                        metavar=("MATCH", "ACTION"), help="'GET blob' 'cut(after=5, times=2)'")
    return parser.parse_args()


def set_up(server, args):
    """Fills the registry as the command line says."""
    for name in args.image or ["app:1"]:
        image = server.add_image(name, args.platform or ["linux/amd64"],
                                 args.layer or [100_000], args.flavour)
        print(f"{server.host}/{name} {image.root}", flush=True)
    for match, action in args.fault:
        server.fault(match, *parse_fault(action))
    if args.basic:
        server.require_basic(*args.basic.split(":", 1))
    if args.bearer:
        server.require_bearer()


def write_ports(server, path):
    """All or nothing: whoever waits for the file reads all of it."""
    listeners = (server.main, server.second_origin, server.token_origin)
    with open(path + ".new", "w", encoding="ascii") as out:
        print(*(listener.port for listener in listeners), file=out)
    os.rename(path + ".new", path)


def watch(server):
    """Prints requests as they come, until interrupted."""
    seen = 0
    while True:
        time.sleep(0.2)
        for record in server.requests[seen:]:
            print(record.listener, record.method, record.path, record.status, record.sent,
                  record.fault or "", flush=True)
            seen += 1


def main():
    args = parse_arguments()
    with FaultyRegistry(args.seed, args.port) as server:
        set_up(server, args)
        if args.port_file:
            write_ports(server, args.port_file)
        try:
            watch(server)
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
