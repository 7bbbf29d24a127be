package provision_test

import (
	"context"
	"testing"
	"time"

	"muster"
	"muster/provision"
	"muster/webhook"
)

// recording gives a context that carries a record of the tenant, or of the installation where that is 0.
func (b *bundle) recording(t *testing.T, tenant muster.ID, action string) context.Context {
	t.Helper()
	a, err := muster.NewAudit(b.ids, muster.AuditRecord{Tenant: tenant, Action: action})
	if err != nil {
		t.Fatal(err)
	}
	return muster.WithAudit(t.Context(), a)
}

func (b *bundle) trail(t *testing.T, tenant muster.ID) []muster.AuditRecord {
	t.Helper()
	page, err := b.store.Audit(t.Context(), tenant, muster.AuditQuery{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	return page.Records
}

// TestWhatBecomesOfBatchesIsRecorded: a batch when it is accepted, and not while it comes; one that is made of another under
// that one's name; none that is given up, or was accepted before.
func TestWhatBecomesOfBatchesIsRecorded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	upload := func(action string, accept bool) muster.ID {
		ctx := b.recording(t, b.tenant.ID, action)
		u, err := b.engine.Begin(ctx, provision.Submission{Tenant: b.tenant.ID, Contract: muster.ContractNative, DryRun: true})
		if err != nil {
			t.Fatal(err)
		}
		defer u.Discard(ctx)
		if err := u.Add(ctx, rows(1500, row)); err != nil {
			t.Fatal(err)
		}
		if !accept {
			return 0
		}
		receipt, err := u.Accept(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return receipt.Batch
	}
	upload("given up", false)
	dry := upload("upload", true)
	b.start(t)
	for {
		batch, err := b.store.Batch(t.Context(), b.tenant.ID, dry)
		if err != nil {
			t.Fatal(err)
		}
		if batch.Finished() {
			break
		}
		b.yield(t)
	}
	follow := provision.Followup{Tenant: b.tenant.ID, Batch: dry}
	var made muster.ID
	for _, action := range []string{"commit", "commit again"} {
		receipt, err := b.engine.Commit(b.recording(t, b.tenant.ID, action), follow, true)
		if err != nil {
			t.Fatal(err)
		}
		made = receipt.Batch
	}
	want := []muster.AuditRecord{
		{Tenant: b.tenant.ID, Action: "commit", Detail: "batch " + made.String() + " of 1500 rows"},
		{Tenant: b.tenant.ID, Action: "upload", Target: "batch " + dry.String(), Detail: "1500 rows"},
	}
	got := b.trail(t, b.tenant.ID)
	for i := range got {
		got[i].ID = 0
	}
	if len(got) != len(want) || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("the trail is %+v, want %+v", got, want)
	}
}

// TestTheTrailIsForgotten: records after 400 days, and events after 30, with the batches that are kept as long.
func TestTheTrailIsForgotten(t *testing.T) {
	t.Parallel()
	b := setup(t, configured(func(c *provision.Config) { c.PurgeEvery = time.Millisecond; c.Retention = time.Hour }))
	h := &webhook.Hook{Tenant: b.tenant.ID, ID: 7, URL: "https://example.com/", CreatedAt: b.clock.Now()}
	if err := b.store.CreateWebhook(b.recording(t, b.tenant.ID, "create-webhook"), h); err != nil {
		t.Fatal(err)
	}
	if _, err := b.store.TestWebhook(b.recording(t, 0, "test-webhook"), b.tenant.ID, 7); err != nil {
		t.Fatal(err)
	}
	deliveries := func() int {
		all, err := b.store.Deliveries(t.Context(), b.tenant.ID, 7, 0, 10)
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	b.clock.advance(29 * 24 * time.Hour)
	b.start(t)
	id := b.submit(t, rows(1, row)...)
	b.finished(t, id)
	b.clock.advance(61 * time.Minute)
	for muster.KindOf(b.gone(t, id)) != muster.KindNotFound { // a round of purging is over
		b.yield(t)
	}
	if deliveries() == 0 {
		t.Error("an event is forgotten with the batches, which are kept for an hour")
	}
	b.clock.advance(24 * time.Hour)
	for deliveries() > 0 {
		b.yield(t)
	}
	if own, all := b.trail(t, b.tenant.ID), b.trail(t, 0); len(own) != 1 || len(all) != 1 {
		t.Errorf("after 30 days there are %d records and %d", len(own), len(all))
	}
	b.clock.advance(371 * 24 * time.Hour)
	for len(b.trail(t, b.tenant.ID))+len(b.trail(t, 0)) > 0 {
		b.yield(t)
	}
}

// gone is the error of who looks for a batch.
func (b *bundle) gone(t *testing.T, id muster.ID) error {
	t.Helper()
	_, err := b.store.BatchPage(t.Context(), b.tenant.ID, id, 0, 0, 1)
	return err
}
