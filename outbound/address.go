package outbound

import (
	"errors"
	"net/netip"
	"slices"
	"syscall"
)

// ErrAddress says that an address is not one that a [Policy] lets through.
var ErrAddress = errors.New("the address is not a public one")

// special are the networks that are not of the public internet, or lead into others (IANA's registries of special-purpose
// addresses, RFC 6890), beside those that netip knows: loopback, private, link-local, multicast.
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"), // shared by carriers, RFC 6598
	netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("192.88.99.0/24"), // 6to4 relays
	netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"),
	netip.MustParsePrefix("240.0.0.0/4"), // with the broadcast address
	netip.MustParsePrefix("::/96"),       // IPv4-compatible
	netip.MustParsePrefix("64:ff9b::/96"),
	netip.MustParsePrefix("64:ff9b:1::/48"), // NAT64 leads to IPv4 addresses
	netip.MustParsePrefix("100::/64"),
	netip.MustParsePrefix("2001::/23"), // with Teredo
	netip.MustParsePrefix("2001:db8::/32"),
	netip.MustParsePrefix("2002::/16"), // 6to4
	netip.MustParsePrefix("3fff::/20"), // documentation
	netip.MustParsePrefix("5f00::/16"), // segment routing
	netip.MustParsePrefix("fec0::/10"), // site-local, deprecated
}

// Public reports whether an address is one of the public internet.
func Public(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	return a.IsGlobalUnicast() && !a.IsPrivate() && !within(a, special)
}

func within(a netip.Addr, networks []netip.Prefix) bool {
	return slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(a) })
}

// Policy says which addresses may be called. The zero value lets none through.
type Policy struct {
	Public bool           // those of the public internet
	Allow  []netip.Prefix // whatever else; an IPv4 address counts as such however it is written
}

// Anywhere lets every address through.
func Anywhere() Policy {
	return Policy{Allow: []netip.Prefix{netip.PrefixFrom(netip.IPv4Unspecified(), 0), netip.PrefixFrom(netip.IPv6Unspecified(), 0)}}
}

// Permits reports whether an address may be called.
func (p Policy) Permits(a netip.Addr) bool {
	return p.Public && Public(a) || within(a.Unmap().WithZone(""), p.Allow)
}

// control is a [net.Dialer]'s Control: it sees the address that a name has come to, so that no name and no second look-up
// gets round it.
func (p Policy) control(_, address string, _ syscall.RawConn) error {
	a, err := netip.ParseAddrPort(address)
	if err != nil || !p.Permits(a.Addr()) {
		return ErrAddress
	}
	return nil
}
