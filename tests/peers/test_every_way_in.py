"""The stack as a company has it: a Compose file, a registry behind a proxy, a mirror of the Hub."""

import base64
import filecmp
import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import ferry
import pytest
import stack
from job import AMD64, rows
from mishaps import is_sanitized
from nginx import Nginx, pass_to
from peers import Registry, server_certificate
from proxy import Proxy

sys.path.append(str(Path(__file__).resolve().parents[1] / "bench"))

# pylint: disable=wrong-import-position
from relay import Link, Relay

pytestmark = pytest.mark.stack

HOST = "registry.company.test"  # nobody but the proxy knows where that is
USER, PASSWORD = "ann", "pa:ss-W0rd-of-ann"
# Bits a second, of the link to the proxy and of that to the mirror: what a program has not
# taken from its sockets yet is lost with it, so the link has to be the slower one.
RATE = 40e6 if is_sanitized() else 100e6
KILLS = 5

COMPOSE = """\
x-service: &service
  restart: unless-stopped
  image: ${COMPANY:?the registry of the company}/${SERVICE_NAME-none}:none
services:
%(own)s
%(hub)s
"""
OWN = """\
  %(key)s:
    <<: *service
    image: ${COMPANY}/%(path)s:${RELEASE:-%(tag)s}
    build: ./%(key)s"""
HUB = """\
  %(key)s:
    image: "%(path)s:%(tag)s"
    platform: linux/amd64"""


def is_own(name):
    """The services of the company's own have no dash of somebody else's in front."""
    return "/" not in name and not name.startswith("redis:")


def service(name):
    """The lines of a service that runs the image."""
    path, _, tag = name.partition(":")
    form = OWN if is_own(name) else HUB
    return form % {"key": path.rpartition("/")[2], "path": path, "tag": tag}


def write_project(folder, names):
    """compose.yaml, and .env with what it leaves open."""
    own = "\n".join(service(name) for name in names if is_own(name))
    hub = "\n".join(service(name) for name in names if not is_own(name))
    path = folder / "compose.yaml"
    path.write_text(COMPOSE % {"own": own, "hub": hub}, encoding="utf-8")
    (folder / ".env").write_text("COMPANY=not.this.one\nRELEASE=latest\n", encoding="utf-8")
    return path


def hub_repository(name):
    """As Docker Hub calls it."""
    return name if "/" in name else f"library/{name}"


@pytest.fixture(scope="module", name="company")
def company_fixture(whole_stack, tmp_path_factory):
    """All of it, running: what to say to ferry, and who was asked for what."""
    folder = tmp_path_factory.mktemp("company")
    images = stack.load(whole_stack)["images"]
    names = sorted(n for n in images if not n.startswith("trap/") and not n.endswith("-arm64"))
    with Registry(folder / "store") as plain:
        stack.push(whole_stack, plain.address)
    certificate = server_certificate(folder, (f"DNS:{HOST}", "IP:127.0.0.1"))
    link = Link(rate=RATE)
    with Registry(folder / "store", htpasswd={USER: PASSWORD}, tls=certificate) as registry, \
            Registry(folder / "store") as hub, \
            Nginx(f"rewrite ^/v2/library/(.*)$ /v2/$1 last; {pass_to(hub.url)}",
                  tls=certificate) as mirror, \
            Proxy({HOST: "127.0.0.1"}) as proxy, \
            Relay(proxy.address, link) as to_proxy, Relay(mirror.address, link) as to_mirror:
        (folder / "auth.json").write_text(json.dumps({"auths": {f"{HOST}:{registry.port}": {
            "auth": base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()}}}))
        yield SimpleNamespace(
            names=names, images=images, registry=registry, mirror=mirror, proxy=proxy,
            links=(to_proxy, to_mirror), compose=write_project(folder, names),
            options=["--authfile", folder / "auth.json", "--ca", certificate.authority,
                     "--mirror", f"docker.io=https://{to_mirror.address}"],
            env={"COMPANY": f"{HOST}:{registry.port}", "HOME": folder,
                 "HTTPS_PROXY": f"http://{to_proxy.address}"})


def arguments(company, path):
    return ["pack", "-f", company.compose, "-o", path, *company.options]


def reference(company, name):
    """What the image is called in the bundle."""
    if is_own(name):
        return f"{HOST}:{company.registry.port}/{name}"
    return f"docker.io/{hub_repository(name)}"


def pulled(company):
    """The bytes that came over both links so far."""
    return sum(link.down.delivered for link in company.links)


@pytest.fixture(scope="module", name="packed")
def packed_fixture(company, tmp_path_factory):
    """Packed once, undisturbed: where it is, what was said, how many bytes came."""
    path = tmp_path_factory.mktemp("packed") / "release.tar.zst"
    before = pulled(company)
    start = time.monotonic()
    done = ferry.run(*arguments(company, path), env=company.env)
    assert done.returncode == 0, done.stderr
    return SimpleNamespace(path=path, done=done, bytes=pulled(company) - before,
                           seconds=time.monotonic() - start)


def test_the_stack_out_of_a_compose_file(company, packed):
    """13 images for amd64, each as the registry of its own has it."""
    assert len(company.names) == 13
    assert ferry.run("verify", packed.path).returncode == 0
    listed = json.loads(ferry.run("list", "--json", packed.path).stdout)["images"]
    expected = {reference(company, name): company.images[name]["platforms"][AMD64]["digest"]
                for name in company.names}
    assert {image["reference"]: image["digest"] for image in listed} == expected
    assert {image["platform"] for image in listed} == {"linux/amd64"}
    assert len(rows(packed.done.stdout)) == 14


def test_by_the_ways_that_were_given(company, packed):
    """The proxy carried TLS only, the mirror saw no credentials, the Hub was asked for nothing."""
    assert packed.bytes > 10 << 20
    carried = company.proxy.requests()
    assert set(carried) == {f"CONNECT {HOST}:{company.registry.port} HTTP/1.1"}
    assert company.mirror.authorizations() == []
    paths = [request.path for request in company.mirror.requests()]
    assert any("/library/redis/" in path for path in paths)
    assert not any("api-gateway" in path for path in paths)


def kill_after(company, process, size):
    """SIGKILL when so many bytes more have come; true unless it ended before."""
    limit = pulled(company) + size
    while process.poll() is None and pulled(company) < limit:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    return process.wait() == -signal.SIGKILL


def test_after_five_kills(company, packed, tmp_path):
    """The same bytes; hardly any of them has come twice."""
    seed = random.randrange(1 << 32)
    dice = random.Random(seed)
    path = tmp_path / "release.tar.zst"
    before = pulled(company)
    for _ in range(KILLS):
        process = subprocess.Popen(
            [ferry.program(), *map(str, arguments(company, path))], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=ferry.environment(company.env))
        assert kill_after(company, process, dice.uniform(0.05, 0.18) * packed.bytes), seed
        assert not path.exists()
    done = ferry.run(*arguments(company, path), env=company.env)
    assert done.returncode == 0, (seed, done.stderr)
    assert filecmp.cmp(path, packed.path, shallow=False), seed
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [path.name]
    twice = (pulled(company) - before) / packed.bytes - 1
    print(f"{KILLS} kills, seed {seed}: {packed.bytes} bytes, {twice:.2%} more than once")
    assert twice < 0.05, seed
