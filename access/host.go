package access

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// TenantHint is how a request names its tenant (KooDrive contract, section 5, /auth/login). The zero value names none.
type TenantHint struct {
	Host string // as [HintOf] gives it: without port, in lower case; "" is none
	ID   string // X-Tenant-Id as sent; "" is none
}

// HintOf reads how a request names its tenant. Where the peer is a trusted proxy, the last element of X-Forwarded-Host stands
// for Host, if it is a host: the one that the proxy itself vouches for.
func HintOf(r *http.Request, trusted []netip.Prefix) TenantHint {
	hint := TenantHint{Host: hostOf(r.Host), ID: strings.Join(r.Header.Values("X-Tenant-Id"), ",")}
	if !trusts(trusted, r.RemoteAddr) {
		return hint
	}
	forwarded := strings.Join(r.Header.Values("X-Forwarded-Host"), ",")
	if host := hostOf(strings.TrimSpace(forwarded[strings.LastIndexByte(forwarded, ',')+1:])); host != "" {
		hint.Host = host
	}
	return hint
}

func trusts(proxies []netip.Prefix, remoteAddr string) bool {
	peer, err := netip.ParseAddrPort(remoteAddr)
	if err != nil {
		return false // a Unix socket has no address
	}
	return slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Contains(plain(peer.Addr())) })
}

// hostOf is the host of an authority, with or without port, in the form in which hosts are compared; "" if it is none.
func hostOf(authority string) string {
	if host, _, err := net.SplitHostPort(authority); err == nil {
		authority = host
	} else if inside, ok := strings.CutPrefix(authority, "["); ok {
		authority = strings.TrimSuffix(inside, "]")
	}
	host, _ := canonicalHost(strings.TrimSuffix(authority, "."))
	return host
}

// Bounds of a host name (RFC 1035, section 2.3.4).
const (
	maxHost  = 253
	maxLabel = 63
)

// canonicalHost gives an address or a name of the DNS the form in which hosts are compared. Names are ASCII: what is
// written in another script stands in the DNS in its ASCII form (RFC 5890).
func canonicalHost(host string) (string, bool) {
	if a, err := netip.ParseAddr(host); err == nil {
		return plain(a).String(), true
	}
	host = strings.ToLower(host)
	if host == "" || len(host) > maxHost {
		return "", false
	}
	for label := range strings.SplitSeq(host, ".") {
		other := func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' }
		if label == "" || len(label) > maxLabel || label[0] == '-' || label[len(label)-1] == '-' || strings.ContainsFunc(label, other) {
			return "", false
		}
	}
	return host, true
}

// checkHost gives a tenant's host name the form in which it is stored; "" is none.
func checkHost(host string) (string, error) {
	if host == "" {
		return "", nil
	}
	canonical, ok := canonicalHost(host)
	if !ok {
		return "", invalid("host", "host must be a host name of at most %d ASCII letters, digits, hyphens and dots, or an IP address, without port.", maxHost)
	}
	return canonical, nil
}
