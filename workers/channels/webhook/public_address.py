"""Which IP addresses belong to the public internet. Pure."""

from ipaddress import IPv4Address, IPv6Address, ip_network

_IPV6_UNICAST = ip_network("2000::/3")
_NAT64 = ip_network("64:ff9b::/96")
_NOT_PUBLIC = (
    ip_network("192.0.0.0/24"),  # protocol assignments; has Oracle's metadata service
    ip_network("192.88.99.0/24"),  # 6to4 relays
    ip_network("168.63.129.16/32"),  # Azure's metadata service
    ip_network("2002::/16"),  # 6to4: contains an IPv4 address, which may be private
)


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Return whether the address is public: no loopback, private network or metadata service of a cloud.

    IPv4 addresses inside IPv6 addresses (mapped, NAT64) are checked as IPv4 addresses.
    """
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address in _NAT64:
            return is_public(IPv4Address(int(address) & 0xFFFF_FFFF))
        if address not in _IPV6_UNICAST:
            return False
    return address.is_global and not address.is_multicast and not any(address in each for each in _NOT_PUBLIC)
