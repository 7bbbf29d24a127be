package storetest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"muster"
	"muster/provision"
	"muster/secret"
)

// bundle is what a test of the suite works with: a store with two tenants.
type bundle struct {
	*testing.T
	store  Store
	open   func(t *testing.T) Store
	reopen func(t *testing.T, s Store) Store
	ids    *muster.IDSource
	now    time.Time
	tenant muster.ID
	other  muster.ID
	seq    atomic.Int64
}

const keyVersion = 1 // of the key-encryption key that everything is sealed under at first

func (b *bundle) prepare() {
	b.Helper()
	ids, err := muster.NewIDSource(7, 0, time.Now)
	b.ok(err)
	b.ids = ids
	b.now = time.Now().UTC().Truncate(time.Millisecond) // stores have clocks of their own
	b.ok(b.store.AddKeys(b.Context(), secret.KeyRecord{
		Purpose: secret.PurposeWrap, Version: keyVersion, Wrapped: []byte("wrapped"), MasterID: "mk", CreatedAt: b.now.Truncate(time.Second),
	}))
	b.tenant, b.other = b.newTenant("one"), b.newTenant("other")
}

func (b *bundle) ok(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// kind fails the test unless err is a refusal of the kind.
func (b *bundle) kind(err error, want muster.Kind) muster.Error {
	b.Helper()
	var refusal *muster.Error
	if !errors.As(err, &refusal) || refusal.Kind != want {
		b.Fatalf("error is %v, want a refusal of kind %d", err, want)
	}
	return *refusal
}

func (b *bundle) is(err, want error) {
	b.Helper()
	if !errors.Is(err, want) {
		b.Fatalf("error is %v, want %v", err, want)
	}
}

func (b *bundle) same(what string, got, want any) {
	b.Helper()
	same(b, what, got, want)
}

// same is of tests within a test, too.
func same(t rapid.TB, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}

func (b *bundle) id() muster.ID {
	b.Helper()
	id, err := b.ids.Next()
	b.ok(err)
	return id
}

func (b *bundle) newTenant(name string) muster.ID {
	b.Helper()
	id := b.id()
	tenant := &muster.Tenant{
		ID: id, Name: name, RootDepartment: b.id(), CreatedAt: b.now,
		Settings: muster.TenantSettings{PersonalSpaceGB: 1000},
	}
	admin := b.user()
	admin.PhoneKey, admin.Phone = "", ""
	b.ok(b.store.CreateTenant(b.Context(), tenant, &admin, id))
	return id
}

// user makes a user of whom every key is his own.
func (b *bundle) user() muster.User {
	id := b.id()
	return muster.User{
		ID: id, Account: "A" + id.String(), AccountKey: "a" + id.String(), Phone: "+" + id.String(), PhoneKey: "+" + id.String(),
		Email: "U" + id.String() + "@example.com", EmailKey: "u" + id.String() + "@example.com", FirstName: "Ada", Surname: "Lovelace",
		DisplayName: "Ada L.", PasswordHash: "$argon2id$" + id.String(), Level: muster.LevelCommon, Department: 42, CapacityGB: 3,
		Roles: []muster.ID{5, 1 << 60}, MustChangePassword: true, TokenEpoch: 1 << 40, CreatedAt: b.now, UpdatedAt: b.now,
	}
}

// blob looks like something sealed under a version of the key-encryption key.
func (b *bundle) blob(version int) []byte {
	blob := []byte{1}
	blob = binary.BigEndian.AppendUint32(blob, uint32(version))
	blob = fmt.Appendf(blob, "%064d", b.seq.Add(1))
	return blob
}

// acceptance is a batch of rows in chunks of at most size.
func (b *bundle) acceptance(tenant muster.ID, rows, size int) *provision.Acceptance {
	b.Helper()
	a := &provision.Acceptance{
		Batch: muster.Batch{
			Tenant: tenant, ID: b.id(), Contract: muster.ContractKooDrive, Lane: muster.LaneCreate, AppID: "app", Actor: 77,
			ActorLevel: muster.LevelSystemAdmin, TraceID: "trace-1", Total: rows, AcceptedAt: b.now,
		},
		PayloadKey: b.blob(keyVersion), KeptKey: b.blob(keyVersion),
		Admission: provision.Admission{Rows: 1 << 40, Bytes: 1 << 40},
	}
	for first := 0; first < rows; first += size {
		n := min(size, rows-first)
		firstID, err := b.ids.Run(n)
		b.ok(err)
		firstUser, err := b.ids.Run(n)
		b.ok(err)
		a.Chunks = append(a.Chunks, muster.Chunk{
			Tenant: tenant, Batch: a.Batch.ID, FirstRow: first, Rows: n, FirstID: firstID, FirstUser: firstUser,
			Payload: bytes.Repeat([]byte{byte(first), 0xff, 0}, n),
		})
		a.LastID = firstUser + muster.ID(n-1)
	}
	return a
}

func (b *bundle) accept(a *provision.Acceptance) muster.ID {
	b.Helper()
	accepted, err := b.store.Accept(b.Context(), a)
	b.ok(err)
	if accepted.Replayed || accepted.Batch != a.Batch.ID {
		b.Fatalf("Accept = %+v, want batch %s", accepted, a.Batch.ID)
	}
	return accepted.Batch
}

func (b *bundle) next(lane muster.LaneRef, rows int) []provision.Work {
	b.Helper()
	works, err := b.store.Next(b.Context(), lane, nil, rows)
	b.ok(err)
	return works
}

func createLane(tenant muster.ID) muster.LaneRef {
	return muster.LaneRef{Tenant: tenant, Lane: muster.LaneCreate}
}

func orderedLane(tenant muster.ID) muster.LaneRef {
	return muster.LaneRef{Tenant: tenant, Lane: muster.LaneOrdered}
}

func chunksOf(works []provision.Work) []muster.Chunk {
	chunks := make([]muster.Chunk, len(works))
	for i := range works {
		chunks[i] = works[i].Chunk
		chunks[i].Payload = nil
	}
	return chunks
}

// decideAll gives every live row the result; where that is success, it creates a user with a phone.
func (b *bundle) decideAll(works []provision.Work, result muster.Result) provision.Decide {
	return func(shot muster.Snapshot, live []bool) (*provision.Writes, error) {
		w := &provision.Writes{Now: b.now}
		w.Planned.Usage = shot.Usage
		for i := range works {
			if !live[i] {
				continue
			}
			chunk := works[i].Chunk
			d := provision.ChunkWrites{Chunk: chunk, Position: works[i].Position}
			for row := range chunk.Rows {
				o := muster.Outcome{
					Row: chunk.FirstRow + row, ID: chunk.FirstID + muster.ID(row), Result: result, Subject: "subject",
					User: chunk.FirstUser + muster.ID(row),
				}
				if result == muster.Succeeded {
					key := "+" + o.User.String()
					w.Planned.Insert = append(w.Planned.Insert, muster.User{ID: o.User, Phone: key, PhoneKey: key, Level: muster.LevelCommon})
					w.Planned.Usage.Users++
				} else {
					o.Reason, o.Field, o.Detail = muster.ReasonExists, "phone", "The user exists."
				}
				d.Outcomes = append(d.Outcomes, o)
			}
			if result == muster.Failed {
				d.Kept = fmt.Appendf(nil, "kept from row %d", chunk.FirstRow)
			}
			w.Chunks = append(w.Chunks, d)
		}
		return w, nil
	}
}

// apply applies the works, all rows with one result.
func (b *bundle) apply(works []provision.Work, result muster.Result) {
	b.Helper()
	b.ok(b.store.Apply(b.Context(), works[0].Chunk.Tenant, chunksOf(works), muster.Keys{}, b.decideAll(works, result)))
}

// applyPlan applies a batch of one row, for which the plan is written.
func (b *bundle) applyPlan(tenant muster.ID, plan muster.Planned) error {
	b.Helper()
	b.accept(b.acceptance(tenant, 1, 1))
	works := b.next(createLane(tenant), 1)
	err := b.store.Apply(b.Context(), tenant, chunksOf(works), muster.Keys{}, func(shot muster.Snapshot, live []bool) (*provision.Writes, error) {
		w, err := b.decideAll(works, muster.Skipped)(shot, live)
		w.Planned = plan
		return w, err
	})
	return err
}

// snapshot reads the usage and the holders of the keys.
func (b *bundle) snapshot(tenant muster.ID, keys muster.Keys) muster.Snapshot {
	b.Helper()
	shot, err := b.store.Snapshot(b.Context(), tenant, keys)
	b.ok(err)
	return shot
}

func (b *bundle) usage(tenant muster.ID) muster.Usage {
	b.Helper()
	return b.snapshot(tenant, muster.Keys{}).Usage
}

func (b *bundle) page(tenant, batch muster.ID) *muster.BatchPage {
	b.Helper()
	page, err := b.store.BatchPage(b.Context(), tenant, batch, muster.ContractKooDrive, 0, 1<<20)
	b.ok(err)
	return page
}

// wrappedItems counts what is sealed under a version.
func (b *bundle) wrappedItems(version int) int {
	b.Helper()
	counts, err := b.store.CountWrapped(b.Context())
	b.ok(err)
	return counts[version]
}
