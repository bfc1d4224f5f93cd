"""What the images of the corpus are made of: the stack of tests/images, at its real size.

The names, settings and programs are those of the small stack; the layers below are those
of images that nobody made small: a whole Debian, its tools, and on top whatever a service
needs and then some. What stands in for programs that Debian lacks is of their kind and size.
"""

from dataclasses import replace
from pathlib import Path

from recipes import AMD64, BASE, IMAGES, NUMPY, Layer, Stack

SMALL = {image.name: image for image in IMAGES}

# Large, and only there to compile (with boost and g++), or data of no use to a service.
NOT_NEEDED = ("libjs-moment-timezone", "python3-pythran", "unicode-data")

DEBIAN = """apt base-files base-passwd bash coreutils dash debian-archive-keyring debianutils
    diffutils dpkg findutils grep gzip hostname libc-bin login mount ncurses-bin netbase passwd
    perl-base sed tar util-linux""".split()


def debian(edition, *more):
    """A base image; those of other days have some other packages, and so are other layers."""
    return replace(
        BASE, name=f"debian of {edition}", packages=(*DEBIAN, *more),
        files={**BASE.files, "etc/edition": f"{edition}\n"},
        links={path: target for path, target in BASE.links.items() if target != "busybox"})


def packages(name, *names, **options):
    """A layer of packages."""
    return Layer(name, packages=names, **options)


SPRING = debian("spring", "e2fsprogs", "sysvinit-utils")
SUMMER = debian("summer", "ca-certificates", "tzdata")
AUTUMN = debian("autumn", "ca-certificates", "procps", "tzdata")

TOOLS = packages("tools", "ca-certificates", "curl", "gnupg", "procps", "tzdata", "less")
NETWORK_TOOLS = packages("network tools", "curl", "iputils-ping", "iproute2", "dnsutils")

PYTHON = packages("python", "python3", "python3-setuptools", "python3-pip")
WEB = packages(
    "python: web and data bases", "gunicorn", "python3-aiohttp", "python3-celery",
    "python3-cryptography", "python3-fastapi", "python3-flask", "python3-grpcio",
    "python3-psycopg2", "python3-redis", "python3-sqlalchemy", "uvicorn")
NUMERIC = packages(
    "numpy and pandas", "libopenblas0-pthread", "python3-numpy", "python3-pandas",
    links={link: f"openblas-pthread/{Path(link).name}"
           for link in (*NUMPY.links, "usr/lib/{triplet}/libopenblas.so.0")})
SCIENTIFIC = packages("scipy and plots", "python3-scipy", "python3-matplotlib")
LEARNING = packages("learning", "python3-sklearn", "python3-statsmodels", "python3-xarray",
                    "python3-dask", "python3-h5py-serial")
SOLVERS = packages("solvers", "coinor-cbc", "glpk-utils", "python3-cvxopt", "python3-networkx",
                   "python3-pulp", "python3-sympy")
JAVA = packages("java", "openjdk-17-jre-headless",
                links={"usr/bin/java": "../lib/jvm/java-17-openjdk-amd64/bin/java"})
JAVA_LIBRARIES = packages("java: libraries", "libguava-java", "libnetty-java")
NODE = packages("node", "nodejs", "npm")
NODE_BUILD = packages("node: what builds pages", "node-typescript", "webpack", "eslint")
OBSERVABILITY = packages("media types and perl", "adduser", "media-types", "perl")


def image(name, *layers):
    """An image of the small stack, on layers of real size and for amd64 only."""
    settings = Layer(f"{name}: settings", files={
        f"etc/{name.partition(':')[0]}/settings": f"name = {name}\nmode = production\n"})
    program = replace(SMALL[name].layers[-1], compression="gzip")
    return replace(SMALL[name], layers=(*layers, settings, program), platforms=(AMD64,),
                   attested=False, indexed=True)


CORPUS = Stack((
    image("api-gateway:latest", SPRING, TOOLS, PYTHON, WEB),
    image("timeseries-service:latest", SPRING, TOOLS, PYTHON, WEB, NUMERIC),
    image("forecast-service:latest", SPRING, TOOLS, PYTHON, WEB, NUMERIC, SCIENTIFIC, LEARNING),
    image("optimize-service:latest", SPRING, TOOLS, PYTHON, WEB, NUMERIC, SCIENTIFIC, SOLVERS),
    image("scheduler-service:latest", AUTUMN, NETWORK_TOOLS, PYTHON, JAVA, JAVA_LIBRARIES),
    image("webapp:latest", AUTUMN, NETWORK_TOOLS, packages("nginx", "nginx-full"), NODE,
          NODE_BUILD),
    image("timescale/timescaledb:latest-pg14", SUMMER, packages("locales", "locales"),
          packages("llvm", "libllvm14"), packages("postgresql", "postgresql-15"),
          packages("more of postgresql", "postgresql-plpython3-15", "postgresql-plperl-15")),
    image("redis:7-alpine", AUTUMN, packages("redis", "redis-server"),
          packages("gosu", "gosu")),
    image("prom/prometheus:latest", SUMMER, OBSERVABILITY, packages("prometheus", "prometheus"),
          packages("node exporter", "prometheus-node-exporter")),
    image("grafana/grafana:latest", SUMMER, OBSERVABILITY,
          packages("alertmanager", "prometheus-alertmanager"), packages("hugo", "hugo"),
          packages("packer", "packer"), packages("gh", "gh")),
    image("grafana/loki:latest", SUMMER, OBSERVABILITY,
          packages("pushgateway", "prometheus-pushgateway"),
          packages("victoria-metrics", "victoria-metrics"), packages("mtail", "mtail")),
    image("grafana/promtail:latest", SUMMER, OBSERVABILITY,
          packages("node exporter", "prometheus-node-exporter"), packages("rclone", "rclone"),
          packages("containerd", "containerd"), packages("docker", "docker.io")),
    image("grafana/tempo:latest", SUMMER, OBSERVABILITY,
          packages("blackbox exporter", "prometheus-blackbox-exporter"),
          packages("etcd", "etcd-server", "etcd-client"), packages("caddy", "caddy")),
), Path(__file__), architectures=("amd64",), not_needed=NOT_NEEDED, gzip_level=6)
