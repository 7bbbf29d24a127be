package outbound_test

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"muster/outbound"
)

func TestPublic(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"8.8.8.8": true, "172.32.0.1": true, "100.128.0.1": true, "2606:4700::1": true, "::ffff:8.8.8.8": true, "2a00:1450::1": true,

		"127.0.0.1": false, "10.1.2.3": false, "172.16.0.1": false, "172.31.255.255": false, "192.168.0.1": false, "169.254.169.254": false,
		"100.64.0.1": false, "100.127.255.255": false, "0.0.0.0": false, "0.1.2.3": false, "224.0.0.1": false, "239.1.1.1": false,
		"255.255.255.255": false, "240.0.0.1": false, "192.0.2.1": false, "198.18.0.1": false, "198.51.100.1": false, "203.0.113.1": false,
		"::1": false, "::": false, "fe80::1": false, "fe80::1%eth0": false, "fc00::1": false, "fd12::1": false, "ff02::1": false,
		"::ffff:10.0.0.1": false, "::ffff:127.0.0.1": false, "::10.0.0.1": false, "64:ff9b::a00:1": false, "64:ff9b:1::1": false,
		"2002:a00:1::": false, "2001::1": false, "2001:db8::1": false, "fec0::1": false, "100::1": false,
	} {
		if got := outbound.Public(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s is public: %t, want %t", address, got, want)
		}
	}
}

func TestPolicies(t *testing.T) {
	t.Parallel()
	allowed := []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00::/8")}
	for name, c := range map[string]struct {
		policy   outbound.Policy
		yes, not []string
	}{
		"none":            {outbound.Policy{}, nil, []string{"8.8.8.8", "10.1.0.1", "::1"}},
		"public":          {outbound.Policy{Public: true}, []string{"8.8.8.8"}, []string{"10.1.0.1", "fd00::1", "::ffff:10.1.0.1"}},
		"some":            {outbound.Policy{Allow: allowed}, []string{"10.1.0.1", "::ffff:10.1.0.1", "fd00::1", "fd00::1%eth0"}, []string{"8.8.8.8", "10.2.0.1", "64:ff9b::a01:1"}},
		"public and some": {outbound.Policy{Public: true, Allow: allowed}, []string{"8.8.8.8", "10.1.0.1"}, []string{"10.2.0.1", "127.0.0.1"}},
		"anywhere":        {outbound.Anywhere(), []string{"8.8.8.8", "127.0.0.1", "::1", "::ffff:127.0.0.1", "fe80::1%eth0", "0.0.0.0"}, nil},
	} {
		for _, a := range c.yes {
			if !c.policy.Permits(netip.MustParseAddr(a)) {
				t.Errorf("%s does not permit %s", name, a)
			}
		}
		for _, a := range c.not {
			if c.policy.Permits(netip.MustParseAddr(a)) {
				t.Errorf("%s permits %s", name, a)
			}
		}
	}
}

// What a name comes to is judged, not the name, and a proxy of the environment is not asked.
func TestClientsDialWhatTheyMay(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	}))
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	get := func(policy outbound.Policy, host string) (*http.Response, error) {
		c := outbound.NewClient(outbound.Options{Policy: policy, Timeout: time.Minute})
		t.Cleanup(c.CloseIdleConnections)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+net.JoinHostPort(host, port), http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := c.Do(r)
		if err == nil {
			t.Cleanup(func() { answer.Body.Close() })
		}
		return answer, err
	}
	for _, host := range []string{"127.0.0.1", "localhost", "::1", "0.0.0.0", "::", "::ffff:127.0.0.1", "169.254.169.254", "64:ff9b::7f00:1"} {
		if _, err := get(outbound.Policy{Public: true}, host); !errors.Is(err, outbound.ErrAddress) {
			t.Errorf("%s: %v, want it refused", host, err)
		}
	}
	loopback := outbound.Policy{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	for _, host := range []string{"127.0.0.1", "localhost", "::ffff:127.0.0.1"} {
		if answer, err := get(loopback, host); err != nil || answer.StatusCode != http.StatusFound {
			t.Errorf("%s: %+v, %v, want the redirect as it is", host, answer, err)
		}
	}
	if n := calls.Load(); n != 3 {
		t.Errorf("the server was called %d times, want 3", n)
	}
}
