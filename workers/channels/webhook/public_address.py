"""Which addresses are the public internet's. Pure."""

from ipaddress import IPv4Address, IPv6Address, ip_network

_IPV6_UNICAST = ip_network("2000::/3")
_NAT64 = ip_network("64:ff9b::/96")
_NOT_PUBLIC = (
    ip_network("192.0.0.0/24"),  # protocol assignments; Oracle's metadata service lives here
    ip_network("192.88.99.0/24"),  # 6to4 relays
    ip_network("168.63.129.16/32"),  # Azure's metadata service
    ip_network("2002::/16"),  # 6to4: an IPv4 address of whatever kind in disguise
)


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Not this machine, not its network, not a cloud's metadata service, and not one of these in IPv6's clothes."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address in _NAT64:
            return is_public(IPv4Address(int(address) & 0xFFFF_FFFF))
        if address not in _IPV6_UNICAST:
            return False
    return address.is_global and not address.is_multicast and not any(address in each for each in _NOT_PUBLIC)
