"""The one static file, where there is nothing: no /etc, no /dev, no /proc, no library, no HOME."""

import filecmp
import json
import os
import socket
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace

import ferry
import pytest
from archives import Image, docker_1x, find, layer, tar, to_json
from empty_root import STATIC, machine
from job import Watch, assert_there
from peers import Process, Registry, free_port, server_certificate
from rows import all_cases
from rows_play import play_all

# Debian, Fedora and RHEL, their older releases, SUSE, Alpine.
AUTHORITIES = ["/etc/ssl/certs/ca-certificates.crt",
               "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
               "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
               "/var/lib/ca-certificates/ca-bundle.pem", "/etc/ssl/cert.pem"]
SILENT = "127.53.53.53"
OPENSSL_CONF = """\
openssl_conf = openssl_init
[openssl_init]
providers = providers
[providers]
evil = evil_section
[evil_section]
module = /evil.so
activate = 1
"""
EVIL_MODULES = [f"{folder}/libnss_evil.so.2" for folder in
                ("/lib", "/usr/lib", f"/lib/{machine()}-linux-gnu")]


def assert_done(done, status=0):
    """It ended by itself and as it should."""
    assert done.returncode == status, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module", name="secured")
def secured_fixture(tmp_path_factory):
    """A registry that speaks TLS, with nothing in it."""
    certificate = server_certificate(tmp_path_factory.mktemp("secured"))
    with Registry(tls=certificate) as registry:
        registry.certificate = certificate
        yield registry


# What it is


def test_the_file_needs_nothing():
    """Neither an interpreter nor a library; position-independent; less than 8 MB."""
    subprocess.run([ferry.ROOT / "tools" / "static", "check", STATIC], check=True)


def test_it_says_what_it_is_made_of(root):
    told = assert_done(root.ferry("--version")).stdout
    assert told.startswith("ferry ")
    versions = (STATIC.parent / "VERSIONS").read_text().splitlines()
    assert {"curl", "libssl-dev", "libc6-dev"} <= {line.split()[0] for line in versions}
    for line in versions:
        assert f"  {line}\n" in told


def test_no_path_of_where_it_was_built_is_in_it():
    assert os.fsencode(ferry.ROOT) not in STATIC.read_bytes()


# The main job, in a root with nothing in it


def test_the_stack_is_loaded_out_of_an_empty_root(source, bundle, target, root):
    """13 images; each is read back, and by skopeo; the second time nothing is sent."""
    name = root.add("release.tar.zst", bundle)
    assert " 13 images, " in assert_done(root.ferry("verify", name)).stdout
    listed = json.loads(assert_done(root.ferry("list", "--json", name)).stdout)["images"]
    assert {image["reference"]: image["digest"] for image in listed} == source.digests()
    load = ("load", name, "--to", target.address, "--any-host")
    assert_done(root.ferry(*load))
    assert_there(target, {name: source.digest(name) for name in source.names})
    watch = Watch(target)
    assert_done(root.ferry(*load))
    assert not [request for request in watch.requests() if request.uploaded]
    assert sorted(os.listdir(root.path)) == sorted({"ferry", "release.tar.zst", *root_extras(root)})


def root_extras(root):
    """What is there to run a foreign program."""
    return {"emulator"} & set(os.listdir(root.path))


def test_it_packs_there_too(source, small_bundle, root):
    """The same bytes as with a whole system around it."""
    assert_done(root.ferry("pack", source.reference("trap/small:1"),
                           source.reference("trap/small:2"), "-o", "/out.tar.zst",
                           "--platform", "linux/amd64"))
    assert filecmp.cmp(root.path / "out.tar.zst", small_bundle, shallow=False)


@pytest.mark.parametrize("to", ["docker", "docker-daemon:/run/docker.sock"])
def test_a_runtime_that_is_not_there_is_told(small_bundle, root, to):
    done = root.ferry("load", root.add("small.tar.zst", small_bundle), "--to", to, "--any-host")
    assert_done(done, 1)
    assert "docker.sock: no such socket; is the daemon running?" in done.stderr


@pytest.mark.parametrize("tls", [False, True])
def test_it_serves_out_of_an_empty_root(source, small_bundle, secured, root, tls):
    """What skopeo gets is what was packed; with TLS by OpenSSL, as in the other build."""
    options = []
    if tls:
        options = ["--cert", root.add("/cert.pem", secured.certificate.certificate),
                   "--key", root.add("/key.pem", secured.certificate.key)]
    name = root.add("small.tar.zst", small_bundle)
    served = SimpleNamespace(address=f"127.0.0.1:{free_port()}")
    server = Process(root.command("serve", name, "--listen", served.address, *options),
                     root.path.parent / "log", environment={})
    try:
        server.wait_until(lambda: served.address in server.log_tail())
        assert_there(served, {"trap/small:1": source.digest("trap/small:1")})
    finally:
        server.stop()


# Modules of another C library or OpenSSL


def add_names(root):
    """Names by /etc/hosts, after a service that kills who asks it."""
    root.add("/etc/nsswitch.conf", "".join(f"{database}: evil files dns\n" for database in
                                           ("hosts", "passwd", "group", "services")))
    root.add("/etc/hosts", "127.0.0.1 registry.test\n")
    root.add_module(*EVIL_MODULES)


def test_name_services_of_another_libc_are_left_alone(source, small_bundle, root):
    add_names(root)
    reference = f"registry.test:{source.registry.port}/trap/small:1"
    plain = f"registry.test:{source.registry.port}"
    assert_done(root.ferry("pack", reference, "-o", "/out.tar.zst", "--plain-http", plain,
                           "--platform", "linux/amd64"))
    done = root.ferry("load", "/out.tar.zst", "--to", plain, "--plain-http", plain, "--any-host")
    assert_done(done)


def test_those_modules_would_have_killed_it(root):
    """So the test before can fail."""
    add_names(root)
    root.add_victim()
    assert root.victim().returncode < 0


def test_a_provider_that_openssl_cnf_names_is_left_alone(small_bundle, secured, root):
    """In the crash that this prevents, a module of another OpenSSL is loaded."""
    root.add("/usr/lib/ssl/openssl.cnf", OPENSSL_CONF)
    root.add_module("/evil.so")
    root.add_victim()
    assert root.victim("openssl").returncode < 0
    assert_done(root.ferry("verify", root.add("/small.tar.zst", small_bundle)))
    done, _ = pack_from(root, secured.address, "--ca", root.add("/ca.pem", Path(secured.authority)))
    assert_done(done, 1)
    assert "no:1" in done.stderr and "TLS" not in done.stderr


# No locale


def with_layer_called(name, members):
    """An archive of one layer, with that layer under another name."""
    manifest = find(members, "manifest.json")
    told = json.loads(manifest.data)
    find(members, told[0]["Layers"][0]).name = name
    told[0]["Layers"] = [name]
    manifest.data = to_json(told)
    return members


def test_names_in_an_archive_may_have_any_letters_without_a_locale(root):
    """libarchive cannot convert them then; ferry takes the bytes that there are."""
    app = Image("docker.io/library/app:1", [layer("a")])
    (root.path / "app.tar").write_bytes(tar(with_layer_called("größe/слой.tar", docker_1x(app))))
    assert_done(root.ferry("pack", "docker-archive:/app.tar", "-o", "/out.tar.zst",
                           "--platform", "linux/amd64"))
    listed = json.loads(assert_done(root.ferry("list", "--json", "/out.tar.zst")).stdout)
    assert [image["name"] for image in listed["images"]] == ["app:1"]


# Names and authorities


def pack_from(root, host, *options):
    """Try to pack from a host; how it ended, and after how many seconds."""
    start = time.monotonic()
    done = root.ferry("pack", f"{host}/no:1", "-o", "/out.tar.zst", "--retries", 0, *options)
    return done, time.monotonic() - start


def test_a_name_server_that_is_silent_costs_the_time_to_connect(root):
    """glibc's own resolver would go on for ten seconds and more."""
    root.add("/etc/resolv.conf", f"nameserver {SILENT}\n")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((SILENT, 53))
        done, seconds = pack_from(root, "registry.test:5000", "--connect-timeout", 2)
    assert_done(done, 1)
    assert "registry.test:5000: no connection in 2 s" in done.stderr
    assert 1.9 < seconds < 4


def test_without_a_name_server_there_is_no_waiting(root):
    done, seconds = pack_from(root, "registry.test:5000")
    assert_done(done, 1)
    assert "registry.test:5000: this name has no address" in done.stderr
    assert seconds < 5


def test_without_authorities_nobody_is_trusted(secured, root):
    done, _ = pack_from(root, secured.address)
    assert_done(done, 1)
    assert f"{secured.address}: its TLS certificate is not trusted: " in done.stderr
    assert "(no file of authorities was found here); if it should be, name the authority that " \
        "issued it with --ca FILE" in done.stderr


@pytest.mark.parametrize("path", AUTHORITIES)
def test_the_authorities_of_each_distribution_are_found(secured, root, path):
    root.add(path, Path(secured.authority))
    done, _ = pack_from(root, secured.address)
    assert_done(done, 1)
    assert "trusted" not in done.stderr and "no:1" in done.stderr


# libcurl, of which only what ferry uses is built


def test_a_date_that_says_when_to_come_again_is_read():
    """That is a part of libcurl that can be left out; of all hostile answers only these need it."""
    cases = [case for case in all_cases() if "retry-after-a-date" in case.name]
    assert cases
    for told in play_all(cases).values():
        if told.problem:
            raise told.problem
