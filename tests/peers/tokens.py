"""A token server such as stands beside the big registries, small enough to look into."""

import base64
import json
import shutil
import ssl
import tempfile
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from certificates import self_signed
from process import run

EVERYTHING = ("pull", "push", "delete")


@dataclass(frozen=True)
class TokenRequest:
    """What a client asked for, and how."""

    method: str
    path: str
    authorization: str
    parameters: dict


class TokenServer:
    """Issues RS256 tokens that a Registry(token_auth=...) trusts.

    users          {user: password}; they may do everything
    anonymous      what those without a password may do
    expires_in     how long a token lives, in seconds
    token_field    the name under which the answer gives it
    refresh_token  if set, accepted in a POST instead of a password
    tls            a Certificate to speak HTTPS with
    host           the name that clients are told
    .requests      every TokenRequest so far
    """

    service, issuer = "test registry", "test issuer"

    def __init__(self, users=None, anonymous=("pull",), expires_in=300, token_field="token",
                 refresh_token=None, tls=None, host="127.0.0.1"):
        self.users, self.anonymous = users or {}, anonymous
        self.expires_in, self.token_field = expires_in, token_field
        self.refresh_token, self.requests = refresh_token, []
        self._directory = Path(tempfile.mkdtemp(prefix="ferry-tokens-"))
        self._host = host
        self._signer = self_signed(self._directory, "token-signer", kind="rsa")
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler_for(self))
        self._scheme = "https" if tls else "http"
        if tls:
            self._server.socket = tls_socket(self._server.socket, tls)

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        shutil.rmtree(self._directory, ignore_errors=True)

    @property
    def url(self):
        """The realm that the registry sends its clients to."""
        return f"{self._scheme}://{self._host}:{self._server.server_port}/token"

    def registry_settings(self):
        """The part of a registry's configuration that makes it trust these tokens."""
        return {"realm": self.url, "service": self.service, "issuer": self.issuer,
                "rootcertbundle": str(self._signer.certificate)}

    def answer(self, request):
        """The status and document that answer a request."""
        self.requests.append(request)
        allowed = self._allowed(request)
        if allowed is None:
            return 401, {"errors": [{"code": "UNAUTHORIZED", "message": "wrong password"}]}
        scopes = " ".join(request.parameters.get("scope", [])).split()
        access = [entry for entry in (granted(scope, allowed) for scope in scopes) if entry]
        return 200, {self.token_field: self._token(access), "expires_in": self.expires_in}

    def _allowed(self, request):
        """What the sender may do; None if it claims to be whom it is not."""
        parameters = {name: values[0] for name, values in request.parameters.items()}
        if parameters.get("grant_type") == "refresh_token":
            genuine = parameters.get("refresh_token") == self.refresh_token is not None
            return EVERYTHING if genuine else None
        if parameters.get("grant_type") == "password":
            user, password = parameters.get("username"), parameters.get("password")
        elif request.authorization:
            user, password = basic_credentials(request.authorization)
        else:
            return self.anonymous
        return EVERYTHING if self.users.get(user, object()) == password else None

    def _token(self, access):
        now = int(time.time())
        signed = ".".join(encoded(json.dumps(part).encode()) for part in (
            {"typ": "JWT", "alg": "RS256", "x5c": [pem_body(self._signer.certificate)]},
            {"iss": self.issuer, "aud": self.service, "sub": "", "jti": str(time.time_ns()),
             "iat": now, "nbf": now - 10, "exp": now + self.expires_in, "access": access}))
        return f"{signed}.{encoded(self._sign(signed))}"

    def _sign(self, text):
        path = Path(tempfile.mkstemp(dir=self._directory)[1])
        run("openssl", "dgst", "-sha256", "-sign", self._signer.key, "-out", path,
            data=text.encode())
        return path.read_bytes()


def handler_for(server):
    """An HTTP handler that asks the token server for its answers."""
    class Handler(BaseHTTPRequestHandler):
        """Turns HTTP into TokenRequests."""

        def do_GET(self):  # pylint: disable=invalid-name
            """A request with its parameters in the URL."""
            self._answer(urlsplit(self.path).query)

        def do_POST(self):  # pylint: disable=invalid-name
            """A request with its parameters in the body."""
            self._answer(self.rfile.read(int(self.headers["Content-Length"])).decode())

        def log_message(self, format, *args):  # pylint: disable=redefined-builtin
            """Tests look at .requests instead."""

        def _answer(self, query):
            status, document = server.answer(TokenRequest(
                self.command, urlsplit(self.path).path,
                self.headers.get("Authorization"), parse_qs(query)))
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler


def tls_socket(plain, certificate):
    """A listening socket that speaks TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.certificate, certificate.key)
    return context.wrap_socket(plain, server_side=True)


def basic_credentials(header):
    """User and password of a Basic Authorization header."""
    user, _, password = base64.b64decode(header.split()[-1]).decode().partition(":")
    return user, password


def granted(scope, allowed):
    """The part of a scope such as repository:a/b:pull,push that is allowed."""
    kind, _, rest = scope.partition(":")
    name, _, actions = rest.rpartition(":")
    actions = [action for action in actions.split(",") if action in allowed]
    return {"type": kind, "name": name, "actions": actions} if actions else None


def encoded(data):
    """Base64 as tokens use it."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def pem_body(path):
    """The base64 text of a certificate file, on one line."""
    return "".join(line for line in path.read_text(encoding="ascii").splitlines()
                   if not line.startswith("-----"))
