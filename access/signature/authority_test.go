package signature

import (
	"crypto/tls"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func TestProxies(t *testing.T) {
	t.Parallel()
	authorities, err := ParseAuthorities("https://gw.example.test/muster/", "http://plain.example.test:8080")
	if err != nil {
		t.Fatal(err)
	}
	proxied := Policy{
		Authorities:    authorities,
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fe80::/10")},
	}
	const path = "/koodrive/x"
	for _, tc := range []struct {
		name, signed string // URL that the client signed
		host, uri    string // as received
		remote       string
		forwarded    string
		proto        string
		tls, bad     bool
	}{
		{name: "direct", signed: "http://a.test" + path, host: "a.test", uri: path},
		{name: "default port not sent", signed: "http://a.test:80" + path, host: "a.test", uri: path},
		{name: "default port not signed", signed: "http://a.test" + path, host: "a.test:80", uri: path},
		{name: "default port of TLS", signed: "https://a.test:443" + path, host: "a.test", uri: path, tls: true},
		{name: "default port of the other scheme", signed: "http://a.test:443" + path, host: "a.test", uri: path, bad: true},
		{name: "IPv6, default port not sent", signed: "http://[2001:db8::1]:80" + path, host: "[2001:db8::1]", uri: path},
		{name: "IPv6 that ends like a port", signed: "http://[2001:db8::80]" + path, host: "[2001:db8::80]", uri: path},
		{name: "another port", signed: "http://a.test:8080" + path, host: "a.test", uri: path, bad: true},
		{name: "stripped prefix", signed: "https://gw.example.test/muster" + path, host: "backend:8443", uri: path},
		{name: "stripped prefix, port signed", signed: "https://gw.example.test:443/muster" + path, host: "backend", uri: path},
		{name: "kept prefix", signed: "https://gw.example.test/muster" + path, host: "backend", uri: "/muster" + path},
		{name: "without the prefix", signed: "https://gw.example.test" + path, host: "backend", uri: path, bad: true},
		{name: "prefix of another segment", signed: "https://gw.example.test/musterx" + path, host: "backend", uri: "/musterx" + path, bad: true},
		{name: "other authority", signed: "http://plain.example.test:8080" + path, host: "backend", uri: path},
		{name: "other authority's host without port", signed: "http://plain.example.test" + path, host: "backend", uri: path, bad: true},
		{name: "prefix of one, host of the other", signed: "http://plain.example.test:8080/muster" + path, host: "backend", uri: path, bad: true},
		{name: "trusted forwarded host", signed: "http://f.test" + path, host: "backend", uri: path, remote: "10.1.2.3:99", forwarded: "f.test"},
		{name: "trusted, mapped IPv4", signed: "http://f.test" + path, host: "backend", uri: path, remote: "[::ffff:10.1.2.3]:99", forwarded: "f.test"},
		{name: "trusted, with zone", signed: "http://f.test" + path, host: "backend", uri: path, remote: "[fe80::1%eth0]:99", forwarded: "f.test"},
		{name: "trusted, last of a list", signed: "http://f.test" + path, host: "backend", uri: path, remote: "10.1.2.3:99", forwarded: "evil.test, f.test"},
		{name: "trusted, not the last of a list", signed: "http://f.test" + path, host: "backend", uri: path, remote: "10.1.2.3:99", forwarded: "f.test, g.test", bad: true},
		{name: "trusted, forwarded proto", signed: "https://f.test:443" + path, host: "backend", uri: path, remote: "10.1.2.3:99", forwarded: "f.test", proto: "https"},
		{name: "trusted, plain before TLS", signed: "http://f.test:80" + path, host: "backend", uri: path, remote: "10.1.2.3:99", forwarded: "f.test", proto: "http", tls: true},
		{name: "untrusted forwarded host", signed: "http://f.test" + path, host: "backend", uri: path, remote: "192.0.2.1:99", forwarded: "f.test", bad: true},
		{name: "untrusted forwarded proto", signed: "https://a.test:443" + path, host: "a.test", uri: path, remote: "192.0.2.1:99", proto: "https", bad: true},
		{name: "Unix socket is untrusted", signed: "http://f.test" + path, host: "backend", uri: path, remote: "@", forwarded: "f.test", bad: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			for _, scheme := range []Scheme{SchemeApp, SchemeSDK} {
				r := signedRequest(t, scheme, tc.signed)
				direct, err := verify(Policy{}, r, body, start, secret)
				if err != nil {
					t.Fatal(err)
				}
				r.Host, r.RequestURI, r.RemoteAddr = tc.host, tc.uri, tc.remote
				if tc.tls {
					r.TLS = &tls.ConnectionState{}
				}
				if tc.forwarded != "" {
					r.Header.Set("X-Forwarded-Host", tc.forwarded)
				}
				if tc.proto != "" {
					r.Header.Set("X-Forwarded-Proto", tc.proto)
				}
				var want error
				if tc.bad {
					want = ErrMismatch
				}
				fingerprint, err := verify(proxied, r, body, start, secret)
				if !errors.Is(err, want) {
					t.Errorf("%s: got %v, want %v", scheme, err, want)
				}
				if !tc.bad && fingerprint != direct {
					t.Errorf("%s: fingerprint %q, want that of the client's own view, %q", scheme, fingerprint, direct)
				}
			}
		})
	}
}

func TestParseAuthorities(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		url    string
		hosts  []string
		prefix string
	}{
		{"https://a.test", []string{"a.test", "a.test:443"}, ""},
		{"https://a.test:443/", []string{"a.test:443", "a.test"}, ""},
		{"http://a.test", []string{"a.test", "a.test:80"}, ""},
		{"https://a.test:80", []string{"a.test:80"}, ""},
		{"https://[2001:db8::1]/x", []string{"[2001:db8::1]", "[2001:db8::1]:443"}, "/x"},
		{"https://a.test/x/y%7E/", []string{"a.test", "a.test:443"}, "/x/y~"},
		{"https://a.test/x:y", []string{"a.test", "a.test:443"}, "/x%3Ay"},
	} {
		got, err := ParseAuthorities(tc.url)
		if err != nil {
			t.Errorf("%s: %v", tc.url, err)
			continue
		}
		if len(got) != 1 || !slices.Equal(got[0].hosts, tc.hosts) || got[0].prefix != tc.prefix {
			t.Errorf("%s: got %+v, want %q and %q", tc.url, got, tc.hosts, tc.prefix)
		}
	}
	for _, bad := range []string{
		"", "a.test", "//a.test", "ftp://a.test", "https://", "https:///x", "https://:443", "https://u:hunter2@a.test", "https://u:hunter2@a.test:x", "https://a.test?",
		"https://a.test?x=1", "https://a.test/#x", "https://a.test/x//y", "https://a.test/..", "https://a.test/%2f",
		"https://a test", "https://bücher.test", "https://a.test:x", "https:a.test",
	} {
		if got, err := ParseAuthorities(bad); err == nil {
			t.Errorf("%q: got %+v, want an error", bad, got)
		} else if text := err.Error(); !strings.Contains(text, "URL 1: ") || !strings.Contains(text, "accepted is http") || strings.Contains(text, "hunter2") {
			t.Errorf("%q: error %q must say which, what is accepted, and no password", bad, text)
		}
	}
	if _, err := ParseAuthorities(slices.Repeat([]string{"https://a.test"}, MaxAuthorities+1)...); err == nil {
		t.Error("more than MaxAuthorities were accepted")
	}
}

func TestFormsOccurOnce(t *testing.T) {
	t.Parallel()
	authorities, err := ParseAuthorities(base, "https://drive.example.test:443/", base)
	if err != nil {
		t.Fatal(err)
	}
	r := signedRequest(t, SchemeApp, base+target)
	r.TLS = &tls.ConnectionState{}
	s, err := Policy{Authorities: authorities}.Parse(r)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.forms) != 2 {
		t.Errorf("forms %v, want those with and without port 443", s.forms)
	}
}

// The number of forms bounds what one unauthenticated request can cost.
func TestFormsAreBounded(t *testing.T) {
	t.Parallel()
	urls := make([]string, MaxAuthorities)
	for i := range urls {
		urls[i] = "https://a" + strings.Repeat("x", i) + ".test/koodrive"
	}
	authorities, err := ParseAuthorities(urls...)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Policy{Authorities: authorities}.Parse(signedRequest(t, SchemeApp, base+target))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := len(s.forms), 2+4*MaxAuthorities; got != want {
		t.Errorf("%d forms, want %d", got, want)
	}
}
