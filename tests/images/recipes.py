"""What the images of the stack are made of: layers of packages and files, bottom first."""

from dataclasses import dataclass, field
from pathlib import Path

from image import DOCKER, OCI
from tree import GZIP_LEVEL

TRIPLET = {"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}
ARM64, AMD64 = "linux/arm64/v8", "linux/amd64"
ARM64_FIRST, AMD64_FIRST = (ARM64, AMD64), (AMD64, ARM64)

NOT_NEEDED = """
    adduser debconf dpkg fonts-glyphicons-halflings init-system-helpers iproute2
    javascript-common libjs-bootstrap libjs-bootstrap4 libjs-d3
    libjs-eonasdan-bootstrap-datetimepicker libjs-jquery libjs-jquery-hotkeys
    libjs-moment libjs-moment-timezone libjs-mustache libjs-popper.js
    libjs-rickshaw libllvm14 libpam-modules libpam-modules-bin locales lsb-base
    mawk openssl passwd perl perl-base postgresql-client-common
    postgresql-common sensible-utils ssl-cert sysvinit-utils tar ucf usrmerge
""".split()

APPLETS = """cat chmod chown cp cut date df dirname du echo env expr false find grep gunzip gzip
    head hostname id kill ln ls md5sum mkdir mktemp mv nc ping printf ps pwd rm sed sh sha256sum
    sleep sort stat tail tar tee test touch tr true uname vi wc wget which whoami xargs""".split()


@dataclass(frozen=True, eq=False)
class Layer:
    """Packages that lower layers lack, and files on top; {triplet} in texts is replaced."""

    name: str
    packages: tuple = ()
    files: dict = field(default_factory=dict)
    programs: dict = field(default_factory=dict)
    links: dict = field(default_factory=dict)
    directories: dict = field(default_factory=dict)
    compression: str = "gzip"


@dataclass(frozen=True, eq=False)
class Image:
    """One tag of the stack, for every platform in the order its index lists them."""

    name: str
    layers: tuple
    settings: dict
    dialect: str = OCI
    platforms: tuple = ARM64_FIRST
    attested: bool = False
    indexed: bool = True


@dataclass(frozen=True, eq=False)
class Stack:
    """Images that are built together: of what, by which module, and how."""

    images: tuple
    recipes: Path
    architectures: tuple = tuple(TRIPLET)
    not_needed: tuple = ()
    gzip_level: int = GZIP_LEVEL
    traps: bool = False


BASE = Layer(
    "base: libc and busybox",
    packages=("base-files", "busybox", "libc6", "netbase"),
    files={
        "etc/passwd": "root:x:0:0:root:/root:/bin/sh\n"
                      "www-data:x:33:33:www-data:/var/www:/bin/false\n"
                      "nobody:x:65534:65534:nobody:/nonexistent:/bin/false\n",
        "etc/group": "root:x:0:\nwww-data:x:33:\nnogroup:x:65534:\n",
        "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    },
    links={"bin": "usr/bin", "lib": "usr/lib", "lib64": "usr/lib64", "sbin": "usr/sbin",
           "var/run": "/run", **{f"usr/bin/{applet}": "busybox" for applet in APPLETS}},
    directories={"tmp": 0o1777, "run": 0o755, "proc": 0o755, "sys": 0o755, "dev": 0o755,
                 "root": 0o700, "home": 0o755})

PYTHON = Layer("python", packages=("python3-minimal",))

NUMPY = Layer(
    "numpy", packages=("python3-numpy",),
    links={"usr/lib/{triplet}/libblas.so.3": "blas/libblas.so.3",
           "usr/lib/{triplet}/liblapack.so.3": "lapack/liblapack.so.3"})

OBSERVABILITY = Layer("time zones and media types", packages=("tzdata", "media-types"))

ENTRYPOINT_SCRIPT = "#!/bin/sh\nset -e\nexec \"$@\"\n"

SERVICE = '''\
"""{name}: answers every request with its name."""
import socket
import sys
{imports}

NAME = "{name}"

if "--version" in sys.argv:
    print(NAME, "1.0", {version})
    sys.exit(0)

with socket.create_server(("", {port})) as server:
    while True:
        connection, _ = server.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(b"HTTP/1.0 200 OK\\r\\n\\r\\n" + NAME.encode() + b"\\n")
'''


def service(name, port, *, numeric=False, compression="gzip", **options):
    """An own service: a small Python program on the shared Python layers."""
    main = SERVICE.format(name=name, port=port,
                          imports="import numpy" if numeric else "",
                          version='"numpy", numpy.__version__' if numeric else '"python"')
    application = Layer(f"{name}: the program", files={"app/main.py": main},
                        compression=compression)
    shared = (BASE, PYTHON, NUMPY) if numeric else (BASE, PYTHON)
    settings = {"Entrypoint": ["python3", "/app/main.py"], "WorkingDir": "/app",
                "ExposedPorts": {f"{port}/tcp": {}}}
    return Image(f"{name}:latest", shared + (application,), settings, **options)


def exporter(name, package, port, **options):
    """A stand-in for a Go program that Debian lacks: another Go program of its kind."""
    program = Layer(package, packages=(package,))
    note = Layer(f"stand-in for {name}", files={
        "etc/stand-in": f"{package} stands in for {name}\n"})
    settings = {"Cmd": [package], "User": "65534:65534", "ExposedPorts": {f"{port}/tcp": {}}}
    return Image(name, (BASE, OBSERVABILITY, program, note), settings, **options)


REDIS = Image(
    "redis:7-alpine",
    (BASE, Layer("redis", packages=("redis-server",)),
     Layer("redis: entrypoint", directories={"data": 0o755},
           programs={"usr/local/bin/docker-entrypoint.sh": ENTRYPOINT_SCRIPT})),
    {"Entrypoint": ["docker-entrypoint.sh"], "Cmd": ["redis-server"], "WorkingDir": "/data",
     "ExposedPorts": {"6379/tcp": {}}, "Volumes": {"/data": {}}},
    dialect=DOCKER, platforms=AMD64_FIRST)

TIMESCALE = Image(
    "timescale/timescaledb:latest-pg14",
    (BASE, OBSERVABILITY, Layer("postgresql", packages=("postgresql-15",)),
     Layer("timescaledb: entrypoint",
           files={"etc/stand-in": "PostgreSQL 15 stands in for TimescaleDB on PostgreSQL 14\n"},
           directories={"var/lib/postgresql/data": 0o777},
           programs={"usr/local/bin/docker-entrypoint.sh": ENTRYPOINT_SCRIPT})),
    {"Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
             ":/usr/lib/postgresql/15/bin", "PGDATA=/var/lib/postgresql/data"],
     "Entrypoint": ["docker-entrypoint.sh"], "Cmd": ["postgres"],
     "ExposedPorts": {"5432/tcp": {}}, "Volumes": {"/var/lib/postgresql/data": {}}},
    dialect=DOCKER)

PROMETHEUS = Image(
    "prom/prometheus:latest",
    (BASE, OBSERVABILITY, Layer("prometheus", packages=("prometheus",)),
     Layer("prometheus: state", directories={"prometheus": 0o777})),
    {"Cmd": ["prometheus", "--config.file=/etc/prometheus/prometheus.yml",
             "--storage.tsdb.path=/prometheus"],
     "User": "65534:65534", "WorkingDir": "/prometheus", "ExposedPorts": {"9090/tcp": {}}},
    dialect=DOCKER)

WEBAPP = Image(
    "webapp:latest",
    (BASE, Layer("nginx", packages=("nginx-light",)),
     Layer("webapp: pages", directories={"var/lib/nginx": 0o755, "var/log/nginx": 0o755}, files={
         "var/www/html/index.html": "<!doctype html><title>webapp</title><h1>webapp</h1>\n"})),
    {"Cmd": ["nginx", "-g", "daemon off;"], "ExposedPorts": {"80/tcp": {}}},
    dialect=DOCKER, platforms=AMD64_FIRST, indexed=False)

IMAGES = (
    service("api-gateway", 8000, attested=True),
    service("timeseries-service", 8001),
    service("forecast-service", 8002, numeric=True),
    service("optimize-service", 8003, numeric=True, attested=True),
    service("scheduler-service", 8004, compression="none"),
    WEBAPP,
    TIMESCALE,
    REDIS,
    PROMETHEUS,
    exporter("grafana/grafana:latest", "prometheus-alertmanager", 3000, dialect=DOCKER),
    exporter("grafana/loki:latest", "prometheus-pushgateway", 3100),
    exporter("grafana/promtail:latest", "prometheus-node-exporter", 9080),
    exporter("grafana/tempo:latest", "prometheus-blackbox-exporter", 3200,
             platforms=AMD64_FIRST, attested=True),
)

STACK = Stack(IMAGES, Path(__file__), not_needed=NOT_NEEDED, traps=True)
