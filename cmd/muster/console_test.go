package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muster"
	"muster/console"
)

// TestHowBrowsersReachTheConsole: nobody is to send a password by a wire on which others could read along.
func TestHowBrowsersReachTheConsole(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		listen, cert, public string
		want                 console.Transport
	}{
		{"127.0.0.1:8080", "", "", console.Loopback},
		{"localhost:8080", "", "", console.Loopback},
		{"[::1]:8080", "", "", console.Loopback},
		{"0.0.0.0:8080", "", "", console.Plain},
		{":8080", "", "", console.Plain},
		{"10.0.0.1:8080", "", "", console.Plain},
		{"muster.example.com:8080", "", "", console.Plain},
		{"what", "", "", console.Plain},
		{"0.0.0.0:8443", "chain.pem", "", console.Encrypted},
		{"127.0.0.1:8080", "", "https://muster.example.com/x", console.Encrypted},
		{"127.0.0.1:8080", "", "http://muster.example.com", console.Plain},
		{"0.0.0.0:8080", "", "http://localhost:8080", console.Loopback},
		{"0.0.0.0:8443", "chain.pem", "http://muster.example.com", console.Plain},
	} {
		o := serverOptions{listen: c.listen, certFile: c.cert, publicURL: c.public}
		if got := o.transport(); got != c.want {
			t.Errorf("%+v is %d", c, got)
		}
	}
}

func TestIdentityProviderFlags(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	whole := consoleFlags{
		OIDCIssuer: "https://id.example.com", OIDCClientID: "muster", OIDCClientSecretFile: file, OIDCRoleClaim: "groups",
		OIDCRoles: []string{"cn=chiefs,dc=example=administrator", "staff=viewer"},
	}
	p, err := whole.provider()
	if err != nil || p.Issuer != whole.OIDCIssuer || p.ClientID != "muster" || p.ClientSecret != "s3cret" || p.RoleClaim != "groups" {
		t.Fatalf("the provider is %s, %v", p.Issuer, err)
	}
	want := map[string]muster.OperatorRole{"cn=chiefs,dc=example": muster.OperatorAdministrator, "staff": muster.OperatorViewer}
	if diff := cmp.Diff(want, p.Roles); diff != "" {
		t.Errorf("roles (-want +got):\n%s", diff)
	}
	if p, err := new(consoleFlags).provider(); p != nil || err != nil {
		t.Errorf("no flags are a provider, %v", err)
	}
	for name, change := range map[string]func(*consoleFlags){
		"no issuer":        func(f *consoleFlags) { f.OIDCIssuer = "" },
		"plain HTTP":       func(f *consoleFlags) { f.OIDCIssuer = "http://id.example.com" },
		"no address":       func(f *consoleFlags) { f.OIDCIssuer = "id" },
		"no client":        func(f *consoleFlags) { f.OIDCClientID = "" },
		"no secret":        func(f *consoleFlags) { f.OIDCClientSecretFile = "" },
		"no claim":         func(f *consoleFlags) { f.OIDCRoleClaim = "" },
		"no roles":         func(f *consoleFlags) { f.OIDCRoles = nil },
		"no pair":          func(f *consoleFlags) { f.OIDCRoles = []string{"staff"} },
		"no value":         func(f *consoleFlags) { f.OIDCRoles = []string{"=viewer"} },
		"an unknown role":  func(f *consoleFlags) { f.OIDCRoles = []string{"staff=king"} },
		"no file":          func(f *consoleFlags) { f.OIDCClientSecretFile = file + ".not" },
		"roles, no issuer": func(f *consoleFlags) { *f = consoleFlags{OIDCRoles: []string{"a=viewer"}} },
	} {
		f := whole
		change(&f)
		if p, err := f.provider(); p != nil || err == nil {
			t.Errorf("%s: there is a provider, %v", name, err)
		}
	}
}
