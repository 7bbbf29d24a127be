package muster_test

import (
	"encoding/json"
	"strings"
	"testing"

	"muster"
)

// TestOperatorRoles: each role may all that the one before may, and has a name that is read back.
func TestOperatorRoles(t *testing.T) {
	t.Parallel()
	before := muster.Scopes(0)
	for role, name := range map[muster.OperatorRole]string{0: "", 1: "viewer", 2: "operator", 3: "administrator", 4: ""} {
		if role.String() != name {
			t.Errorf("role %d is %q, want %q", role, role, name)
		}
		read, err := muster.ParseOperatorRole(name)
		if name == "" && (muster.KindOf(err) != muster.KindInvalid || role.Scopes() != 0) || name != "" && (err != nil || read != role) {
			t.Errorf("%q is role %d, %v; it has %v", name, read, err, role.Scopes().Names())
		}
	}
	for _, role := range []muster.OperatorRole{muster.OperatorViewer, muster.OperatorProvisioner, muster.OperatorAdministrator} {
		scopes := role.Scopes()
		if !scopes.Has(before) || scopes == before {
			t.Errorf("a %s may %v, the role before %v", role, scopes.Names(), before.Names())
		}
		before = scopes
	}
	if before != muster.AllScopes {
		t.Errorf("an administrator may %v", before.Names())
	}
}

func TestAnOperatorIsWrittenWithoutSecrets(t *testing.T) {
	t.Parallel()
	o := muster.Operator{
		ID: 7, Name: "Ann", Role: muster.OperatorProvisioner, PasswordHash: "secret", Subject: "https://id.example secret", EmailKey: "secret",
		Invitation: &muster.Activation{Hash: []byte("secret")},
	}
	text, err := json.Marshal(o)
	if err != nil || strings.Contains(string(text), "secret") || strings.Contains(string(text), "c2VjcmV0") || !strings.Contains(string(text), `"role":"operator"`) {
		t.Errorf("it is %s, %v", text, err)
	}
	var back muster.Operator
	if err := json.Unmarshal(text, &back); err != nil || back.Role != o.Role || back.ID != o.ID {
		t.Errorf("it is read as %+v, %v", back, err)
	}
	if !o.Sees(0) || !o.Sees(9) || (&muster.Operator{Tenant: 9}).Sees(0) || !(&muster.Operator{Tenant: 9}).Sees(9) || (&muster.Operator{Tenant: 9}).Sees(8) {
		t.Error("operators see other tenants than theirs")
	}
}
