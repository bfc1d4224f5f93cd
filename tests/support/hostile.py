"""What bundles may have wrong with them on purpose: the tables of test_bad_bundles.py.

Each case does one thing wrong and keeps all the rest consistent, so that it is
the check of that one thing which has to refuse it.
"""

import json
from dataclasses import dataclass, field

from bundles import (LAYER_GZIP, LAYOUT, OCI_INDEX, OCI_MANIFEST, TRAILER, Blob, Layer, Run, block,
                     digest_of, gzip_layer, hex_of, image, member, noise, padding, pax_head,
                     plain_layer, raw_frame, run_of, skippable, write, zstd)
from edits import (added, again, append, before, drop, foreign, front, front_frames, headed,
                   headed_bytes, insert, lacking, length_of, put, renamed, rle, same_size,
                   small_blocks, split, stray, swap, wide, with_dictionary,
                   without_checksum)

# Who is the first to see it: whoever opens the bundle (list too), whoever reads
# its images' documents (inspect), whoever reads its blobs (load), or verify
# alone, since what load needs is whole.
OPEN, IMAGES, BLOBS, VERIFY, NOBODY = range(5)

NAME = "docker.io/library/app:1"
SHARED = gzip_layer("shared", 3000)
APP = image(NAME, [SHARED, gzip_layer("own", 500)])
OTHER = image("docker.io/library/other:2", [SHARED, gzip_layer("other", 400)])
PLAIN = image("docker.io/library/plain:1", [SHARED, plain_layer("p", 9000), plain_layer("q", 700)])
MANIFEST, CONFIG, LAYER, LAST = range(4)    # the blobs of APP
PLAIN_LAYER, PLAIN_LAST = 3, 4              # of PLAIN
LARGEST = 10 ** 16 - 1


@dataclass(frozen=True)
class Case:
    """A bundle with one thing wrong, and what must be said of it."""

    name: str
    seen_by: int
    says: tuple         # by whoever refuses it
    edits: dict = field(repr=False)
    images: tuple = field(default=(APP,), repr=False)
    load_says: tuple | None = None      # where load meets it in another place
    loads: tuple | None = field(default=None, repr=False)   # where not the images themselves

    def write(self):
        return write(list(self.images), **self.edits)


CASES = []


def case(name, seen_by, says, of=(APP,), load_says=None, loads=None, **edits):
    says = (says,) if isinstance(says, str) else tuple(says)
    load_says = (load_says,) if isinstance(load_says, str) else load_says
    CASES.append(Case(name, seen_by, says, edits, tuple(of), load_says, loads))


# Frames

ANOTHER = "no bundle of ferry's: it is another zstd file"
PLACE = "its place in the file is"
CHECKSUM = "content unlike its checksum near byte"
FRAMING = "wrong framing near byte"
HEAD = "wrong tar header"
NO_HEAD = "no tar header as ferry writes it"
TAIL = "bytes too many or too few at the end"
LAYER_NAMED = ("app:1", SHARED.descriptor["digest"])
LAST_NAMED = ("app:1", APP.layers[1].descriptor["digest"])
PLAIN_NAMED = ("plain:1", PLAIN.layers[1].descriptor["digest"])
UNLIKE = "is not what the images make it"
HUGE = skippable(b"", 0xffffffff)

FRAMES = {
    "with a dictionary": (with_dictionary, ANOTHER, PLACE),
    "without a checksum": (without_checksum, ANOTHER, PLACE),
    "with a wide window": (wide, ANOTHER, FRAMING),
    "with a size too small": (lacking(1), FRAMING, FRAMING),
    "with a size too large": (lacking(-1), FRAMING, FRAMING),
    "with a size of 4 GiB": (lambda data: raw_frame(data, size=0xffffffff), ANOTHER, FRAMING),
    "with a wrong checksum": (lambda data: raw_frame(data, checksum=1), CHECKSUM, CHECKSUM),
    "of a reserved block": (lambda data: raw_frame(data, blocks=block(data, True, 3)), FRAMING,
                            FRAMING),
    "of small blocks": (small_blocks, FRAMING, PLACE),
    "of a compressed block": (zstd.frame, ANOTHER, PLACE),
    "of an RLE block": (lambda data: rle(len(data)), ANOTHER, PLACE),
    "of RLE blocks, a bomb": (lambda data: rle(2 << 30), ANOTHER, PLACE),
    "behind an empty one": (lambda data: raw_frame(b"") + raw_frame(data), ANOTHER, PLACE),
    "behind a skippable one": (lambda data: skippable(b"?") + raw_frame(data), "no bundle", PLACE),
    "behind a huge skippable one": (lambda data: HUGE + raw_frame(data), "no bundle", PLACE),
}
for name, (make, front_says, blob_says) in FRAMES.items():
    case(f"front: a frame {name}", OPEN, front_says, frames=front_frames(make))
    case(f"blob: a frame {name}", BLOBS, (*LAYER_NAMED, blob_says), runs=again(LAYER, frame=make))

GAPS = {"a skippable frame": skippable(b"?" * 100), "a huge skippable frame": HUGE,
        "an empty frame": raw_frame(b""), "a block of zeros": raw_frame(b"\0" * 512),
        "rubbish": b"?" * 77, "a member": raw_frame(member("blobs/sha256/" + "0" * 64))}
for name, data in GAPS.items():
    case(f"{name} before the first blob", OPEN, "does not begin where the front ends", runs=stray(0, data))
    case(f"{name} hidden before the first blob", OPEN, "does not begin where the front ends", runs=stray(0, data),
         table=lambda _: write([APP]).data[-57:])
    case(f"{name} between blobs", BLOBS, ("app:1", PLACE), runs=stray(LAST, data))
    case(f"{name} before the seek table", VERIFY, TAIL, table=lambda table, data=data: data + table)
    case(f"{name} at the end", VERIFY, TAIL, file=append(data))
    case(f"{name} at the beginning", OPEN, "", file=lambda file, data=data: data + file)

case("a front in two frames", OPEN, "a frame of the front is too short", frames=split)
case("a front in two frames, hidden", OPEN, "a frame of the front is too short", frames=split,
     table=lambda _: write([APP]).data[-57:])
case("a blob in two frames", BLOBS, (*LAYER_NAMED, PLACE), runs=again(
    LAYER, frame=lambda data: raw_frame(data[:2048]) + raw_frame(data[2048:])))
case("a second bundle behind the first", VERIFY, TAIL, file=lambda file: file + file)
case("a line feed behind the bundle", VERIFY, TAIL, file=append(b"\n"))
case("10000 skippable frames behind the bundle", VERIFY, TAIL, file=append(skippable(b"") * 10000))

# Seek table

TABLES = {
    "no seek table": (lambda _: b"", TAIL),
    "two seek tables": (lambda table: table + table, TAIL),
    "half a seek table": (lambda table: table[:30], TAIL),
    "a seek table with another magic": (lambda table: b"\x50" + table[1:], "seek table"),
    "a seek table with another foot": (lambda table: table[:-1] + b"\x8e", "seek table"),
    "a seek table with reserved bits": (lambda table: table[:-5] + b"\x04" + table[-4:],
                                        "seek table"),
    "a seek table that says to have checksums": (
        lambda table: table[:-5] + b"\x80" + table[-4:], "seek table"),
    "a seek table with a wrong size": (lambda table: table[:4] + b"\0" + table[5:], "seek table"),
    "a seek table with a wrong sum": (lambda table: table[:8] + b"\1" + table[9:], "seek table"),
    "a seek table that counts 2^32-1": (lambda table: table[:-9] + b"\xff" * 4 + table[-5:],
                                        "seek table"),
    "a seek table in another order": (
        lambda table: table[:8] + table[16:24] + table[8:16] + table[24:], "seek table"),
}
for name, (edit, says) in TABLES.items():
    case(name, VERIFY, says, table=edit)

# Members

NAMES = ("../x", "/etc/x", "blobs/sha256/../../x", "./index.json", "INDEX.JSON", "index.json/",
         "index.json.", "", "a\\b", "\x1b[31mred", "blobs", "manifest.json")
for name in NAMES:
    shown = name.replace("\x1b", "\\x1b")
    case(f"front: a member called {name!a}", OPEN, f"'{shown}' where index.json must be",
         front=front("index.json", lambda data, name=name: member(
             name, data[512:512 + length_of(data)])))
    case(f"front: one more member called {name!a}", OPEN, "must be",
         front=added("blobs/", member(name, b"more")))
    case(f"blob: a member called {name!a}", BLOBS, (*LAYER_NAMED, HEAD),
         runs=headed(LAYER, as_name=name or "\0"))
case("blob: a member with an upper-case name", BLOBS, (*LAYER_NAMED, HEAD),
     runs=headed(LAYER, as_name="blobs/sha256/" + hex_of(LAYER_NAMED[1]).upper()))
case("blob: a member with another blob's name", BLOBS, (*LAYER_NAMED, HEAD),
     runs=headed(LAYER, as_name="blobs/sha256/" + hex_of(LAST_NAMED[1])))

HEADERS = {
    "a symlink": {"typeflag": b"2", "linkname": b"/etc/passwd"},
    "a hard link": {"typeflag": b"1", "linkname": b"oci-layout"},
    "a character device": {"typeflag": b"3", "devmajor": b"0000001", "devminor": b"0000003"},
    "a block device": {"typeflag": b"4"}, "a folder": {"typeflag": b"5"},
    "a FIFO": {"typeflag": b"6"}, "a contiguous file": {"typeflag": b"7"},
    "an old file": {"typeflag": b"\0"}, "GNU's sparse file": {"typeflag": b"S"},
    "GNU's long name": {"typeflag": b"L"}, "a global pax header": {"typeflag": b"g"},
    "an unknown type": {"typeflag": b"Q"},
    "a base-256 size": {"size": b"\x80" + (500).to_bytes(11, "big")},
    "a negative size": {"size": b"\xff" * 12}, "a garbled size": {"size": b"0000000009x"},
    "no size": {"size": b""}, "a size in spaces": {"size": b"       764 "},
    "a wrong checksum": {"checksum": b"000000\0 "},
    "another mode": {"mode": b"0004755"}, "an owner": {"uid": b"0001750"},
    "an owner's name": {"uname": b"root"}, "a time": {"mtime": b"14000000000"},
    "GNU's magic": {"magic": b"ustar ", "version": b" "}, "a prefix": {"prefix": b"../.."},
    "bytes in no field": {"unused": b"?"},
}
for name, fields in HEADERS.items():
    case(f"front: {name}", OPEN, NO_HEAD, front=front(
        "index.json", lambda data, fields=fields: headed_bytes(data, **fields)))
    case(f"blob: {name}", BLOBS, (*LAYER_NAMED, HEAD), runs=headed(LAYER, **fields))
PREFIXES = {
    "a pax header": member("PaxHeaders/x", b"19 path=../../evil\n", b"x"),
    "a long pax header": member("PaxHeaders/x", b"a" * 70000, b"x"),
    "a global pax header": member("PaxHeaders/x", b"19 path=../../evil\n", b"g"),
    "GNU's long name": member("././@LongLink", b"../" * 100, b"L"),
    "a block of zeros": b"\0" * 512, "the end marker": b"\0" * TRAILER,
}
for name, data in PREFIXES.items():
    case(f"front: {name} before a member", OPEN, "", front=added("index.json", data))
    case(f"blob: {name} before a member", BLOBS, (*LAYER_NAMED, PLACE), runs=before(LAYER, data))
case("front: a size of 8 GiB", OPEN, "index.json of 8589934591 bytes", front=front(
    "index.json", lambda data: headed_bytes(data, size=b"7" * 11)))
case("front: a pax header for a small member", OPEN, "index.json", front=front(
    "index.json", lambda data: pax_head("index.json", length_of(data)) + data[512:]))
case("blob: a pax header for a small member", BLOBS, (*LAYER_NAMED, PLACE), runs=again(
    LAYER, head=pax_head("blobs/sha256/" + hex_of(LAYER_NAMED[1]), SHARED.descriptor["size"])))

case("front: a member twice", OPEN, "'index.json' where manifest.json must be",
     front=added("manifest.json", member("index.json", b"{}")))
case("front: a member missing", OPEN, "'bundle.blobs' where manifest.json must be",
     front=drop("manifest.json"))
case("front: members in another order", OPEN, "'manifest.json' where index.json must be",
     front=lambda members: {"oci-layout": members["oci-layout"],
                            "manifest.json": members.pop("manifest.json"), **members})
case("front: one member more", OPEN, "the front does not end with its frame",
     front=lambda members: {**members, "more": member("more", b"?")})
case("front: never ends", OPEN, "", front=drop("blobs/sha256/"))
case("front: padding that is not zero", VERIFY, "the front has odd padding",
     front=front("index.json", lambda data: data[:-1] + b"?"))
case("blob: padding that is not zero", BLOBS, (*LAYER_NAMED, "something in the padding"),
     runs=again(LAYER, tail=b"?" * len(padding(SHARED.descriptor["size"]))))
case("blob: a block of padding more", BLOBS, (*LAYER_NAMED, PLACE),
     runs=again(LAYER, tail=padding(SHARED.descriptor["size"]) + b"\0" * 512))

ENDS = {"missing": b"", "too short": b"\0" * 512, "too long": b"\0" * 1536}
for name, end in ENDS.items():
    case(f"end marker: {name}", BLOBS, (*LAST_NAMED, PLACE), runs=lambda runs, end=end: again(
        LAST, tail=padding(runs[LAST].blob.size) + end)(runs))
case("end marker: not zero", BLOBS, (*LAST_NAMED, "something in the padding"),
     runs=lambda runs: again(LAST, tail=padding(runs[LAST].blob.size) + b"?" * TRAILER)(runs))
case("end marker: in a frame of its own", BLOBS, (*LAST_NAMED, PLACE), runs=again(
    LAST, frame=lambda data: raw_frame(data[:-TRAILER]) + raw_frame(data[-TRAILER:])))
case("end marker: in the middle too", BLOBS, (*LAYER_NAMED, PLACE), runs=again(
    LAYER, tail=padding(SHARED.descriptor["size"]) + b"\0" * TRAILER))

# Blobs

EXTRA = Blob(b"nobody asked for this")
case("a blob that no image needs", VERIFY, (EXTRA.digest, "no image needs it"),
     blobs=insert(LAYER, EXTRA))
case("a blob that no image needs, at the end", VERIFY, (EXTRA.digest, "no image needs it"),
     blobs=insert(4, EXTRA))
case("2000 blobs that no image needs", VERIFY, "no image needs it", blobs=lambda blobs: [
    *blobs[:LAYER], *(Blob(b"%d" % number) for number in range(2000)), *blobs[LAYER:]])
case("a blob in the tar only", BLOBS, ("app:1", PLACE),
     runs=lambda runs: stray(LAST, *run_of(EXTRA, False).frames)(runs))
case("a blob in the tar only, at the end", BLOBS, (*LAST_NAMED, PLACE),
     runs=lambda runs: runs + [Run(None, run_of(EXTRA, True).frames)])
case("a blob twice in the tar", BLOBS, (*LAYER_NAMED, PLACE),
     runs=lambda runs: stray(LAST, *runs[LAYER].frames)(runs))
case("a blob twice in bundle.blobs", OPEN, (LAYER_NAMED[1], "is there twice"),
     blobs=lambda blobs: insert(LAST, blobs[LAYER])(blobs))
case("a blob twice in bundle.blobs, in one place", OPEN, "lies within the blob before",
     places=lambda places: places["blobs"].insert(LAST, places["blobs"][LAYER]))
case("a layer missing", BLOBS, (*LAYER_NAMED, "is missing"), blobs=drop(LAYER))
case("a layer missing in bundle.blobs", IMAGES, ("app:1", PLACE), places=drop("blobs", LAYER))
case("a layer missing in the tar", BLOBS, LAYER_NAMED,
     runs=lambda runs: runs.insert(LAYER, Run(runs.pop(LAYER).blob, [b"?"])))
case("a config missing", IMAGES, ("app:1", APP.config_digest, "is missing"), blobs=drop(CONFIG))
case("a manifest missing", IMAGES, ("app:1", APP.digest, "is missing"), blobs=drop(MANIFEST))
case("blobs out of order", VERIFY, "the blobs are out of order",
     blobs=lambda blobs: [blobs[1], blobs[0], *blobs[2:]])
case("layers out of order", VERIFY, "the blobs are out of order",
     blobs=lambda blobs: [*blobs[:2], blobs[3], blobs[2]])
for number, level in [(MANIFEST, IMAGES), (CONFIG, IMAGES), (LAYER, BLOBS), (LAST, BLOBS)]:
    digest = [APP.digest, APP.config_digest, LAYER_NAMED[1], LAST_NAMED[1]][number]
    case(f"blob {number}: another content of the same size", level,
         ("app:1", digest, "its content is sha256:"), runs=same_size(number))

# bundle.json as text

SIZES = {"negative": -1, "2^63": 1 << 63, "400 digits": 10**400, "a fraction": 1.5,
         "a power": 1e20, "a string": "123", "null": None, "true": True, "NaN": float("nan"),
         "infinite": float("inf"), "a list": [1], "an object": {}}
for name, value in SIZES.items():
    for place in (("images", 0, "size"), ("images", 0, "shared"), ("index.json", "size"),
                  ("bundle.blobs", "size")):
        case(f"{'.'.join(map(str, place))} is {name}", OPEN, "bundle.json", statement=put(
            *place, value))
    case(f"a manifest with a size that is {name}", IMAGES, "app:1", of=[image(
        NAME, [SHARED], manifest=put("layers", 0, "size", value))])

TEXTS = {
    "empty": lambda _: b"", "no JSON": lambda _: b"hello\n", "an array": lambda _: b"[]\n",
    "a BOM": lambda text: b"\xef\xbb\xbf" + text, "UTF-16": lambda text: text.decode().encode(
        "utf-16"), "data behind it": append(b"{}\n"), "a NUL behind it": append(b"\0"),
    "a NUL before it": lambda text: b"\0" + text, "cut short": lambda text: text[:-20],
    "a type twice": swap(b'"type":', b'"type":"ferry.bundle/v1","type":'),
    "a digest twice": swap(b'"digest":', b'"digest":"sha256:0","digest":'),
    "a comma too many": swap(b"}]", b"},]"), "a comment": swap(b"{", b"{/* */"),
    "arrays 100000 deep": lambda _: b"[" * 100000,
    "objects 100000 deep": lambda _: b'{"type":' * 100000,
    "something 100 deep": swap(b'"type"', b'"more":' + b"[" * 100 + b"]" * 100 + b',"type"'),
    "1200000 lists": swap(b'"type"', b'"more":[' + b"[]," * 1200000 + b'0],"type"'),
    "10000000 numbers": swap(b'"type"', b'"more":[' + b"1," * 10000000 + b'0],"type"'),
    "a number of a million digits": swap(b'"size":', b'"size":' + b"9" * 1000000),
    "a number as 1e308": swap(b'"size":', b'"size":1e308,"was":'),
    "a number as 1e999": swap(b'"size":', b'"size":1e999,"was":'),
    "a number with a zero before it": swap(b'"size":', b'"size":0'),
    "a NUL escape": swap(b"linux/amd64", b"linux/amd64\\u0000"),
    "a lone surrogate": swap(b"linux/amd64", b"linux/amd64\\ud800"),
    "a broken escape": swap(b"linux/amd64", b"linux\\/amd64\\u12"),
    "invalid UTF-8": swap(b"linux/amd64", b"linux/amd64\xff"),
    "overlong UTF-8": swap(b"linux/amd64", b"linux\xc0\xafamd64"),
    "a control character": swap(b"linux/amd64", b"linux/amd64\x07"),
}
for name, edit in TEXTS.items():
    case(f"bundle.json: {name}", OPEN, "bundle.json", statement_text=edit)

for name, edit in {"a space": swap(b'"type":', b'"type": '), "a key more": put("more", 1),
                   "no line feed": lambda text: text[:-1],
                   "keys in another order": lambda document: {
                       "images": document.pop("images"), **document},
                   "an escape": swap(b"linux/", b"linux\\/")}.items():
    stage = "statement" if "key" in name else "statement_text"
    case(f"bundle.json: {name}", VERIFY, f"bundle.json {UNLIKE}",
         **{stage: edit})

# bundle.json's values

for key in ("type", "index.json", "manifest.json", "bundle.blobs", "images"):
    case(f"bundle.json: no {key}", OPEN, ("bundle.json", f'"{key}" is missing'),
         statement=drop(key))
    case(f"bundle.json: {key} is null", OPEN, ("bundle.json", f'"{key}" is no '),
         statement=put(key, None))
for key in ("name", "platform", "manifest", "size", "shared"):
    case(f"bundle.json: an image without {key}", OPEN, ("image 0", f'"{key}" is missing'),
         statement=drop("images", 0, key))
for value in ("ferry.bundle/v2", "ferry.bundle/v1 ", "", "ferry.bundle/v1\x1b[2J"):
    case(f"bundle.json: type {value!a}", OPEN, ("a bundle of type", "this ferry reads"),
         statement=put("type", value))
DIGESTS = {"upper case": LAYER_NAMED[1].replace("a", "A").replace("b", "B"), "empty": "",
           "sha512": "sha512:" + "0" * 128, "md5": "md5:" + "0" * 32, "no algorithm": "0" * 64,
           "63 digits": LAYER_NAMED[1][:-1], "65 digits": LAYER_NAMED[1] + "0",
           "a path": "sha256:../../../etc/passwd", "no hex": "sha256:" + "g" * 64,
           "two": "sha256+b64u:" + "0" * 43}
for name, value in DIGESTS.items():
    for place in (("images", 0, "manifest"), ("images", 0, "index"), ("index.json", "digest"),
                  ("bundle.blobs", "digest")):
        case(f"{'.'.join(map(str, place))}: a digest: {name}", OPEN, "bundle.json",
             statement=put(*place, value))
    for key in ("digest", "frames"):
        case(f"bundle.blobs: {key}: {name}", OPEN, "bundle.blobs: line 3 is not as it must be",
             places=put("blobs", LAYER, key, value))
    case(f"a layer with a digest: {name}", IMAGES, "app:1", of=[image(
        NAME, [SHARED], manifest=put("layers", 0, "digest", value))])
    case(f"a diff_id: {name}", IMAGES, ("app:1", "diff_id"), of=[image(
        NAME, [SHARED], config=put("rootfs", "diff_ids", 0, value))])
    case(f"a config with a digest: {name}", IMAGES, "app:1", of=[image(
        NAME, [SHARED], manifest=put("config", "digest", value))])

case("images: none", OPEN, "0 images", statement=put("images", []))
case("images: out of order", OPEN, "is twice or out of order", of=[APP, OTHER],
     statement=lambda document: document["images"].reverse())
case("images: one twice", OPEN, "is twice or out of order",
     statement=lambda document: document["images"].append(document["images"][0]))
case("images: one more", VERIFY, UNLIKE, of=[APP, OTHER], loads=(
    APP, OTHER, renamed(APP, "docker.io/library/z:1")), statement=lambda document: document.update(
        images=document["images"] + [{**document["images"][0], "name": "docker.io/library/z:1"}]))
case("images: one less", VERIFY, "no image needs it", of=[APP, OTHER], loads=(APP,),
     statement=drop("images", 1))
for value in ("app:1", "docker.io/app:1", "docker.io/library/app", "docker.io/library/APP:1",
              "docker.io/library/app:1@" + APP.digest, "-rf", "--help", "", " ", "a" * 5000,
              "docker.io/library/app:1\n", "docker.io/library/\x1b[31mapp:1",
              "docker.io/library/\u0430pp:1", "../../etc/passwd:1", "docker.io/library/app:..",
              "docker.io//app:1", "index.docker.io/library/app:1"):
    shown = value if len(value) < 50 else value[:10] + "..."
    case(f"images: called {shown!a}", OPEN, "bundle.json: image 0",
         statement=put("images", 0, "name", value))
case("images: called by the digest of another", IMAGES, ("app@sha256:" + "0" * 64, APP.digest),
     of=[image("docker.io/library/app@sha256:" + "0" * 64, APP.layers)])
for value in ("", "linux", "linux/", "linux/amd64/v1/x", "linux/amd64\n", "linux/\x1b[2J",
              "l" * 40 + "/amd64", "linux/" + "a" * 5000, "linux amd64", "/etc/passwd"):
    shown = value if len(value) < 50 else value[:10] + "..."
    case(f"images: platform {shown!a}", OPEN, "bundle.json: image 0",
         statement=put("images", 0, "platform", value))
case("images: another platform", IMAGES, ("app:1", "bundle.json says linux/arm64, its config "
                                          "linux/amd64"),
     statement=put("images", 0, "platform", "linux/arm64"))
case("images: the manifest is a layer", IMAGES, "app:1",
     statement=put("images", 0, "manifest", LAYER_NAMED[1]))
case("images: the manifest is a config", IMAGES, "app:1",
     statement=put("images", 0, "manifest", APP.config_digest))
case("images: the manifest is another image's", VERIFY, "no image needs it", of=[APP, OTHER],
     loads=(renamed(OTHER, NAME), OTHER), statement=put("images", 0, "manifest", OTHER.digest))
for key, value in {"size": 7, "shared": 7}.items():
    case(f"images: another {key}", VERIFY, f"bundle.json {UNLIKE}",
         statement=put("images", 0, key, value))

# bundle.blobs

NUMBERS = {"negative": "-000000000000001", "one digit more": "0" * 17, "one digit less": "0" * 15,
           "without zeros": "123", "hex": "0x00000000000010", "empty": "", "blanks": " " * 16,
           "a plus": "+000000000000001", "a word": "none"}
for name, value in NUMBERS.items():
    for key in ("size", "offset"):
        case(f"bundle.blobs: {key}: {name}", OPEN, "bundle.blobs: line 3 is not as it must be",
             places=put("blobs", LAYER, key, value))
    case(f"bundle.blobs: end: {name}", OPEN, "bundle.blobs: it does not end as it must",
         places=put("end", value))

LINES = {
    "empty": lambda _: b"", "no lines": lambda _: b"hello", "JSON": lambda _: b"[]\n",
    "a BOM": lambda text: b"\xef\xbb\xbf" + text, "a NUL before it": lambda text: b"\0" + text,
    "a NUL behind it": append(b"\0"), "a line behind it": append(b"\n"),
    "another end": append(b"end 0000000000000000\n"),
    "no end": lambda text: text[:text.index(b"end ")],
    "only an end": lambda text: text[text.index(b"end "):],
    "the end first": lambda text: b"end 0000000000000000\n" + text,
    "cut short": lambda text: text[:-20], "no line feed": lambda text: text[:-1],
    "DOS lines": lambda text: text.replace(b"\n", b"\r\n"), "an empty line": swap(b"\n", b"\n\n"),
    "a tab": swap(b" ", b"\t"), "two blanks": swap(b" ", b"  "),
    "a blank before it": lambda text: b" " + text, "a blank behind a line": swap(b"\n", b" \n"),
    "one more field": swap(b"\n", b" more=1\n"), "a comment": lambda text: b"# blobs\n" + text,
    "a frames= without a digest": swap(b"\n", b" frames=\n"),
    "frames twice": swap(b"\n", b"".join([b" frames=", LAYER_NAMED[1].encode()] * 2) + b"\n"),
}
for name, edit in LINES.items():
    case(f"bundle.blobs: {name}", OPEN, "bundle.blobs: ", places_text=edit)
case("bundle.blobs: a million lines more", OPEN, "bundle.blobs: 1000005 lines",
     places_text=lambda text: b"\n" * 1_000_000 + text)

case("offsets: the first is not 0", OPEN, "does not begin where the front ends",
     places=put("blobs", 0, "offset", 1))
for name, delta in {"too near": -1, "too far": 1}.items():
    case(f"offsets: one {name}", BLOBS, (*LAYER_NAMED, PLACE),
         load_says=("app:1", PLACE), places=lambda places, delta=delta: put(
             "blobs", LAST, "offset", places["blobs"][LAST]["offset"] + delta)(places))
case("offsets: one before the blob before", OPEN, "lies within the blob before it",
     places=put("blobs", LAYER, "offset", 1))
case("offsets: one beyond the end", OPEN, "no room for the blobs",
     places=put("blobs", LAST, "offset", LARGEST))
case("offsets: the end before the last blob", OPEN, "no room for the blobs", places=put("end", 5))
case("offsets: the end too near", BLOBS, (*LAST_NAMED, PLACE), places=lambda places: put(
    "end", places["end"] - 1)(places))
case("offsets: the end beyond the file", OPEN, "cut off", places=put("end", 1 << 40))
case("offsets: the end as far as it goes", OPEN, "cut off", places=put("end", LARGEST))
for name, value in {"0": 0, "1 more": SHARED.descriptor["size"] + 1, "2^33": 1 << 33,
                    "2^50": 1 << 50}.items():
    case(f"sizes: a layer of {name}", BLOBS, LAYER_NAMED, load_says=("app:1", "say two sizes"),
         places=put("blobs", LAYER, "size", value))
    case(f"sizes: a config of {name}", IMAGES, ("app:1", APP.config_digest),
         places=put("blobs", CONFIG, "size", value))
for name, value in {"2^50+1": (1 << 50) + 1, "10^16-1": LARGEST}.items():
    case(f"sizes: a layer of {name}", OPEN, f"{value} bytes",
         places=put("blobs", LAYER, "size", value))
for name in ("index.json", "manifest.json", "bundle.blobs"):
    case(f"bundle.json: another digest of {name}", OPEN,
         f"{name} is not the one that bundle.json names",
         statement=put(name, "digest", "sha256:" + "0" * 64))
    case(f"bundle.json: another size of {name}", OPEN,
         f"{name} is not the one that bundle.json names",
         statement=put(name, "size", 7))
case("frames: of a blob that is not compressed", VERIFY, LAYER_NAMED,
     places=put("blobs", LAYER, "frames", digest_of(b"")))

# What other tools read

INDEXES = {
    "another digest": put("manifests", 0, "digest", OTHER.digest), "no images": put(
        "manifests", []), "another name": put("manifests", 0, "annotations",
                                              "io.containerd.image.name", "evil:1"),
    "another platform": put("manifests", 0, "platform", "architecture", "arm64"),
    "a key more": put("annotations", {}), "another version": put("schemaVersion", 3),
    "no JSON": lambda _: b"rubbish", "empty": lambda _: b"",
}
MANIFESTS = {
    "another config": put(0, "Config", "blobs/sha256/" + "0" * 64),
    "a path outside": put(0, "Config", "../../../etc/passwd"),
    "other layers": put(0, "Layers", []), "another tag": put(0, "RepoTags", ["evil:1"]),
    "no images": lambda _: [], "no JSON": lambda _: b"rubbish", "empty": lambda _: b"",
}
for name, edit in INDEXES.items():
    case(f"index.json: {name}", VERIFY, f"index.json {UNLIKE}", index=edit)
for name, edit in MANIFESTS.items():
    case(f"manifest.json: {name}", VERIFY, f"manifest.json {UNLIKE}", manifest=edit)
for name, text in {"another version": LAYOUT.replace(b"1.0.0", b"2.0.0"), "no JSON": b"rubbish",
                   "a line feed": LAYOUT + b"\n", "empty": b""}.items():
    case(f"oci-layout: {name}", VERIFY, f"oci-layout {UNLIKE}",
         front=front("oci-layout", member("oci-layout", text)))
case("oci-layout: 5000 bytes", OPEN, "oci-layout of 5000 bytes",
     front=front("oci-layout", member("oci-layout", b" " * 5000)))

SIGNATURES = {
    "rubbish": (VERIFY, noise("signature", 4096), "holds no signatures"),
    "zeros": (VERIFY, b"\0" * 4096, "holds no signatures"),
    "too short": (VERIFY, b"\n" * 512, "bundle.json.sig has an odd size"),
    "empty": (VERIFY, b"", "bundle.json.sig has an odd size"),
    "too long": (OPEN, b"\n" * 4097, "bundle.json.sig of 4097 bytes"),
    "a line of base64": (NOBODY, (b"QUJD" * 22 + b"\n").ljust(4096, b"\n"), ""),
}
for name, (level, text, says) in SIGNATURES.items():
    case(f"bundle.json.sig: {name}", level, says,
         front=front("bundle.json.sig", member("bundle.json.sig", text)))

# The images' own documents


def as_index(document):
    return {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}


def large(size):
    """White space is JSON too."""
    return lambda document: json.dumps(document).encode()[:-1].ljust(size - 1) + b"}"


BAD_MANIFESTS = {
    "no JSON": (lambda _: b"rubbish", "no valid JSON"), "empty": (lambda _: b"", "JSON"),
    "an index": (as_index, "an index"), "an index that does not say so": (
        lambda _: {"schemaVersion": 2, "manifests": []}, "an index"),
    "an index as well": (put("manifests", []), "an index as well as an image"),
    "an index by its type": (put("mediaType", OCI_INDEX), "an image manifest"),
    "Docker's first schema": (put("schemaVersion", 1), "schema 1"),
    "another schema": (put("schemaVersion", 3), "schemaVersion"),
    "no config": (drop("config"), '"config" is missing'),
    "no layers": (drop("layers"), '"layers" is missing'),
    "one layer too few": (drop("layers", 0), "the manifest has 0 layers"),
    "layers spelt otherwise": (put("Layers", []), "would be taken for"),
    "a config size that lies": (put("config", "size", 5), "more than the 5 bytes it should have"),
    "a foreign layer": (foreign, "its maker forbids to carry it"),
    "an artifact": (put("config", "mediaType", "application/vnd.oci.empty.v1+json"),
                    "no container image"),
    "a media type of 200 bytes": (put("mediaType", OCI_MANIFEST + ";" + "b" * 200),
                                   "a media type of 243 bytes"),
    "escapes in a media type": (put("mediaType", "a/\x1b[2J"), "\\x1b"),
    "escapes in a layer's type": (put("layers", 0, "mediaType", "a/\x1b[2J"), "media type"),
    "5000 layers": (lambda document: document.update(layers=document["layers"] * 5000),
                    "5000 layers"),
    "9 MiB": (large(9 << 20), "is too large"),
    "deep JSON": (lambda _: b'{"a":' * 1000 + b"1" + b"}" * 1000, "deep"),
}
BAD_CONFIGS = {
    "no JSON": (lambda _: b"rubbish", "no valid JSON"), "empty": (lambda _: b"", "JSON"),
    "another platform": (put("architecture", "arm64"),
                         "bundle.json says linux/amd64, its config linux/arm64"),
    "another variant": (put("variant", "v3"), "its config linux/amd64/v3"),
    "no platform": (drop("architecture"), "architecture"),
    "escapes in its platform": (put("os", "\x1b[2J"), "is no operating system"),
    "no rootfs": (drop("rootfs"), "no container image"),
    "another rootfs": (put("rootfs", "type", "other"), "rootfs"),
    "a diff_id more": (lambda document: document["rootfs"]["diff_ids"].append(digest_of(b"")),
                       "the manifest has 1 layers, but the config has 2 diff_ids"),
    "no diff_ids": (put("rootfs", "diff_ids", []), "0 diff_ids"),
    "9 MiB": (large(9 << 20), "is too large"),
}
for name, (edit, says) in BAD_MANIFESTS.items():
    case(f"a manifest: {name}", IMAGES, ("app:1", says), of=[image(NAME, [SHARED], manifest=edit)])
for name, (edit, says) in BAD_CONFIGS.items():
    case(f"a config: {name}", IMAGES, ("app:1", says), of=[image(NAME, [SHARED], config=edit)])
case("a layer's size that lies", BLOBS, f"bundle.blobs {UNLIKE}", of=[image(
    NAME, [SHARED], manifest=put("layers", 0, "size", 5))], load_says=("app:1", "say two sizes"))
case("a layer with two sizes", BLOBS, (LAYER_NAMED[1], "in other:2"), of=[APP, image(
    OTHER.name, OTHER.layers, manifest=put("layers", 0, "size", 5))])
case("a layer that is the config", NOBODY, "", of=[image(
    NAME, [Layer(LAYER_GZIP, image(NAME, [SHARED]).config, SHARED.diff_id)])])
for name, value in {"null": None, "a list": [], "a string": "?"}.items():
    case(f"a config: its config is {name}", NOBODY, "", of=[image(
        NAME, [SHARED], config=put("config", value))])
case("an image from an index", NOBODY, "", of=[image(NAME, [SHARED], index=digest_of(b"index"))])
case("two images of one manifest", NOBODY, "", of=[APP, image("docker.io/library/z:1", APP.layers)])


# Plain layers, in compressed frames


def repacked(frame):
    """Packs the first plain layer otherwise, and says so in bundle.blobs."""
    return again(PLAIN_LAYER, frame=frame)


def longer(data):
    return data + b"\0" * (50 << 20)


def misread(data):
    return data[:600] + bytes([data[600] ^ 1]) + data[601:]


NO_FRAME = "no frame of a bundle where one must be"
PACKINGS = {
    "a bomb": (lambda data: zstd.frame(longer(data)), "a frame holds more than it should"),
    "a bomb of RLE blocks": (lambda data: rle(2 << 30), ""),
    "a bomb without a size": (lambda data: zstd.frame(longer(data), p200=0), NO_FRAME),
    "a byte more": (lambda data: zstd.frame(data + b"\0"), "a frame holds more than it should"),
    "a byte less": (lambda data: zstd.frame(data[:-1]), "a frame holds less than it should"),
    "a frame more": (lambda data: zstd.frame(data) + zstd.frame(b"?"),
                     "bytes behind the last frame"),
    "an empty frame more": (lambda data: zstd.frame(data) + zstd.frame(b""),
                            "bytes behind the last frame"),
    "a skippable frame more": (lambda data: zstd.frame(data) + skippable(b"?"),
                               "bytes behind the last frame"),
    "a skippable frame before": (lambda data: skippable(b"?") + zstd.frame(data), NO_FRAME),
    "a huge skippable frame before": (lambda data: HUGE + zstd.frame(data), NO_FRAME),
    "two frames": (lambda data: zstd.frame(data[:999]) + zstd.frame(data[999:]),
                   "a frame holds less than it should"),
    "rubbish behind": (lambda data: zstd.frame(data) + b"?", "bytes behind the last frame"),
    "cut short": (lambda data: zstd.frame(data)[:-1], "a compressed frame has no end"),
    "cut to nothing": (lambda data: zstd.frame(data)[:3], NO_FRAME),
    "rubbish": (lambda data: b"rubbish", NO_FRAME),
    "a wide window": (wide, NO_FRAME),
    "a dictionary": (with_dictionary, NO_FRAME),
    "no checksum": (without_checksum, NO_FRAME),
    "a reserved block": (lambda data: raw_frame(data, blocks=block(data, True, 3)), "zstd: "),
    "a wrong checksum": (lambda data: raw_frame(data, checksum=1), "zstd: "),
    "a size too small": (lacking(1), "zstd: "), "a size too large": (lacking(-1), "zstd: "),
    "another content": (lambda data: zstd.frame(misread(data)), "its content is sha256:"),
    "another tar header": (lambda data: zstd.frame(b"?" + data[1:]), HEAD),
    "odd padding": (lambda data: zstd.frame(data[:-1] + b"?"), "something in the padding"),
}
for name, (frame, says) in PACKINGS.items():
    case(f"a plain layer: {name}", BLOBS, (*PLAIN_NAMED, says), of=[PLAIN], runs=repacked(frame))
case("a plain layer: another digest of its frames", VERIFY,
     (*PLAIN_NAMED, "its frames are not as written"), of=[PLAIN],
     places=put("blobs", PLAIN_LAYER, "frames", digest_of(b"")))
case("a plain layer: no digest of its frames", BLOBS, PLAIN_NAMED, of=[PLAIN],
     places=drop("blobs", PLAIN_LAYER, "frames"))
case("a plain layer: in raw frames", VERIFY, f"bundle.blobs {UNLIKE}", of=[PLAIN],
     blobs=lambda blobs: [setattr(blob, "plain", False) for blob in blobs] and None)
case("a plain layer: before the others", VERIFY, "the blobs are out of order", of=[PLAIN],
     blobs=lambda blobs: [*blobs[:2], blobs[3], blobs[2], blobs[4]])
case("a plain layer: end marker missing", BLOBS, ("plain:1", "a frame holds less than it should"),
     of=[PLAIN], runs=lambda runs: again(PLAIN_LAST, tail=padding(runs[PLAIN_LAST].blob.size))(
         runs))
case("a plain layer: end marker in a frame of its own", BLOBS,
     ("plain:1", "a frame holds less than it should"), of=[PLAIN], runs=again(
         PLAIN_LAST, frame=lambda data: zstd.frame(data[:-TRAILER]) + zstd.frame(data[-TRAILER:])))
case("a gzip layer in compressed frames", VERIFY, f"bundle.blobs {UNLIKE}",
     blobs=lambda blobs: setattr(blobs[LAYER], "plain", True))
