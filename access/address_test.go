package access_test

import (
	"net/http/httptest"
	"net/netip"
	"testing"

	"pgregory.net/rapid"

	"muster/access"
)

func TestClientAddress(t *testing.T) {
	t.Parallel()
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:1::/48")}
	for _, tc := range []struct {
		peer      string
		forwarded []string
		want      string
	}{
		{"192.0.2.1:5000", nil, "192.0.2.1"},
		{"192.0.2.1:5000", []string{"198.51.100.1"}, "192.0.2.1"},
		{"10.0.0.1:5000", nil, "10.0.0.1"},
		{"10.0.0.1:5000", []string{""}, "10.0.0.1"},
		{"10.0.0.1:5000", []string{"198.51.100.1"}, "198.51.100.1"},
		{"10.0.0.1:5000", []string{"203.0.113.9, 198.51.100.1"}, "198.51.100.1"},
		{"10.0.0.1:5000", []string{"203.0.113.9", "198.51.100.1, 10.9.9.9"}, "198.51.100.1"},
		{"10.0.0.1:5000", []string{"198.51.100.1:4711"}, "198.51.100.1"},
		{"10.0.0.1:5000", []string{"unknown"}, "10.0.0.1"},
		{"10.0.0.1:5000", []string{"198.51.100.1, unknown, 10.0.0.2"}, "10.0.0.2"},
		{"10.0.0.1:5000", []string{"10.0.0.3"}, "10.0.0.3"},
		{"[::ffff:10.0.0.1]:5000", []string{"::ffff:198.51.100.1"}, "198.51.100.1"},
		{"[2001:db8:1::1]:5000", []string{"2001:db8:2::1"}, "2001:db8:2::1"},
		{"[2001:db8:1::1]:5000", []string{"[2001:db8:2::1]:80"}, "2001:db8:2::1"},
		{"@", []string{"198.51.100.1"}, "invalid IP"},
	} {
		r := httptest.NewRequest("POST", "/", nil)
		r.RemoteAddr = tc.peer
		r.Header["X-Forwarded-For"] = tc.forwarded
		if got := access.ClientAddress(r, trusted).String(); got != tc.want {
			t.Errorf("%s, %q: %s, want %s", tc.peer, tc.forwarded, got, tc.want)
		}
	}
}

// TestNoHeaderForgesAnAddress: whatever a client writes into X-Forwarded-For, a proxy's own entry wins.
func TestNoHeaderForgesAnAddress(t *testing.T) {
	t.Parallel()
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	rapid.Check(t, func(t *rapid.T) {
		r := httptest.NewRequest("POST", "/", nil)
		r.RemoteAddr = "10.0.0.1:5000"
		r.Header["X-Forwarded-For"] = append(rapid.SliceOf(rapid.String()).Draw(t, "forged"), "198.51.100.1")
		if got := access.ClientAddress(r, trusted); got != netip.MustParseAddr("198.51.100.1") {
			t.Fatalf("%q: %s", r.Header, got)
		}
	})
}
