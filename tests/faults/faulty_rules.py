"""When a fault is played: which requests, how often, after how many."""

METHODS = ("GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "*")


class Match:
    """Which requests are meant: "GET blob", "manifest tag", "PATCH upload".

    A method (or none, or *) and a kind: ping, token, catalog, tags, referrers,
    manifest [tag|digest], blob, upload [mount], or nothing for all.  Closing
    an upload is "PUT blob".  Or any predicate.  Works on a Request before the
    answer as on its Record after it.
    """

    def __init__(self, match, digest=None, repo=None):
        self.predicate = match if callable(match) else None
        words = [] if callable(match) else match.split()
        self.method = words.pop(0) if words and words[0] in METHODS else "*"
        self.kind = " ".join(words)
        self.digest = digest
        self.repo = repo

    def __call__(self, request):
        return (self.method in ("*", request.method)
                and (request.kind + " ").startswith(self.kind + " " if self.kind else "")
                and self.repo in (None, request.repo)
                and self.digest in (None, request.digest)
                and (self.predicate is None or self.predicate(request)))


class Rule:
    """A fault, the requests it is for, and how often it is (still) played."""

    def __init__(self, match, action, times, listener, skip, before_auth):
        self.match = match
        self.action = action
        self.times = times
        self.listener = listener
        self.skip = skip
        self.before_auth = before_auth
        self.fired = 0

    def take(self, request, authorised):
        """Whether the fault is to be played now; if so, counts it."""
        if not self._meant(request, authorised) or self.fired == self.times:
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.fired += 1
        return True

    def _meant(self, request, authorised):
        return (self.listener in (None, request.listener.name)
                and (authorised or self.before_auth)
                and self.match(request) and self.action.applies(request))
