"""Edits for bundles.write(): the many ways to make one thing wrong."""

from dataclasses import replace

from bundles import (BLOCK, ZSTD_MAGIC, Run, block, raw_frame, run_of, tar_header, zstd)

def put(*path):
    """put("blobs", 0, "size", 5): document["blobs"][0]["size"] = 5."""
    *keys, last, value = path

    def edit(document):
        for key in keys:
            document = document[key]
        document[last] = value
    return edit


def drop(*path):
    *keys, last = path

    def edit(document):
        for key in keys:
            document = document[key]
        del document[last]
    return edit


def swap(old, new):
    """An edit of text or bytes, which must be in there."""
    def edit(text):
        assert old in text
        return text.replace(old, new, 1)
    return edit


def append(data):
    return lambda text: text + data


def insert(number, item):
    return lambda items: items[:number] + [item] + items[number:]


def again(number, **how):
    """Makes the run of one blob anew, with the things wrong that `how` has."""
    def edit(runs):
        runs[number] = run_of(runs[number].blob, number == len(runs) - 1, **how)
    return edit


def headed(number, as_name=None, **fields):
    """Gives the member of one blob another tar header."""
    def edit(runs):
        blob = runs[number].blob
        head = tar_header(as_name or blob.name, len(blob.data), **fields)
        again(number, head=head)(runs)
    return edit


def length_of(data):
    """The size that a member's header says."""
    return int(data[124:135], 8)


def headed_bytes(data, **fields):
    """A member of the front with another tar header."""
    return tar_header("index.json", length_of(data), **fields) + data[512:]


def before(number, data):
    """Puts something in front of one blob's member, within its run."""
    def edit(runs):
        blob = runs[number].blob
        again(number, head=data + tar_header(blob.name, len(blob.data)))(runs)
    return edit


def stray(number, *frames):
    """Puts frames between two blobs that bundle.blobs does not speak of."""
    return insert(number, Run(None, list(frames)))


def front(name, data):
    """Puts another member, or other bytes, where one of the front must be."""
    def edit(members):
        members[name] = data(members[name]) if callable(data) else data
    return edit


def added(place, data):
    """Puts one more member into the front, before `place`."""
    def edit(members):
        names = list(members)
        at = names.index(place)
        return {**{name: members[name] for name in names[:at]}, "more": data,
                **{name: members[name] for name in names[at:]}}
    return edit


def same_size(number):
    """Changes a blob's content but not its size, under its old name."""
    def edit(runs):
        data = runs[number].blob.data
        again(number, data=bytes([data[0] ^ 1]) + data[1:])(runs)
    return edit


def renamed(each, name):
    return replace(each, name=name)


def foreign(document):
    kind = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
    document["layers"][0]["mediaType"] = kind



def front_frames(make):
    """Packs the front with another kind of frame."""
    return lambda frames: [make(frame[13:-4]) for frame in frames]


def lacking(count):
    """A frame whose size says `count` bytes less than it holds."""
    return lambda data: raw_frame(data, size=len(data) - count)


def with_dictionary(data):
    frame = raw_frame(data)
    return frame[:4] + b"\x85\x38\x07" + frame[6:]


def without_checksum(data):
    return raw_frame(data, descriptor=0x80)[:-4]


def wide(data):
    """A raw frame that asks for a window of 2 GiB."""
    return raw_frame(data, window=b"\xa8")


def rle(size):
    """A frame of few bytes that unpacks to `size`."""
    blocks = b"".join(block(b"\0", at + BLOCK >= size, 1, min(BLOCK, size - at))
                      for at in range(0, size, BLOCK))
    return ZSTD_MAGIC + b"\x80\x38" + size.to_bytes(4, "little") + blocks


def small_blocks(data):
    """A raw frame in blocks of 100 bytes."""
    blocks = b"".join(block(data[at:at + 100], at + 100 >= len(data))
                      for at in range(0, len(data), 100))
    return raw_frame(data, blocks=blocks)


def split(frames):
    """The front in two frames where one would do."""
    data = frames[0][13:-4]
    return [raw_frame(data[:2048]), raw_frame(data[2048:])]
