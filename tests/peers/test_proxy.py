"""Registries that are reached by a proxy, or must not be."""

import base64
import json

import pytest
from certificates import server_certificate
from nginx import Nginx, pass_to, serve_blobs
from peers import Registry
from proxy import Proxy, Tap
from job import tags_of

HIDDEN, STORE = "registry.hidden.test", "store.hidden.test"
NAMES = {HIDDEN: "127.0.0.1", STORE: "127.0.0.1"}
USER = "ann:s3cret-of-ann"
IMAGE = "trap/small:1"
VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY",
             "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")


@pytest.fixture(scope="module", name="certificate")
def certificate_fixture(tmp_path_factory):
    return server_certificate(tmp_path_factory.mktemp("certificate"),
                              names=(f"DNS:{HIDDEN}", f"DNS:{STORE}", "DNS:localhost",
                                     "DNS:registry.localhost", "IP:127.0.0.1"))


@pytest.fixture(scope="module", name="hidden")
def hidden_fixture(source, certificate):
    """A registry with a password, under a name that only the proxy knows."""
    user, password = USER.split(":")
    with Registry(source.registry.storage_dir, htpasswd={user: password}, tls=certificate,
                  readonly=True) as registry:
        yield registry


@pytest.fixture(name="proxy")
def proxy_fixture():
    with Proxy(NAMES) as proxy:
        yield proxy


@pytest.fixture(name="run")
def run_fixture(ferry, tmp_path, certificate):
    """run(*arguments, **variables), with credentials for registry and nobody else."""
    def run(*args, logins=(), **variables):
        auths = {host: {"auth": base64.b64encode(USER.encode()).decode()} for host in logins}
        path = tmp_path / "auth.json"
        path.write_text(json.dumps({"auths": auths}), encoding="utf-8")
        env = {**dict.fromkeys(VARIABLES), "HOME": tmp_path, **variables}
        return ferry(args[0], "--ca", certificate.authority, "--authfile", path, *args[1:],
                     env=env)
    return run


@pytest.fixture(name="pack")
def pack_fixture(run, tmp_path):
    """pack(port, **variables) -> done."""
    def pack(port, host=HIDDEN, options=(), **variables):
        name = f"{host}:{port}"
        return run("pack", f"{name}/{IMAGE}", "-o", tmp_path / "b", "--force", *options,
                   logins=[name], **variables)
    return pack


@pytest.mark.parametrize("variable", ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"])
def test_it_is_used(hidden, proxy, pack, variable):
    """Its log says so, and nobody else knows the name."""
    with Tap(proxy.port) as tap:
        done = pack(hidden.port, **{variable: f"http://{tap.address}"})
        assert done.returncode == 0, done.stderr
        assert set(proxy.requests()) == {f"CONNECT {HIDDEN}:{hidden.port} HTTP/1.1"}
        assert tap.heads() and all("uthorization" not in head for head in tap.heads())
        assert base64.b64encode(USER.encode()) not in tap.all_heard()


def test_without_it_nobody_knows_the_way(hidden, pack):
    done = pack(hidden.port)
    assert done.returncode == 1
    assert f"{HIDDEN}:{hidden.port}: this name has no address" in done.stderr


def test_loads_go_by_it_too(small_bundle, certificate, proxy, run):
    with Registry(tls=certificate) as target:
        done = run("load", small_bundle, "--to", f"{HIDDEN}:{target.port}",
                   https_proxy=proxy.url)
        assert done.returncode == 0, done.stderr
        assert tags_of(target) == ["trap/small:1", "trap/small:2"]
        assert proxy.requests()


def test_a_store_behind_the_registry_is_reached_by_it_too(source, certificate, proxy, run,
                                                          tmp_path):
    """And gets no Authorization, though the registry wants one."""
    user, password = USER.split(":")
    with Registry(source.registry.storage_dir, htpasswd={user: password},
                  readonly=True) as registry, \
            Nginx(serve_blobs(registry.storage_dir), tls=certificate, http2=True) as store:
        sent = f"location ~ ^/v2/.*/blobs/ {{ return 307 https://{STORE}:{store.port}" \
               "$request_uri; }"
        with Nginx(sent + pass_to(registry.url), tls=certificate) as front:
            name = f"{HIDDEN}:{front.port}"
            done = run("pack", f"{name}/{IMAGE}", "-o", tmp_path / "b", logins=[name],
                       https_proxy=proxy.url)
            assert done.returncode == 0, done.stderr
            assert set(proxy.requests()) == {f"CONNECT {name} HTTP/1.1",
                                             f"CONNECT {STORE}:{store.port} HTTP/1.1"}
            assert front.authorizations()
            assert len(store.requests()) >= 2 and store.authorizations() == []


@pytest.mark.parametrize("no_proxy", ["registry.localhost", "localhost", ".localhost", "*",
                                      "a.test,registry.localhost", "a.test, .localhost"])
@pytest.mark.parametrize("variable", ["no_proxy", "NO_PROXY"])
def test_no_proxy(hidden, pack, variable, no_proxy):
    """registry.localhost leads here, but is no loopback name to ferry."""
    done = pack(hidden.port, "registry.localhost", https_proxy="http://127.0.0.1:1",
                **{variable: no_proxy})
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("no_proxy", ["0.0.0.0", "0.0.0.0/8", "10.0.0.0/8,0.0.0.0/30"])
def test_no_proxy_for_addresses(source, tmp_path, run, no_proxy):
    """0.0.0.0 leads here, too, and is no loopback address."""
    certificate = server_certificate(tmp_path, names=("IP:0.0.0.0", "IP:127.0.0.1"))
    with Registry(source.registry.storage_dir, tls=certificate, readonly=True) as registry:
        name = f"0.0.0.0:{registry.port}"
        done = [run("pack", f"{name}/{IMAGE}", "-o", tmp_path / "b", "--force", "--ca",
                    certificate.authority, https_proxy="http://127.0.0.1:1", no_proxy=value)
                for value in (no_proxy, "10.0.0.0/8")]
    assert [one.returncode for one in done] == [0, 1], done[0].stderr
    assert "the proxy cannot be reached" in done[1].stderr


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_loopback_never_goes_by_it(hidden, proxy, pack, host):
    done = pack(hidden.port, host, https_proxy=proxy.url, all_proxy=proxy.url)
    assert done.returncode == 0, done.stderr
    assert proxy.requests() == []


@pytest.mark.parametrize("variable", ["http_proxy", "all_proxy", "HTTP_PROXY"])
def test_plain_http_never_goes_by_it(source, proxy, run, tmp_path, variable):
    """It would read what is not encrypted: credentials above all."""
    name = f"0.0.0.0:{source.registry.port}"
    with Tap(proxy.port) as tap:
        done = run("pack", f"{name}/{IMAGE}", "-o", tmp_path / "b", "--plain-http", name,
                   logins=[name], **{variable: f"http://{tap.address}"})
        assert done.returncode == 0, done.stderr
        assert tap.heard == []


# A proxy that asks who is there


@pytest.fixture(name="locked")
def locked_fixture():
    with Proxy(NAMES, user="bob:his") as proxy:
        yield proxy


def test_its_password_stands_in_its_url(hidden, locked, pack):
    done = pack(hidden.port, https_proxy=f"http://bob:his@{locked.address}")
    assert done.returncode == 0, done.stderr
    assert locked.requests()


@pytest.mark.parametrize("user, status", [("", 407), ("bob:wrong@", 401)])
def test_without_it_the_message_says_what_to_do(hidden, locked, pack, user, status):
    done = pack(hidden.port, https_proxy=f"http://{user}{locked.address}")
    assert done.returncode == 1
    assert f"{HIDDEN}:{hidden.port}: the proxy refused to connect: HTTP {status} by " \
        f"{locked.address}; " in done.stderr, done.stderr
    assert "wrong" not in done.stderr and USER not in done.stderr
    assert "USER:PASSWORD@HOST:PORT" in done.stderr


def test_one_that_speaks_tls(hidden, proxy, pack, certificate):
    with Tap(proxy.port, tls=certificate) as tap:
        done = pack(hidden.port, https_proxy=f"https://{tap.address}")
        assert done.returncode == 0, done.stderr
        assert tap.heads() and proxy.requests()


def test_one_whose_certificate_nobody_vouches_for(hidden, proxy, pack, tmp_path):
    with Tap(proxy.port, tls=server_certificate(tmp_path)) as tap:
        done = pack(hidden.port, https_proxy=f"https://{tap.address}")
        assert done.returncode == 1
        assert "the proxy's TLS certificate is not trusted: " in done.stderr
        assert proxy.requests() == []


def test_one_that_is_not_there(hidden, pack):
    done = pack(hidden.port, https_proxy="http://127.0.0.1:1")
    assert done.returncode == 1
    assert "the proxy cannot be reached; it is set by https_proxy" in done.stderr
