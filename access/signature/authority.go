package signature

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// Authority is a public address of the installation, as clients write and sign it. The zero value is none; make it
// with ParseAuthorities.
type Authority struct {
	hosts  []string // with and without the default port, where that applies
	prefix string   // canonical path prefix without the slash at its end, or ""
}

// ParseAuthorities reads public URLs such as https://gateway.example.com/muster: http or https, a host as clients
// write it, a port and a path prefix where there are any, nothing else. At most MaxAuthorities.
func ParseAuthorities(publicURLs ...string) ([]Authority, error) {
	if len(publicURLs) > MaxAuthorities {
		return nil, fmt.Errorf("signature: %d public URLs, at most %d are accepted", len(publicURLs), MaxAuthorities)
	}
	var authorities []Authority
	for i, raw := range publicURLs {
		a, err := parseAuthority(raw)
		if err != nil {
			return nil, fmt.Errorf("signature: public URL %d: %w; accepted is http(s)://host[:port][/prefix]", i+1, err)
		}
		authorities = append(authorities, a)
	}
	return authorities, nil
}

func parseAuthority(raw string) (Authority, error) {
	// No error quotes the URL or url.Parse, which does: there may be a password in it.
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return Authority{}, errors.New("it is not a URL")
	case u.Scheme != "http" && u.Scheme != "https":
		return Authority{}, errors.New("the scheme is neither http nor https")
	case u.Hostname() == "" || !validHost(u.Host):
		return Authority{}, errors.New("the host is missing or not ASCII")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return Authority{}, errors.New("it has a user, a query or a fragment")
	}
	path := "/"
	if u.Path != "" {
		if path, err = canonicalPath(u.EscapedPath()); err != nil {
			return Authority{}, err
		}
	}
	return Authority{
		hosts:  equivalentHosts(strings.TrimSuffix(u.Host, ":"), u.Scheme == "https"),
		prefix: strings.TrimSuffix(path, "/"),
	}, nil
}

// forms lists how the client may have addressed the request: at the received Host; where a trusted proxy says so, at
// X-Forwarded-Host; at any public authority, with the authority's path prefix, which a proxy may have taken off. The
// list depends on configuration and unsecret input alone, is never empty, and has at most 4 + 4 * MaxAuthorities
// elements.
func (p Policy) forms(r *http.Request, path string, hostSigned bool) []form {
	var forms []form
	add := func(host, path string) {
		f := form{path: path}
		if hostSigned {
			f.host = host
		}
		if !slices.Contains(forms, f) {
			forms = append(forms, f)
		}
	}
	secure := r.TLS != nil
	received := []string{r.Host}
	if p.trusts(r.RemoteAddr) {
		switch lastElement(r.Header, "X-Forwarded-Proto") {
		case "https":
			secure = true
		case "http":
			secure = false
		}
		if host := lastElement(r.Header, "X-Forwarded-Host"); validHost(host) {
			received = append(received, host)
		}
	}
	for _, host := range received {
		for _, h := range equivalentHosts(host, secure) {
			add(h, path)
		}
	}
	for _, a := range p.Authorities {
		for _, host := range a.hosts {
			if a.prefix != "" {
				add(host, a.prefix+path)
			}
			if strings.HasPrefix(path, a.prefix+"/") {
				add(host, path)
			}
		}
	}
	return forms
}

func (p Policy) trusts(remoteAddr string) bool {
	remote, err := netip.ParseAddrPort(remoteAddr)
	if err != nil {
		return false // a Unix socket has no address
	}
	addr := remote.Addr().Unmap().WithZone("")
	return slices.ContainsFunc(p.TrustedProxies, func(prefix netip.Prefix) bool { return prefix.Contains(addr) })
}

// lastElement is the last element of a header that proxies append to: the one that the proxy next to us vouches for.
func lastElement(header http.Header, name string) string {
	values := header.Values(name)
	if len(values) == 0 {
		return ""
	}
	last := values[len(values)-1]
	return strings.Trim(last[strings.LastIndexByte(last, ',')+1:], " \t")
}

// equivalentHosts gives host and, where it differs only by the scheme's default port, its twin (RFC 9110 section
// 4.2.3): some clients sign the port and don't send it, or the other way round.
func equivalentHosts(host string, secure bool) []string {
	port := ":80"
	if secure {
		port = ":443"
	}
	if bare, ok := strings.CutSuffix(host, port); ok {
		return []string{host, bare}
	}
	if strings.HasSuffix(host, "]") || !strings.Contains(host, ":") {
		return []string{host, host + port}
	}
	return []string{host}
}

// validHost is a coarse check: what can't be in a Host header is refused, whether it can be reached isn't asked.
func validHost(host string) bool {
	for i := range len(host) {
		if c := host[i]; !isAlphanumeric(c) && strings.IndexByte("-._:[]", c) < 0 {
			return false
		}
	}
	return host != "" && len(host) <= 260
}
