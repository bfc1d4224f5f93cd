"""What registries do to ferry, row by row, and what ferry has to do about it.

The rows are those of a survey of hostile and broken inputs; 65 to 93 are the
registry's side.  A Case is one input of a row: how it is set up, and which end
is right.  rows_play.py plays them, test_rows.py holds ferry to them, table.py
writes down what it said: docs/hostile-registries.md.
"""

import re
from dataclasses import dataclass, field
from typing import Callable

from mishaps import assert_done, assert_failed, assert_packed, assert_refused, told

SIZE = 1_000_000        # of a layer that faults are played on


@dataclass(frozen=True)
class Case:
    """One input."""

    row: int
    input: str              # as the table calls it; test ids come from it
    set_up: Callable        # (bench) -> the Rule that plays it, or None
    check: Callable         # (bench, done): whether ferry ended as it must
    options: tuple = ()     # of the command
    login: str = ""         # "basic" or "bearer": what the registry demands
    tls: str = ""           # the certificate it has, see rows_places.py
    places: dict = field(default_factory=dict)  # names that the machine knows: {name: addresses}
    run: Callable = None    # (bench, options) -> done; without, it packs app:1
    seconds: float = 20     # it must have ended by then
    mebibytes: int = 64     # and have taken no more than that
    most: int = 40          # requests
    page: str = ""          # what the page says, where the message depends on who was faster

    @property
    def name(self):
        """row71-redirect-to-file"""
        return f"row{self.row}-{re.sub(r'[^a-z0-9]+', '-', self.input.lower()).strip('-')}"


# How it is set up

def played(match, action, times=None, listener="registry", **image):
    """An app:1, and a fault on some requests."""
    def set_up(bench):
        bench.add(**image)
        return bench.server.fault(match, action, times=times, listener=listener)
    return set_up


def on_layer(*actions, times=None, size=SIZE, **image):
    """An app:1 whose one layer suffers these faults; the last for ever, or `times`."""
    def set_up(bench):
        digest = bench.add(layers=[size], **image).layers[0].digest
        for action in actions[:-1]:
            bench.server.fault("GET blob", action, digest=digest)
        return bench.server.fault("GET blob", actions[-1], digest=digest, times=times)
    return set_up


def once(*actions, **more):
    """The same, but then it goes well."""
    return on_layer(*actions, times=1, **more)


def made(**image):
    """An app:1 that is wrong by itself."""
    def set_up(bench):
        bench.add(**image)
    return set_up


# How it must end

def packed(bench, done):
    """As if nothing had been: the bundle, exactly the image, no other file."""
    assert_done(done)
    assert_packed(bench, bench.images)
    assert bench.left() == [bench.bundle.name]


def packed_in(requests):
    """The same, and the layer took so many requests and no byte twice."""
    def check(bench, done):
        packed(bench, done)
        layer = bench.images["app:1"].layers[0]
        asked = bench.server.matching("GET blob", digest=layer.digest)
        assert len(asked) == requests, told(done)
        assert sum(record.sent for record in asked) == layer.size
    return check


def refused(*words, status=1):
    """By the plan, before a layer was pulled, in these words."""
    def check(bench, done):
        assert_refused(bench, done, {"app:1": bench.words(words)}, status=status)
    return check


def failed(*words, most=None):
    """On its way, in these words; the layer was asked for at most so often."""
    def check(bench, done):
        layer = bench.images["app:1"].layers[0].digest
        assert_failed(bench, done, bench.name("app:1"), "blob " + layer, *bench.words(words))
        assert most is None or bench.server.count("GET blob", digest=layer) <= most, told(done)
    return check


def all_cases():
    """The whole table, in the order of its rows."""
    # pylint: disable=import-outside-toplevel
    import rows_access
    import rows_answers
    import rows_images
    import rows_places
    import rows_push
    cases = [case for module in (rows_answers, rows_access, rows_images, rows_places, rows_push)
             for case in module.CASES]
    return sorted(cases, key=lambda case: case.row)
