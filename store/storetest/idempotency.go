package storetest

import (
	"time"

	"muster"
	"muster/provision"
)

func (b *bundle) idempotent(tenant muster.ID, key, body string) *provision.Acceptance {
	a := b.acceptance(tenant, 2, 2)
	a.Replay, a.IdempotentBody, a.ReplayUntil = []byte(key), []byte(body), b.now.Add(24*time.Hour)
	return a
}

func testIdempotency(b *bundle) {
	first := b.idempotent(b.tenant, "key", "body")
	b.accept(first)
	b.accept(b.idempotent(b.tenant, "another key", "body"))
	b.accept(b.idempotent(b.other, "key", "another body"))
	before := b.usage(b.tenant)

	again := func(want muster.ID, when time.Time) {
		b.Helper()
		a := b.idempotent(b.tenant, "key", "body")
		a.Batch.AcceptedAt, a.RefuseReplay = when, true // a refusal is of signed requests
		a.Admission = provision.Admission{}             // no room is needed
		got, err := b.store.Accept(b.Context(), a)
		b.ok(err)
		b.same("answer to the same body", got, provision.Accepted{Batch: want, Replayed: true})
	}
	refused := func() {
		b.Helper()
		_, err := b.store.Accept(b.Context(), b.idempotent(b.tenant, "key", "another body"))
		b.same("field of the refusal of another body", b.kind(err, muster.KindConflict).Field, "Idempotency-Key")
	}
	last := b.now.Add(24*time.Hour - time.Millisecond)
	again(first.Batch.ID, b.now)
	refused()
	b.same("usage after repeats", b.usage(b.tenant), before)
	b.finish(b.tenant, first.Batch.ID, muster.Failed, 1)
	again(first.Batch.ID, b.now) // finished or not
	refused()
	for b.purge(b.tenant, b.now.AddDate(1, 0, 0), 100) {
	}
	again(first.Batch.ID, last) // kept or not
	refused()

	expired := b.idempotent(b.tenant, "key", "another body")
	expired.Batch.AcceptedAt = b.now.Add(24 * time.Hour)
	expired.ReplayUntil = expired.Batch.AcceptedAt.Add(24 * time.Hour)
	b.accept(expired)
	renewed := b.idempotent(b.tenant, "key", "another body")
	renewed.Batch.AcceptedAt = expired.Batch.AcceptedAt
	got, err := b.store.Accept(b.Context(), renewed)
	b.ok(err)
	b.same("answer to the new body", got, provision.Accepted{Batch: expired.Batch.ID, Replayed: true})
}
