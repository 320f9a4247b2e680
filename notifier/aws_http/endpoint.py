"""The address of a service of AWS, by means of the AWS SDK, and the requests to it."""

import os
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType, SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import InvalidConfigError
from botocore.httpsession import ProxyConfiguration, get_cert_path
from botocore.utils import get_environ_proxies

from notifier.aws_http.connections import DEFAULT_PORTS, Peer
from notifier.aws_http.signature import signed_headers

_JSON: Mapping[str, str] = MappingProxyType({"Content-Type": "application/json"})


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The address of one service in one Region, and the names with which requests to it are signed."""

    peer: Peer
    signing_name: str
    region: str

    @classmethod
    def of(cls, client: Any, ca_bundle: str | None, address: str = "") -> "Endpoint":
        """Return the endpoint of a client of botocore.

        `address` is that of `address_of`; without it, that of the client, which does not know of dual-stack.
        `ca_bundle` is a file of certificates, None for the SDK's own. Raise InvalidConfigError for a proxy that is
        itself reached by https://, and what the SDK and `ssl` raise for wrong settings.
        """
        meta = client.meta
        address = (address or meta.endpoint_url).rstrip("/")
        url = urlsplit(address)
        proxies = ProxyConfiguration(get_environ_proxies(address))
        proxy = proxies.proxy_url_for(address)
        if proxy and not proxy.startswith("http://"):
            raise InvalidConfigError(error_msg="AWS is reached through a proxy with http:// only")
        peer = Peer(
            url,
            meta.config.connect_timeout,
            meta.config.read_timeout,
            _tls(ca_bundle) if url.scheme == "https" else None,
            urlsplit(proxy) if proxy else None,
            proxies.proxy_headers_for(proxy) if proxy else {},
        )
        return cls(peer, meta.service_model.signing_name, meta.region_name)

    def request(self, path: str, body: bytes, credentials: Any, headers: Mapping[str, str] = _JSON) -> bytes:
        """Return the bytes of a signed POST with these `headers` beside its own. Raise ValueError if the credentials
        hold a control character.
        """
        peer = self.peer
        target = peer.url.path + path
        named = {"Host": self._host, **headers}
        signed = signed_headers(target, named, body, credentials, self.signing_name, self.region, time.time())
        sent = {
            **signed,
            "User-Agent": "notifier",
            "Accept-Encoding": "identity",
            "Content-Length": str(len(body)),
        }
        if peer.proxy and not peer.tls:
            target, sent = peer.url.geturl() + path, {**sent, **peer.proxy_headers}
        if not all(value.isprintable() for value in sent.values()):
            raise ValueError("the credentials hold a line break or another control character")
        lines = [f"POST {target} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items()), "", ""]
        return "\r\n".join(lines).encode("ascii") + body

    @property
    def _host(self) -> str:
        url = self.peer.url
        host = f"[{url.hostname}]" if ":" in (url.hostname or "") else url.hostname or ""
        return host if url.port in (None, DEFAULT_PORTS[url.scheme]) else f"{host}:{url.port}"


def address_of(client: Any, method: str, **parameters: str) -> str:
    """Return the URL to which the SDK sends a call of that method. Makes no request.

    The SDK applies its rules (FIPS, dual-stack, partitions) to each call: so this makes one, which is answered before
    it is signed and sent.
    """
    found: list[str] = []

    def answer(params: Mapping[str, Any], **_: object) -> tuple[Any, Mapping[str, Any]]:
        found.append(params["url"])
        return SimpleNamespace(status_code=200), {}

    client.meta.events.register("before-call", answer)
    try:
        getattr(client, method)(**parameters)
    finally:
        client.meta.events.unregister("before-call", answer)
    return found[0]


def _tls(ca_bundle: str | None) -> ssl.SSLContext:
    """Return a context that verifies the certificate and its name against the authorities that the SDK trusts."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(get_cert_path(ca_bundle or os.environ.get("REQUESTS_CA_BUNDLE") or True))
    return context
