package access_test

import (
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muster"
	"muster/access"
)

// TestHowARequestNamesItsTenant: by host and X-Tenant-Id, a proxy's word counting only where proxies are trusted.
func TestHowARequestNamesItsTenant(t *testing.T) {
	t.Parallel()
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	for _, tc := range []struct {
		name, peer, host string
		forwarded        []string
		ids              []string
		want             access.TenantHint
	}{
		{"host", "192.0.2.1:4", "Drive.Example.COM:8443", nil, nil, access.TenantHint{Host: "drive.example.com"}},
		{"dot at the end", "192.0.2.1:4", "drive.example.com.", nil, nil, access.TenantHint{Host: "drive.example.com"}},
		{"IPv4", "192.0.2.1:4", "192.0.2.9:80", nil, nil, access.TenantHint{Host: "192.0.2.9"}},
		{"IPv6", "192.0.2.1:4", "[2001:DB8:0::1]:80", nil, nil, access.TenantHint{Host: "2001:db8::1"}},
		{"IPv6 without port", "192.0.2.1:4", "[2001:db8::1]", nil, nil, access.TenantHint{Host: "2001:db8::1"}},
		{"IPv4 in IPv6", "192.0.2.1:4", "[::ffff:192.0.2.9]", nil, nil, access.TenantHint{Host: "192.0.2.9"}},
		{"none", "192.0.2.1:4", "", nil, nil, access.TenantHint{}},
		{"no host", "192.0.2.1:4", "a b", nil, nil, access.TenantHint{}},
		{"id", "192.0.2.1:4", "a", nil, []string{"7"}, access.TenantHint{Host: "a", ID: "7"}},
		{"two ids", "192.0.2.1:4", "a", nil, []string{"7", "8"}, access.TenantHint{Host: "a", ID: "7,8"}},
		{"forwarded by a stranger", "192.0.2.1:4", "a", []string{"b"}, nil, access.TenantHint{Host: "a"}},
		{"forwarded by a proxy", "10.1.2.3:4", "a", []string{"b:443"}, nil, access.TenantHint{Host: "b"}},
		{"what the proxy itself says", "10.1.2.3:4", "a", []string{"evil, c", "d , B"}, nil, access.TenantHint{Host: "b"}},
		{"nothing readable by a proxy", "10.1.2.3:4", "a", []string{"b,_"}, nil, access.TenantHint{Host: "a"}},
		{"a proxy that says nothing", "[::ffff:10.1.2.3]:4", "a", nil, nil, access.TenantHint{Host: "a"}},
		{"a Unix socket", "@", "a", []string{"b"}, nil, access.TenantHint{Host: "a"}},
	} {
		r := httptest.NewRequest("POST", "/", nil)
		r.RemoteAddr, r.Host = tc.peer, tc.host
		for _, h := range tc.forwarded {
			r.Header.Add("X-Forwarded-Host", h)
		}
		for _, id := range tc.ids {
			r.Header.Add("X-Tenant-Id", id)
		}
		if diff := cmp.Diff(tc.want, access.HintOf(r, proxies)); diff != "" {
			t.Errorf("%s: %s", tc.name, diff)
		}
	}
}

func TestHostsOfTenants(t *testing.T) {
	t.Parallel()
	b := setup(t)
	set := func(host string) (*muster.Tenant, error) {
		return b.service.UpdateTenant(t.Context(), b.tenant.ID, access.TenantChange{Host: &host})
	}
	long := strings.Repeat(strings.Repeat("a", 63)+".", 3) + strings.Repeat("a", 61)
	for in, want := range map[string]string{
		"Drive.Example.com": "drive.example.com", "localhost": "localhost", "192.0.2.9": "192.0.2.9", "2001:DB8::0:1": "2001:db8::1",
		"xn--bcher-kva.example": "xn--bcher-kva.example", long: long, "": "",
	} {
		tenant, err := set(in)
		must(t, err)
		stored, err := b.service.Tenant(t.Context(), b.tenant.ID)
		must(t, err)
		if tenant.Host != want || stored.Host != want {
			t.Errorf("%q became %q, stored as %q, want %q", in, tenant.Host, stored.Host, want)
		}
	}
	for _, host := range []string{
		"a:80", "[::1]", "a b", "a..b", ".a", "a.", "-a", "a-", "a_b", "bücher.example", "http://a", "a/b", "*", strings.Repeat("a", 64), long + "a",
	} {
		_, err := set(host)
		refused(t, err, muster.KindInvalid)
		_, _, err = b.service.CreateTenant(t.Context(), access.NewTenant{Name: "of a bad host", Host: host})
		refused(t, err, muster.KindInvalid)
	}
}

// FuzzHint: whatever a request says, a host is none or one that a tenant may have.
func FuzzHint(f *testing.F) {
	for _, seed := range []string{"a", "A.b:80", "[::1]:2", "[fe80::1%25eth0]", "1.2.3.4", "a.", "::", "[", "]", ":", "\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, host string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = host
		hint := access.HintOf(r, nil)
		r.Host = hint.Host
		if again := access.HintOf(r, nil); again.Host != hint.Host {
			t.Errorf("%q gives %q, which gives %q", host, hint.Host, again.Host)
		}
	})
}
