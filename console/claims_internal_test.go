package console

import (
	"encoding/json"
	"testing"

	"muster"
)

// TestRolesOfClaims: what identity tokens say becomes the role that may most.
func TestRolesOfClaims(t *testing.T) {
	t.Parallel()
	p := Provider{Roles: map[string]muster.OperatorRole{"v": muster.OperatorViewer, "o": muster.OperatorProvisioner, "a": muster.OperatorAdministrator}}
	for _, c := range []struct {
		claim, claims string
		want          muster.OperatorRole
	}{
		{"groups", `{"groups": "o"}`, muster.OperatorProvisioner},
		{"groups", `{"groups": ["x", "v", "a", "o"]}`, muster.OperatorAdministrator},
		{"groups", `{"groups": ["x"]}`, 0},
		{"groups", `{"groups": [["a"], {"a": "a"}, 3, null, true]}`, 0},
		{"groups", `{"groups": {"a": "a"}}`, 0},
		{"groups", `{}`, 0},
		{"realm_access.roles", `{"realm_access": {"roles": ["v"]}}`, muster.OperatorViewer},
		{"realm_access.roles", `{"realm_access": ["v"]}`, 0},
		{"realm_access.roles", `{"realm_access.roles": "a", "realm_access": {"roles": "v"}}`, muster.OperatorAdministrator},
		{"https://x.example/roles", `{"https://x.example/roles": ["o"]}`, muster.OperatorProvisioner},
	} {
		p.RoleClaim = c.claim
		var claims map[string]any
		if err := json.Unmarshal([]byte(c.claims), &claims); err != nil {
			t.Fatal(err)
		}
		if got := p.role(claims); got != c.want {
			t.Errorf("%s of %s is %q, want %q", c.claim, c.claims, got, c.want)
		}
	}
}
