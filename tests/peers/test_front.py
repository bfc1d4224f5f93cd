"""What stands before registries: mirrors, stores, limiters, token servers; all of it real.

At every server that is not the registry itself (or its own token server), no
Authorization header must ever have arrived.
"""

import base64
import json
import shutil
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from certificates import server_certificate
from nginx import Nginx, pass_to, send_blobs_to, serve_blobs
from peers import Registry, TokenServer
from process import run
from proxy import Proxy, Tap

USER, PASSWORD = "ann", "pa:ss-W0rd-of-ann"
SECRET = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
HOST = "registry.company.test"
IMAGES = ("trap/small:1", "trap/small:2")


@dataclass
class World:
    """A registry that asks who is there, and the authority for all certificates."""

    registry: Registry
    certificate: object
    tokens: TokenServer = None

    @property
    def storage(self):
        """Where its blobs lie."""
        return self.registry.storage_dir


@pytest.fixture(scope="module", name="certificate")
def certificate_fixture(tmp_path_factory):
    return server_certificate(tmp_path_factory.mktemp("certificate"),
                              names=(f"DNS:{HOST}", "DNS:localhost", "IP:127.0.0.1"))


@contextmanager
def world_of(storage, certificate, tokens_at=None):
    """With htpasswd, or a token server over TLS that clients find at that name."""
    if not tokens_at:
        with Registry(storage, htpasswd={USER: PASSWORD}, tls=certificate,
                      readonly=True) as registry:
            yield World(registry, certificate)
        return
    with TokenServer(users={USER: PASSWORD}, anonymous=(), tls=certificate,
                     host=tokens_at) as tokens, \
            Registry(storage, token_auth=tokens, tls=certificate, readonly=True) as registry:
        yield World(registry, certificate, tokens)


@pytest.fixture(scope="module", name="world", params=[None, "127.0.0.1"],
                ids=["password", "tokens"])
def world_fixture(request, source, certificate):
    """docker-registry over TLS that asks who is there."""
    with world_of(source.registry.storage_dir, certificate, request.param) as world:
        yield world


@pytest.fixture(name="pack")
def pack_fixture(ferry, certificate, tmp_path):
    """pack(host, *options) -> done, with credentials for that host and no other."""
    def pack(host, *options, out="b", **variables):
        path = tmp_path / "auth.json"
        path.write_text(json.dumps({"auths": {host: {"auth": SECRET}}}), encoding="utf-8")
        env = {"HOME": tmp_path, "https_proxy": None, "no_proxy": None, **variables}
        done = ferry("pack", *(f"{host}/{image}" for image in IMAGES), "-o", tmp_path / out,
                     "--force", "--ca", certificate.authority, "--authfile", path,
                     *options, env=env)
        assert PASSWORD not in done.stdout + done.stderr
        assert SECRET not in done.stdout + done.stderr
        return done
    return pack


def assert_done(done):
    assert done.returncode == 0, done.stderr


def test_the_registry_by_itself(world, pack):
    assert_done(pack(world.registry.address))


def by_system(ferry, world, tmp_path, *options, **variables):
    """Packs without a --ca of the test's own: the system's authorities count."""
    host = world.registry.address
    path = tmp_path / "auth.json"
    path.write_text(json.dumps({"auths": {host: {"auth": SECRET}}}), encoding="utf-8")
    return ferry("pack", f"{host}/{IMAGES[0]}", "-o", tmp_path / "b", "--authfile", path, *options,
                 env={"HOME": tmp_path, "SSL_CERT_FILE": None, "SSL_CERT_DIR": None, **variables})


def test_the_authorities_of_the_system_are_where_openssl_looks(world, certificate, ferry,
                                                               tmp_path):
    folder = tmp_path / "trust"
    folder.mkdir()
    shutil.copy(certificate.authority, folder / "authority.pem")
    run("openssl", "rehash", folder)
    assert_done(by_system(ferry, world, tmp_path, SSL_CERT_FILE=certificate.authority))
    assert_done(by_system(ferry, world, tmp_path, "--force", SSL_CERT_DIR=folder))


def test_ca_counts_more_than_the_environment(world, certificate, ferry, tmp_path):
    other = server_certificate(tmp_path).authority
    done = by_system(ferry, world, tmp_path, "--ca", other, SSL_CERT_FILE=certificate.authority)
    assert done.returncode == 1 and "not trusted: " in done.stderr
    assert f"(by {other})" in done.stderr and "--ca FILE" in done.stderr, done.stderr


@pytest.mark.parametrize("named", [False, True])
def test_whose_word_was_not_enough_is_said(world, ferry, tmp_path, named):
    """Also where nobody has named a file."""
    other = server_certificate(tmp_path).authority
    done = by_system(ferry, world, tmp_path, **({"SSL_CERT_FILE": other} if named else {}))
    place = other if named else "/etc/ssl/certs/ca-certificates.crt"
    assert done.returncode == 1 and f"(by {place})" in done.stderr, done.stderr


def test_an_authority_of_the_environment_that_cannot_be_read(world, ferry, tmp_path):
    done = by_system(ferry, world, tmp_path, SSL_CERT_FILE=tmp_path / "none.pem")
    assert done.returncode == 1
    assert f"{tmp_path}/none.pem: cannot be read as CA certificates" in done.stderr, done.stderr


def test_a_store_at_another_port_gets_no_authorization(world, certificate, pack):
    """As buckets do, it would refuse whoever brings one."""
    picky = "if ($http_authorization) { return 400; }"
    with Nginx(serve_blobs(world.storage, picky), tls=certificate) as store, \
            Nginx(send_blobs_to(store.url) + pass_to(world.registry.url),
                  tls=certificate) as front:
        assert_done(pack(front.address))
        assert front.authorizations()
        assert store.authorizations() == []
        assert {request.status for request in store.requests()} == {200}


def test_a_mirror_that_caches(world, source, certificate, pack):
    """It asks the open registry itself; of ours it hears nothing."""
    cached = "proxy_cache cache; proxy_cache_valid 200 1h;"
    host = world.registry.address
    with Nginx(pass_to(source.registry.url, cached), tls=certificate, http2=True) as mirror:
        before = len(world.registry.access_log())
        done = pack(host, "--mirror", f"{host}={mirror.url}")
        assert_done(done)
        assert "falling back" not in done.stderr
        blobs = [request for request in mirror.requests() if "/blobs/" in request.path]
        assert blobs and mirror.authorizations() == []
        assert len(world.registry.access_log()) == before


def test_the_bundle_is_the_same_by_whatever_way(world, source, certificate, pack, tmp_path):
    host = world.registry.address
    with Nginx(pass_to(source.registry.url), tls=certificate) as mirror:
        assert_done(pack(host, out="direct"))
        assert_done(pack(host, "--mirror", f"{host}={mirror.url}", out="mirrored"))
    assert (tmp_path / "direct").read_bytes() == (tmp_path / "mirrored").read_bytes()


BROKEN = {
    "without this image": "location / { return 404; }",
    "forbidden": "location / { return 403; }",
    "broken": "location / { return 502; }",
    "blobs are broken": "location ~ /blobs/ { return 500; }",
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_mirror_that_fails(world, source, certificate, pack, name):
    host = world.registry.address
    more = pass_to(source.registry.url) if "/blobs/" in BROKEN[name] else ""
    with Nginx(BROKEN[name] + more, tls=certificate) as mirror:
        done = pack(host, "--mirror", f"{host}={mirror.url}", "--retries", 0)
        assert_done(done)
        assert f"mirror {mirror.address}: " in done.stderr and "falling back" in done.stderr
        assert mirror.requests() and mirror.authorizations() == []


def test_a_mirror_whose_certificate_nobody_vouches_for(world, source, pack, tmp_path):
    host = world.registry.address
    with Nginx(pass_to(source.registry.url), tls=server_certificate(tmp_path)) as mirror:
        done = pack(host, "--mirror", f"{host}={mirror.url}")
        assert_done(done)
        assert f"mirror {mirror.address}: " in done.stderr and "not trusted" in done.stderr
        assert mirror.requests() == []


def test_a_limiter_is_obeyed(world, certificate, pack):
    """429 and Retry-After from nginx's limit_req: it takes longer, and that is all."""
    limit = "limit_req zone=few; limit_req_status 429; add_header Retry-After 1 always;"
    with Nginx(limit + pass_to(world.registry.url), tls=certificate,
               http="limit_req_zone $binary_remote_addr zone=few:1m rate=4r/s;") as front:
        done = pack(front.address, "--jobs", 2, "--retries", 20)
        assert_done(done)
        statuses = [request.status for request in front.requests()]
        assert statuses.count(429) >= 1 and statuses.count(200) >= 5
        assert "answered 429; trying again in 1." in done.stderr, done.stderr


def test_a_limiter_that_never_yields(world, certificate, pack):
    limit = "location ~ /blobs/ { return 429; }"
    with Nginx(limit + pass_to(world.registry.url), tls=certificate) as front:
        done = pack(front.address, "--retries", 50, "--give-up-after", 2)
        assert done.returncode == 1 and "answered 429" in done.stderr


@pytest.mark.parametrize("tokens_at", [None, HOST], ids=["password", "tokens"])
def test_all_at_once(source, certificate, pack, tokens_at):
    """A mirror that has half of it, a registry that only the proxy knows, a store behind it."""
    with world_of(source.registry.storage_dir, certificate, tokens_at) as world, \
            Nginx(serve_blobs(world.storage), tls=certificate) as store, \
            Nginx(send_blobs_to(store.url) + pass_to(world.registry.url), tls=certificate,
                  http2=True) as front, \
            Nginx("location ~ /blobs/ { return 404; }" + pass_to(source.registry.url),
                  tls=certificate, http2=True) as mirror, \
            Proxy({HOST: "127.0.0.1"}) as proxy, Tap(proxy.port) as tap:
        host = f"{HOST}:{front.port}"
        done = pack(host, "--mirror", f"{host}={mirror.url}",
                    https_proxy=f"http://{tap.address}")
        assert_done(done)
        asked = {host} | ({world.tokens.url.split("/")[2]} if tokens_at else set())
        assert set(proxy.requests()) == {f"CONNECT {name} HTTP/1.1" for name in asked}
        assert front.authorizations() and store.requests()
        for server in (store, mirror):
            assert server.authorizations() == []
        assert all("uthorization" not in head for head in tap.heads())
