"""Registries that ask who is there: passwords, tokens, helpers, TLS and the lack of it."""

import base64
import json
import os
import re
import shutil
import stat

import pytest
import stack
from certificates import self_signed
from job import assert_there, run_under, tags_of
from peers import Registry, TokenServer, server_certificate
from process import run

USER, PASSWORD, WRONG = "ann", "pa:ss-W0rd-of-ann", "wr0ng-W0rd"
IMAGE = "trap/small:1"


def basic(user=USER, password=PASSWORD):
    """User and password as they are sent and stored."""
    return base64.b64encode(f"{user}:{password}".encode()).decode()


def config(address, password=PASSWORD, **more):
    """The document that `docker login` writes."""
    return {"auths": {address: {"auth": basic(password=password)}}, **more}


@pytest.fixture(name="env")
def env_fixture(tmp_path):
    """Settings without a trace of the credentials of whoever runs the tests."""
    home = tmp_path / "home"
    home.mkdir()
    return {"HOME": home, "DOCKER_CONFIG": None}


@pytest.fixture(name="write")
def write_fixture(tmp_path):
    """write(document) -> a file that holds it as JSON."""
    def write(document, path="auth.json"):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(document), encoding="utf-8")
        return file
    return write


def filled(directory, cache, **settings):
    """A registry that holds the small image, and then asks for what the settings say."""
    with Registry(directory) as plain:
        stack.push(cache, plain.address, ["trap/small:*"])
    return Registry(directory, **settings)


@pytest.fixture(scope="module", name="locked")
def locked_fixture(traps, tmp_path_factory):
    """A registry that speaks TLS and asks for a password."""
    with filled(tmp_path_factory.mktemp("locked"), traps, htpasswd={USER: PASSWORD},
                tls=True) as registry:
        yield registry


@pytest.fixture(name="locked_target")
def locked_target_fixture():
    """The same, empty."""
    with Registry(htpasswd={USER: PASSWORD}, tls=True) as registry:
        yield registry


@pytest.fixture(scope="module", name="tokens")
def tokens_fixture():
    """Tokens to pull for everybody, to push for one."""
    with TokenServer(users={USER: PASSWORD}) as server:
        yield server


@pytest.fixture(scope="module", name="tokened")
def tokened_fixture(traps, tokens, tmp_path_factory):
    """A registry that asks for tokens."""
    with filled(tmp_path_factory.mktemp("tokened"), traps, token_auth=tokens) as registry:
        yield registry


@pytest.fixture(name="tokened_target")
def tokened_target_fixture(tokens):
    """The same, empty."""
    with Registry(token_auth=tokens) as registry:
        yield registry


@pytest.fixture(scope="module", name="amd64_digest")
def amd64_digest_fixture(traps):
    """What the small images must arrive as."""
    images = stack.load(traps)["images"]
    return lambda name: images[name]["platforms"]["linux/amd64"]["digest"]


def assert_refused(done, *messages):
    """It ended with a clear word, and with no secret in it."""
    assert done.returncode == 1, done.stderr
    for message in messages:
        assert message in done.stderr
    assert_no_secret(done)


def assert_no_secret(done):
    """Neither password nor header has got into what was printed."""
    for secret in (PASSWORD, WRONG, basic(), basic(password=WRONG)):
        assert secret not in done.stdout + done.stderr


# Passwords over TLS


def test_pack_with_a_password_over_tls(locked, ferry, env, write, tmp_path, amd64_digest):
    done = ferry("pack", f"{locked.address}/{IMAGE}", "-o", tmp_path / "b", "--json", "--ca",
                 locked.authority, "--authfile", write(config(locked.address)), env=env)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["images"][0]["digest"] == amd64_digest(IMAGE)
    assert_no_secret(done)


def test_load_with_a_password_over_tls(small_bundle, locked_target, ferry, env, write,
                                       amd64_digest):
    auth = write(config(locked_target.address))
    done = ferry("load", small_bundle, "--to", locked_target.address, "--ca",
                 locked_target.authority, "--authfile", auth, env=env)
    assert done.returncode == 0, done.stderr
    assert tags_of(locked_target) == [IMAGE, "trap/small:2"]
    assert amd64_digest(IMAGE) in done.stdout
    assert_no_secret(done)


PLACES = [
    ("REGISTRY_AUTH_FILE", "auth.json", ""),
    ("XDG_RUNTIME_DIR", "containers/auth.json", "/containers/auth.json"),
    ("DOCKER_CONFIG", "docker/config.json", "/config.json"),
    ("HOME", ".docker/config.json", "/.docker/config.json"),
]


@pytest.mark.parametrize("variable, path, tail", PLACES)
def test_credentials_are_found_where_others_leave_them(locked, ferry, env, write, tmp_path,
                                                       variable, path, tail):
    file = str(write(config(locked.address), path))
    env[variable] = file[:-len(tail)] if tail else file
    done = ferry("pack", f"{locked.address}/{IMAGE}", "-o", tmp_path / "b", "--ca",
                 locked.authority, env=env)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("password, message", [
    (WRONG, "refuses the credentials"),
    (None, "private and no credentials for {} (docker login, or --authfile)"),
])
def test_pack_without_the_right_password(locked, ferry, env, write, tmp_path, password, message):
    auth = write(config(locked.address, password) if password else {})
    done = ferry("pack", f"{locked.address}/{IMAGE}", "-o", tmp_path / "b", "--ca",
                 locked.authority, "--authfile", auth, env=env)
    assert_refused(done, message.format(locked.address), f"{locked.address}/{IMAGE}: ")
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize("password, message", [
    (WRONG, "refuses the credentials"),
    (None, "{} denies it to those without credentials (docker login, or --authfile)"),
])
def test_load_without_the_right_password(small_bundle, locked_target, ferry, env, write,
                                         password, message):
    address = locked_target.address
    auth = write(config(address, password) if password else {})
    done = ferry("load", small_bundle, "--to", address, "--ca", locked_target.authority,
                 "--authfile", auth, env=env)
    assert_refused(done, message.format(address))
    assert tags_of(locked_target) == []


def test_what_is_wrong_with_an_authfile_is_told_without_its_content(locked, ferry, env, tmp_path):
    broken = tmp_path / "broken.json"
    broken.write_text('{"auths": {"x": {"auth": "' + basic() + '"')
    done = ferry("pack", f"{locked.address}/{IMAGE}", "-o", tmp_path / "b", "--ca",
                 locked.authority, "--authfile", broken, env=env)
    assert_refused(done, f"{broken}: no valid JSON object")


# Trust


@pytest.mark.parametrize("command", ["pack", "load"])
@pytest.mark.parametrize("authority", ["none", "another"])
def test_a_certificate_nobody_vouches_for(locked, small_bundle, ferry, env, tmp_path, command,
                                          authority):
    """The address is a loopback one: plain HTTP would be allowed, but TLS is spoken."""
    options = []
    if authority == "another":
        options = ["--ca", server_certificate(tmp_path).authority]
    arguments = {"pack": ["pack", f"{locked.address}/{IMAGE}", "-o", tmp_path / "b"],
                 "load": ["load", small_bundle, "--to", locked.address]}
    done = ferry(*arguments[command], *options, env=env)
    assert_refused(done, f"{locked.address}: its TLS certificate is not trusted: ",
                   "--ca FILE")
    assert not [line for line in locked.access_log() if "ferry" in line and '"PUT' in line]


SYSTEM_TRUST = "/etc/ssl/certs"


@pytest.mark.parametrize("asked", [False, True])
def test_ca_stands_instead_of_the_authorities_of_the_system(locked, env, write, tmp_path, asked):
    """Also of those that OpenSSL finds by their hash in the system's folder."""
    trust = tmp_path / "trust"
    trust.mkdir()
    for name in ("ca.pem", "ca-certificates.crt"):
        shutil.copy(locked.authority, trust / name)
    run("openssl", "rehash", trust)
    options = ["--ca", self_signed(tmp_path, "another").authority] if asked else []
    done = run_under(["unshare", "-m", "sh", "-c", 'mount --bind "$0" "$1"; shift; exec "$@"',
                      trust, SYSTEM_TRUST], "pack", f"{locked.address}/{IMAGE}", "-o",
                     tmp_path / "b", "--authfile", write(config(locked.address)), *options, env=env)
    if asked:
        assert_refused(done, f"{locked.address}: its TLS certificate is not trusted: ")
    else:
        assert done.returncode == 0, done.stderr


def test_a_certificate_for_another_name(traps, ferry, env, tmp_path):
    certificate = server_certificate(tmp_path, names=("IP:127.0.0.1",))
    with filled(tmp_path / "storage", traps, tls=certificate) as registry:
        name = f"localhost:{registry.port}"
        done = ferry("pack", f"{name}/{IMAGE}", "-o", tmp_path / "b", "--ca",
                     certificate.authority, env=env)
        assert_refused(done, f"{name}: its TLS certificate is for another name")


def test_an_authority_that_cannot_be_read_is_named(locked, ferry, env, tmp_path):
    """And not hidden behind what plain HTTP, tried for a loopback address, comes to."""
    authority = tmp_path / "no.pem"
    authority.write_text("no certificate")
    done = ferry("pack", f"{locked.address}/{IMAGE}", "-o", tmp_path / "b", "--ca", authority,
                 env=env)
    assert_refused(done, f"{authority}: cannot be read as CA certificates")


# Without TLS


NOT_LOOPBACK = ["0.0.0.0", "registry.localhost"]
LOOPBACK = ["127.0.0.1", "localhost"]


@pytest.fixture(scope="module", name="port")
def port_fixture(source):
    """Of a registry without TLS that is reached by more than one name."""
    return source.registry.port


@pytest.mark.parametrize("host", LOOPBACK)
def test_a_loopback_registry_needs_no_tls(port, ferry, env, tmp_path, host):
    done = ferry("pack", f"{host}:{port}/{IMAGE}", "-o", tmp_path / "b", env=env)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("host", NOT_LOOPBACK)
@pytest.mark.parametrize("command", ["pack", "load"])
def test_any_other_has_to_be_named(port, small_bundle, ferry, env, tmp_path, command, host):
    name = f"{host}:{port}"
    arguments = {"pack": ["pack", f"{name}/{IMAGE}", "-o", tmp_path / "b"],
                 "load": ["load", small_bundle, "--to", name]}
    done = ferry(*arguments[command], "--retries", 0, env=env)
    assert_refused(done, f"{name}: it speaks no TLS; ", f"--plain-http {name}")


@pytest.mark.parametrize("host", NOT_LOOPBACK)
@pytest.mark.parametrize("named", ["{host}:{port}", "{host}"])
def test_pack_from_one_that_is_named(port, ferry, env, tmp_path, host, named):
    done = ferry("pack", f"{host}:{port}/{IMAGE}", "-o", tmp_path / "b", "--plain-http",
                 named.format(host=host, port=port), env=env)
    assert done.returncode == 0, done.stderr


def test_load_into_one_that_is_named(small_bundle, target, ferry, env, amd64_digest):
    name = f"0.0.0.0:{target.port}"
    done = ferry("load", small_bundle, "--to", name, "--plain-http", name, env=env)
    assert done.returncode == 0, done.stderr
    assert_there(target, {IMAGE: amd64_digest(IMAGE)})


def test_naming_one_host_says_nothing_of_another(port, ferry, env, tmp_path):
    done = ferry("pack", f"0.0.0.0:{port}/{IMAGE}", "-o", tmp_path / "b", "--retries", 0,
                 "--plain-http", "registry.localhost", "--plain-http", f"0.0.0.0:{port + 1}",
                 env=env)
    assert_refused(done, "it speaks no TLS")


def test_plain_http_to_a_registry_that_speaks_tls(locked, ferry, env, tmp_path):
    name = f"0.0.0.0:{locked.port}"
    done = ferry("pack", f"{name}/{IMAGE}", "-o", tmp_path / "b", "--plain-http", name,
                 "--retries", 0, env=env)
    assert done.returncode == 1
    assert name in done.stderr and "TLS" in done.stderr.upper().replace("HTTPS", "TLS")


# Tokens


def since(tokens, count):
    """The token requests after the first COUNT."""
    return tokens.requests[count:]


def scopes(requests):
    """What the requests asked for, each scope by itself."""
    return {scope for request in requests
            for scope in " ".join(request.parameters.get("scope", [])).split()}


def test_pulling_without_a_name_shows_no_name(tokens, tokened, ferry, env, tmp_path):
    before = len(tokens.requests)
    done = ferry("pack", f"{tokened.address}/{IMAGE}", "-o", tmp_path / "b", env=env)
    assert done.returncode == 0, done.stderr
    asked = since(tokens, before)
    assert asked and [request.authorization for request in asked] == [None] * len(asked)
    assert scopes(asked) == {"repository:trap/small:pull"}
    assert {tuple(request.parameters["service"]) for request in asked} == {(tokens.service,)}


def test_pulling_by_name_uses_the_password(tokens, tokened, ferry, env, write, tmp_path):
    before = len(tokens.requests)
    done = ferry("pack", f"{tokened.address}/{IMAGE}", "-o", tmp_path / "b", "--authfile",
                 write(config(tokened.address)), env=env)
    assert done.returncode == 0, done.stderr
    assert_all_by(since(tokens, before))
    assert_no_secret(done)


def assert_all_by(requests, user=USER, password=PASSWORD):
    """Each request says who asks: in a header, or in a form."""
    assert requests
    for request in requests:
        sent = {name: values[0] for name, values in request.parameters.items()}
        assert request.authorization == f"Basic {basic(user, password)}" or \
            (sent.get("username"), sent.get("password")) == (user, password)


def test_pushing_by_name(tokens, tokened_target, small_bundle, ferry, env, write):
    before = len(tokens.requests)
    done = ferry("load", small_bundle, "--to", tokened_target.address, "--authfile",
                 write(config(tokened_target.address)), env=env)
    assert done.returncode == 0, done.stderr
    assert tags_of(tokened_target) == [IMAGE, "trap/small:2"]
    assert_all_by(since(tokens, before))
    asked = {tuple(sorted(scope.rpartition(":")[2].split(",")))
             for scope in scopes(since(tokens, before))}
    assert ("pull", "push") in asked
    assert_no_secret(done)


def test_a_mount_asks_for_both_repositories(tokens, tokened_target, source, ferry, env, write,
                                            tmp_path):
    """What two repositories share is taken over: that needs to pull from the one."""
    path = source.pack(tmp_path / "b", "grafana/loki:latest", "grafana/tempo:latest")
    done = ferry("load", path, "--to", tokened_target.address, "--authfile",
                 write(config(tokened_target.address)), env=env)
    assert done.returncode == 0, done.stderr
    assert tags_of(tokened_target) == ["grafana/loki:latest", "grafana/tempo:latest"]
    mounts = [line for line in tokened_target.access_log() if "mount=" in line]
    assert any(re.search(r'HTTP/1.1" 201 ', line) for line in mounts), mounts
    uploads = [line for line in tokened_target.access_log() if '"PUT' in line and "/blobs/" in line]
    assert len(uploads) == len({re.search(r"digest=\S+", line).group() for line in uploads})


def test_pushing_without_a_name_is_refused(tokened_target, small_bundle, ferry, env):
    done = ferry("load", small_bundle, "--to", tokened_target.address, env=env)
    assert_refused(done, f"{tokened_target.address} denies it to those without credentials "
                         "(docker login, or --authfile)")
    assert tags_of(tokened_target) == []


def test_a_token_server_that_refuses_the_password(tokened, ferry, env, write, tmp_path):
    done = ferry("pack", f"{tokened.address}/{IMAGE}", "-o", tmp_path / "b", "--authfile",
                 write(config(tokened.address, WRONG)), env=env)
    assert_refused(done, f"{tokened.address}/{IMAGE}: ", "refuses the credentials")


def test_credentials_for_another_registry_are_not_shown(tokens, tokened, ferry, env, write,
                                                        tmp_path):
    before = len(tokens.requests)
    done = ferry("pack", f"{tokened.address}/{IMAGE}", "-o", tmp_path / "b", "--authfile",
                 write(config("127.0.0.1:1")), env=env)
    assert done.returncode == 0, done.stderr
    assert [request.authorization for request in since(tokens, before)
            if request.authorization] == []


@pytest.mark.parametrize("settings", [
    {"token_field": "access_token"},
    {"expires_in": 60},
    {"users": {USER: PASSWORD}, "anonymous": ()},
])
def test_token_servers_differ(traps, ferry, env, write, tmp_path, settings):
    with TokenServer(**settings) as tokens, \
            filled(tmp_path / "storage", traps, token_auth=tokens) as registry:
        done = ferry("pack", f"{registry.address}/{IMAGE}", "-o", tmp_path / "b", "--authfile",
                     write(config(registry.address) if "users" in settings else {}), env=env)
        assert done.returncode == 0, done.stderr


def test_an_identity_token_is_traded_for_tokens(traps, ferry, env, write, tmp_path):
    with TokenServer(anonymous=(), refresh_token="identity-of-ann") as tokens, \
            filled(tmp_path / "storage", traps, token_auth=tokens) as registry:
        auth = write({"auths": {registry.address: {
            "auth": basic(password=""), "identitytoken": "identity-of-ann"}}})
        done = ferry("pack", f"{registry.address}/{IMAGE}", "-o", tmp_path / "b", "--authfile",
                     auth, env=env)
        assert done.returncode == 0, done.stderr
        assert {(request.method, request.parameters["grant_type"][0])
                for request in tokens.requests} == {("POST", "refresh_token")}
        assert "identity-of-ann" not in done.stdout + done.stderr


# Helpers


HELPER = """\
#!/bin/sh
echo "$@" > {folder}/arguments
cat > {folder}/asked
{answer}
"""
KNOWS = """cat <<'END'
{"ServerURL": "x", "Username": "%s", "Secret": "%s"}
END"""
KNOWS_NOT = "echo 'credentials not found in native keychain'; exit 1"
BREAKS = "echo 'the keychain of %s is locked'; exit 3" % PASSWORD


@pytest.fixture(name="helper")
def helper_fixture(tmp_path, env):
    """helper(name, answer): a program that answers as a keychain's helper does."""
    folder = tmp_path / "bin"
    folder.mkdir()
    env["PATH"] = f"{folder}:{os.environ['PATH']}"

    def helper(name, answer):
        program = folder / f"docker-credential-{name}"
        program.write_text(HELPER.format(folder=folder, answer=answer))
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        return folder
    return helper


@pytest.mark.parametrize("setting", [
    lambda address: {"credHelpers": {address: "keychain"}},
    lambda address: {"credsStore": "keychain"},
    lambda address: {"credsStore": "other", "credHelpers": {address: "keychain"}},
    lambda address: config(address, WRONG, credHelpers={address: "keychain"}),
])
def test_a_helper_is_asked(locked, ferry, env, write, helper, tmp_path, setting):
    folder = helper("keychain", KNOWS % (USER, PASSWORD))
    done = ferry("pack", f"{locked.address}/{IMAGE}", "-o", tmp_path / "b", "--ca",
                 locked.authority, "--authfile", write(setting(locked.address)), env=env)
    assert done.returncode == 0, done.stderr
    assert (folder / "arguments").read_text() == "get\n"
    assert (folder / "asked").read_text().strip() == locked.address
    assert_no_secret(done)


@pytest.mark.parametrize("answer, messages", [
    (None, ["docker-credential-keychain"]),
    (BREAKS, ["docker-credential-keychain", "status 3"]),
    ("echo nonsense", ["docker-credential-keychain", "its answer is no JSON"]),
    (KNOWS_NOT, ["private and no credentials for "]),
])
def test_a_helper_that_does_not_help(locked, ferry, env, write, helper, tmp_path, answer,
                                     messages):
    """One that is missing or breaks is an error: going on without would only hide it."""
    if answer:
        helper("keychain", answer)
    auth = write({"credHelpers": {locked.address: "keychain"}})
    done = ferry("pack", f"{locked.address}/{IMAGE}", "-o", tmp_path / "b", "--ca",
                 locked.authority, "--authfile", auth, env=env)
    assert_refused(done, f"{locked.address}/{IMAGE}: ", *messages)


def test_a_missing_helper_stops_a_load_too(small_bundle, locked_target, ferry, env, write):
    auth = write({"credHelpers": {locked_target.address: "missing"}})
    done = ferry("load", small_bundle, "--to", locked_target.address, "--ca",
                 locked_target.authority, "--authfile", auth, env=env)
    assert_refused(done, "docker-credential-missing")
    assert tags_of(locked_target) == []


def test_a_helper_for_another_registry_is_left_alone(source, ferry, env, write, tmp_path):
    auth = write({"credHelpers": {"elsewhere.example": "missing"}})
    done = ferry("pack", source.reference(IMAGE), "-o", tmp_path / "b", "--authfile", auth,
                 env=env)
    assert done.returncode == 0, done.stderr
