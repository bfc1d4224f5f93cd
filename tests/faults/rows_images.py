"""Rows 82 to 88: something else under the image's name, or in its place."""

import json

import faulty_actions as act
from faulty_images import DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST, SCHEMA1
from mishaps import digests, told
from rows import Case, failed, made, on_layer, packed, packed_in, played, refused

TWO = ("linux/amd64", "linux/arm64")
ANSWERED_HTML = ["{host} is not a registry", "text/html"]


def document(data):
    """These bytes are the manifest, honestly named."""
    return played("manifest", act.document("document", lambda response: (
        response.get("Content-Type"), data)))


def edited(change):
    """A manifest whose layer is described like this."""
    def set_up(bench):
        image = bench.add(layers=[1000])
        kind, data = image.documents[image.manifest]
        layer = image.layers[0]
        bench.server.add_manifest("app:1", kind, change(data.decode(), layer).encode())
    return set_up


def sized(size):
    return edited(lambda text, layer: text.replace(f'"size":{layer.size}', f'"size":{size}'))


def digested(digest):
    return edited(lambda text, layer: text.replace(layer.digest, digest))


def lost(part):
    """An index of which something is gone."""
    def set_up(bench):
        bench.server.forget(part(bench.add(platforms=TWO)))
    return set_up


def typed(media_type, **image):
    return played("manifest", act.set_header("Content-Type", media_type), **image)


def moving(bench):
    """A tag that is another image's as soon as it has been read."""
    bench.add(platforms=TWO, layers=[5000])
    other = bench.server.add_image("other:1", layers=[7000])
    return bench.server.fault("manifest tag", act.moving_tag(other))


def read_once(bench, done):
    """The bundle is of the first reading, all of it."""
    packed(bench, done)
    assert bench.server.count("manifest tag") == 1


def wrong_for_head(exchange):
    """A HEAD that names another digest than the GET."""
    response = exchange.answer()
    if exchange.request.method == "HEAD":
        response = response.with_header("Docker-Content-Digest", act.WRONG_DIGEST)
    exchange.send(response)


ROW82 = [
    Case(82, "the tag moves between two reads", moving, read_once),
    Case(82, "HEAD tells another digest than GET",
         played("manifest", act.Action("wrong for HEAD", wrong_for_head)), packed),
    Case(82, "a child of the index is gone", lost(lambda image: image.manifest),
         refused("manifest {manifest}", "its index", "does not have it")),
    Case(82, "the config is gone", lost(lambda image: image.config),
         refused("blob {config}", "does not have it")),
    Case(82, "the index calls a child longer than it is",
         made(size_lies={"manifest": 1}, index=True),
         refused("manifest {manifest}", "its index says")),
    Case(82, "the index calls a child shorter than it is",
         made(size_lies={"manifest": -1}, index=True),
         refused("manifest {manifest}", "its index says")),
    Case(82, "the config is shorter than said", made(size_lies={"config": 1}),
         refused("blob {config}", "bytes instead")),
    Case(82, "the config is longer than said", made(size_lies={"config": -1}),
         refused("blob {config}", "more than the")),
]

ROW83 = [
    Case(83, "Docker-Content-Digest of another", played("manifest", act.wrong_digest_header()),
         refused(act.WRONG_DIGEST, "{manifest}")),
    Case(83, "Docker-Content-Digest of another, once",
         played("manifest", act.wrong_digest_header(), times=1), packed),
    Case(83, "no Docker-Content-Digest", played("manifest", act.wrong_digest_header(None)), packed),
    Case(83, "Docker-Content-Digest that is no digest",
         played("manifest", act.wrong_digest_header("nonsense")), packed),
    Case(83, "Docker-Content-Digest of another, with a blob",
         on_layer(act.wrong_digest_header()), packed_in(1)),
]

ROW84 = [
    Case(84, "a captive portal", played("", act.html_200()), refused(*ANSWERED_HTML)),
    Case(84, "a web page as manifest", played("manifest", act.html_200()), refused(*ANSWERED_HTML)),
    Case(84, "a web page as config", played("GET blob", act.html_200()), refused(*ANSWERED_HTML)),
    Case(84, "a web page as layer", on_layer(act.html_200()), failed(*ANSWERED_HTML, most=1)),
    Case(84, "a web page that is called JSON", document(act.PORTAL),
         refused("manifest sha256:", "no valid JSON")),
    Case(84, "an empty manifest", document(b""), refused("manifest sha256:", "it is empty")),
    Case(84, "an index that is called a manifest", typed(OCI_MANIFEST, index=True),
         refused(f"called {OCI_MANIFEST}")),
    Case(84, "a manifest that is called an index", typed(OCI_INDEX),
         refused(f"called {OCI_INDEX}", "is an image manifest")),
    Case(84, "a manifest that is called another's", typed(DOCKER_MANIFEST),
         refused(f"called {DOCKER_MANIFEST}", "itself")),
    Case(84, "a manifest that is called a picture", typed("image/png"), refused("image/png")),
    Case(84, "a Content-Type of 300 bytes", typed("a" * 300), refused("Content-Type of 300 bytes")),
    Case(84, "a manifest that is called a file", typed("application/octet-stream"), packed),
    Case(84, "a manifest that is called JSON", typed("application/json; charset=utf-8"), packed),
    Case(84, "a manifest without Content-Type", typed(None), packed),
    Case(84, "a layer that is called a text", on_layer(act.wrong_content_type("text/plain")),
         packed_in(1)),
    Case(84, "an image and an index at once", played("manifest", act.both_fields()),
         refused("an index as well as an image")),
]

SCHEMA1_WORDS = ["schema 1", "pushed again by a current tool"]
ROW85 = [
    Case(85, "schema 1, signed", played("manifest", act.schema1()), refused(*SCHEMA1_WORDS)),
    Case(85, "schema 1, unsigned", played("manifest", act.schema1(signed=False)),
         refused(*SCHEMA1_WORDS)),
    Case(85, "schema 1 by its type", typed(SCHEMA1), refused(*SCHEMA1_WORDS)),
]

ROW86 = [
    Case(86, "a manifest of 100 MB", played("manifest", act.huge_manifest()),
         refused("{host}", "more than 8.0 MiB")),
    Case(86, "a manifest of 100 MB, chunked", played("manifest", act.huge_manifest(chunked=True)),
         refused("{host}", "more than 8.0 MiB")),
    Case(86, "JSON 10 000 deep", document(b'{"a":' + b"[" * 10_000), refused("JSON")),
    Case(86, "JSON with a key twice", document(b'{"schemaVersion":2,"schemaVersion":2}'),
         refused("duplicate object key")),
    Case(86, "8 MB of empty arrays", document(b'{"a":[' + b"[]," * 2_700_000 + b"[]]}"),
         refused("manifest sha256:", "JSON of more values")),
    Case(86, "a NUL in a string", document(b'{"schemaVersion":2,"mediaType":"\\u0000"}'),
         refused("JSON")),
    Case(86, "a size of 1e308", sized("1e308"), refused("size")),
    Case(86, "a size of -1", sized("-1"), refused("size")),
    Case(86, "a size beyond 64 bits", sized("99999999999999999999"), refused("JSON")),
    Case(86, "a size of 2^63-1", sized(str(2 ** 63 - 1)),
         refused("layer 1", "larger than any blob")),
    Case(86, "a digest that is a path", digested("sha256:../../../etc/passwd"), refused("digest")),
    Case(86, "a digest of MD5", digested("md5:" + "0" * 32), refused("digest")),
    Case(86, "a digest in capitals", digested("sha256:" + "A" * 64), refused("digest")),
]


def index_of(children):
    """app:1 is an index of children(image, entries)."""
    def set_up(bench):
        image = bench.add(platforms=TWO)
        index = json.loads(image.documents[image.index][1])
        index["manifests"] = children(index["manifests"])
        bench.server.add_manifest("app:1", OCI_INDEX, json.dumps(index).encode())
    return set_up


def nothing_of_attestations(bench, done):
    """They were not even asked for."""
    packed(bench, done)
    asked = {record.digest for record in bench.server.requests if record.digest}
    assert asked == digests(bench.images["app:1"])


ROW87 = [
    Case(87, "an index of 100 000", played("manifest tag", act.crowded_index()),
         refused("{host}", "more than 8.0 MiB")),
    Case(87, "an index of 30 000", played("manifest tag", act.crowded_index(30_000)),
         refused("sha256:", "JSON of more values")),
    Case(87, "an index of 5000", played("manifest tag", act.crowded_index(5000)),
         refused("index sha256:", "5000 entries, but 4096 is the limit")),
    Case(87, "an index of what is not there", played("manifest tag", act.crowded_index(10)),
         refused("manifest " + act.WRONG_DIGEST, "its index", "{host}")),
    Case(87, "a platform twice", index_of(lambda entries: entries[:1] * 2), packed),
    Case(87, "a platform twice, the second is not there", index_of(
        lambda entries: entries[:1] + [{**entries[0], "digest": act.WRONG_DIGEST}]), packed),
    Case(87, "an empty index", index_of(lambda _: []), refused("no linux/amd64", status=4)),
    Case(87, "an index that lies about a platform",
         made(platforms=TWO, config_platform={TWO[0]: TWO[1]}),
         refused("its index says linux/amd64", "its config says linux/arm64", status=4)),
    Case(87, "another platform only", made(platforms=TWO[1:]),
         refused("no linux/amd64", "it has linux/arm64", status=4)),
    Case(87, "other platforms only", made(platforms=("linux/arm64", "windows/amd64")),
         refused("no linux/amd64", "it has linux/arm64, windows/amd64", status=4)),
    Case(87, "none but attestations", made(platforms=TWO[1:], attestations=True),
         refused("no linux/amd64", "it has linux/arm64", status=4)),
    Case(87, "attestations beside the only platform", made(attestations=True),
         nothing_of_attestations),
    Case(87, "attestations beside the image", made(platforms=TWO, attestations=True),
         nothing_of_attestations),
]


def no_list_was_asked_for(bench, done):
    """Nothing that comes in pages is needed, and no Link followed."""
    packed(bench, done)
    for kind in ("referrers", "tags", "catalog", "other"):
        assert bench.server.count(kind) == 0, told(done)


LINK = '</v2/app/referrers/x?page=2>; rel="next"'
ROW88 = [
    Case(88, "a Link to the next page, for ever", played("", act.set_header("Link", LINK)),
         no_list_was_asked_for),
    Case(88, "a Link to another host", played("", act.set_header(
        "Link", '<http://169.254.169.254/x>; rel="next"')), no_list_was_asked_for),
]

CASES = ROW82 + ROW83 + ROW84 + ROW85 + ROW86 + ROW87 + ROW88
