"""Who may come in: Basic, Bearer, and the token endpoint behind the latter."""

import base64
import secrets
import time
from urllib.parse import parse_qs

from faulty_http import error, respond
from faulty_images import to_json


class Tokens:
    """Issues and checks bearer tokens; opaque, scoped, and they do expire."""

    def __init__(self):
        self.users = None           # (user, password), or None for anybody
        self.identity_token = None
        self.expires_in = 300
        self.valid_for = None
        self.key = "token"
        self.issued = {}            # token -> (set of (repo, action), expiry)

    def issue(self, request, form):
        """The token endpoint: GET with Basic, or POST with a form."""
        fields = parse_qs(form.decode("latin-1")) or request.query
        if not self._knows(request, fields):
            return error(401, "UNAUTHORIZED", "wrong credentials",
                         [("WWW-Authenticate", 'Basic realm="token"')])
        token = secrets.token_urlsafe(24)
        valid = self.expires_in if self.valid_for is None else self.valid_for
        self.issued[token] = (granted(fields), time.monotonic() + valid)
        return respond(200, to_json({self.key: token, "expires_in": self.expires_in}),
                       "application/json")

    def revoke(self, repo=None):
        """Forgets all tokens, or those that are good for a repository."""
        self.issued = {token: (scopes, expiry) for token, (scopes, expiry) in self.issued.items()
                       if repo and repo not in {scope[0] for scope in scopes}}

    def _knows(self, request, fields):
        if self.users is None:
            return True
        if fields.get("grant_type") == ["refresh_token"]:
            return fields.get("refresh_token") == [self.identity_token]
        if fields.get("grant_type") == ["password"]:
            return (fields["username"][0], fields["password"][0]) == self.users
        return basic_credentials(request) == self.users

    def allows(self, token, repo, action):
        """Whether a token is alive and good for this."""
        scopes, expiry = self.issued.get(token, (set(), 0))
        return time.monotonic() < expiry and (repo is None or (repo, action) in scopes)


class Auth:
    """The gate before the registry; open until a requirement is made."""

    def __init__(self, tokens):
        self.tokens = tokens
        self.scheme = None
        self.users = None
        self.realm = None
        self.service = "faulty"
        self.strict_second_origin = True

    def refusal(self, request):
        """The response that turns a request away, or None to let it in."""
        if request.listener.name == "second":
            return self._storage_refusal(request)
        if request.listener.name == "token" or self._passes(request):
            return None
        return self.unauthorized(request)

    def _storage_refusal(self, request):
        """Object stores refuse a second kind of credentials."""
        if self.strict_second_origin and "Authorization" in request.headers:
            return error(400, "INVALID_ARGUMENT", "Only one auth mechanism allowed")
        return None

    def _passes(self, request):
        if self.scheme == "basic":
            return basic_credentials(request) == self.users
        if self.scheme == "bearer":
            scheme, _, token = request.headers.get("Authorization", "").partition(" ")
            return scheme.lower() == "bearer" and self.tokens.allows(
                token, request.repo, needed_action(request))
        return True

    def unauthorized(self, request, challenge=None):
        """401 with the challenge of the day."""
        return error(401, "UNAUTHORIZED", "authentication required",
                     [("WWW-Authenticate", challenge or self.challenge(request))])

    def challenge(self, request):
        if self.scheme != "bearer":
            return 'Basic realm="faulty"'
        scope = ""
        if request.repo:
            actions = "pull" if needed_action(request) == "pull" else "pull,push"
            scope = f',scope="repository:{request.repo}:{actions}"'
        return f'Bearer realm="{self.realm}",service="{self.service}"{scope}'


def needed_action(request):
    return "pull" if request.method in ("GET", "HEAD") else "push"


def basic_credentials(request):
    """(user, password) of a request, or None."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    user, _, password = base64.b64decode(value).decode().partition(":")
    return user, password


def granted(fields):
    """The (repo, action) pairs of all scopes asked for."""
    pairs = set()
    for scope in " ".join(fields.get("scope", [])).split():
        _, repo, actions = scope.split(":", 2)
        pairs |= {(repo, action) for action in actions.split(",")}
    return pairs
