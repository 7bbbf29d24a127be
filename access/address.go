package access

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// ClientAddress is the address that a request comes from: the peer's, or if that is a trusted proxy's, the last one in
// X-Forwarded-For that is not. What stands before it is hearsay and never counts. The zero Addr if the peer has none,
// as on a Unix socket.
func ClientAddress(r *http.Request, trusted []netip.Prefix) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	client := plain(peer.Addr())
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		if !slices.ContainsFunc(trusted, func(p netip.Prefix) bool { return p.Contains(client) }) {
			break
		}
		before, ok := parseHop(strings.TrimSpace(hop))
		if !ok {
			break
		}
		client = before
	}
	return client
}

// parseHop reads an address with or without a port, since some proxies write one.
func parseHop(hop string) (netip.Addr, bool) {
	if a, err := netip.ParseAddr(hop); err == nil {
		return plain(a), true
	}
	a, err := netip.ParseAddrPort(hop)
	return plain(a.Addr()), err == nil
}

func plain(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }
