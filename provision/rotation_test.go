package provision_test

import (
	"testing"

	"muster"
	"muster/secret"
)

// While another node rotates keys, of which this one hears only when it meets one that it does not know, batches are accepted,
// worked off and read as ever.
func TestAnotherNodeRotatesKeys(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.start(t)
	source := "bearer-of-the-identity-system"
	b.setProfile(t, systemAt("http://127.0.0.1:1"), &source)
	other, err := secret.Open(t.Context(), secret.Config{Master: b.dir + "/master.key"}, b.store)
	must(t, err)
	t.Cleanup(func() { must(t, other.Close()) })
	rotate := func() {
		t.Helper()
		done, err := other.Rotate(t.Context(), b.store)
		must(t, err)
		if len(done.Deleted) != 1 || done.Active == b.keyring.Active() {
			t.Fatalf("rotated: %+v, while this node is at version %d", done, b.keyring.Active())
		}
	}

	rotate()
	id := b.submit(t, failing()...)
	b.finished(t, id)
	rotate()
	if _, failures, err := b.engine.Failures(t.Context(), b.tenant.ID, id, muster.ContractKooDrive, 0, 10); err != nil || len(failures) != 4 {
		t.Errorf("failures: %d, %v", len(failures), err)
	}
	rotate()
	row := federated(muster.ActionCreate, "test0616")
	profile, err := b.store.FederationProfile(t.Context(), b.tenant.ID)
	if err != nil {
		t.Fatal(err)
	}
	if trial, err := b.engine.Try(t.Context(), b.tenant.ID, profile, &row); err != nil || trial == nil {
		t.Errorf("a trial: %v", err)
	}
	if b.keyring.Active() != other.Active() {
		t.Errorf("this node is at version %d and the other at %d", b.keyring.Active(), other.Active())
	}
}
