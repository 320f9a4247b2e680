"""The address of SES and the signature of requests to it, by means of the AWS SDK."""

import os
import ssl
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import InvalidConfigError
from botocore.httpsession import ProxyConfiguration, get_cert_path
from botocore.utils import get_environ_proxies

from workers.channels.ses.connections import DEFAULT_PORTS, Peer


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The address of one service in one Region, and the names with which requests to it are signed."""

    peer: Peer
    signing_name: str
    region: str

    @classmethod
    def of(cls, client: Any, ca_bundle: str | None) -> "Endpoint":
        """Return the endpoint of a client of botocore.

        `ca_bundle` is a file of certificates, None for the SDK's own. Raise InvalidConfigError for a proxy that is
        itself reached by https://, and what the SDK and `ssl` raise for wrong settings.
        """
        meta = client.meta
        address = meta.endpoint_url.rstrip("/")
        url = urlsplit(address)
        proxies = ProxyConfiguration(get_environ_proxies(address))
        proxy = proxies.proxy_url_for(address)
        if proxy and not proxy.startswith("http://"):
            raise InvalidConfigError(error_msg="SES is reached through a proxy with http:// only")
        peer = Peer(
            url,
            meta.config.connect_timeout,
            meta.config.read_timeout,
            _tls(ca_bundle) if url.scheme == "https" else None,
            urlsplit(proxy) if proxy else None,
            proxies.proxy_headers_for(proxy) if proxy else {},
        )
        return cls(peer, meta.service_model.signing_name, meta.region_name)

    def request(self, path: str, body: bytes, credentials: Any) -> bytes:
        """Return the bytes of a signed POST. Raise ValueError if the credentials hold a control character."""
        peer = self.peer
        url = peer.url.geturl() + path
        signed = AWSRequest("POST", url, {"Host": self._host, "Content-Type": "application/json"}, body)
        SigV4Auth(credentials, self.signing_name, self.region).add_auth(signed)
        headers = {**signed.headers, "User-Agent": "notifier", "Content-Length": str(len(body))}
        target = peer.url.path + path
        if peer.proxy and not peer.tls:
            target, headers = url, {**headers, **peer.proxy_headers}
        if not all(value.isprintable() for value in headers.values()):
            raise ValueError("the credentials hold a line break or another control character")
        lines = [f"POST {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        return "\r\n".join(lines).encode("ascii") + body

    @property
    def _host(self) -> str:
        url = self.peer.url
        host = f"[{url.hostname}]" if ":" in (url.hostname or "") else url.hostname or ""
        return host if url.port in (None, DEFAULT_PORTS[url.scheme]) else f"{host}:{url.port}"


def _tls(ca_bundle: str | None) -> ssl.SSLContext:
    """Return a context that verifies the certificate and its name against the authorities that the SDK trusts."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(get_cert_path(ca_bundle or os.environ.get("REQUESTS_CA_BUNDLE") or True))
    return context
