package provision

import (
	"context"
	"fmt"
	"reflect"
	"sync"
	"time"

	"muster"
	"muster/mapping"
	"muster/mapping/source"
	"muster/secret"
)

const (
	// linger is how long a turn waits for identity systems before it lets another lane have its turn. Answers that come
	// later are there in its next one.
	linger = 50 * time.Millisecond

	maxFederations = 1024 // compiled profiles that are kept
)

// federation is a tenant's federation profile as its rows are mapped by it.
type federation struct {
	compiled *mapping.Federation
	endpoint source.Endpoint // of an identity system that is asked
}

// federations keeps compiled profiles, since compiling takes longer than mapping a task's rows.
type federations struct {
	mu   sync.Mutex
	kept map[muster.ID]*compiledProfile
}

type compiledProfile struct {
	profile  muster.FederationProfile
	compiled *mapping.Federation
}

func (f *federations) compile(tenant muster.ID, profile *muster.FederationProfile) *mapping.Federation {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c := f.kept[tenant]; c != nil && reflect.DeepEqual(&c.profile, profile) {
		return c.compiled
	}
	if f.kept == nil || len(f.kept) >= maxFederations {
		f.kept = map[muster.ID]*compiledProfile{}
	}
	c := &compiledProfile{profile: *profile, compiled: mapping.NewFederation(profile)}
	f.kept[tenant] = c
	return c.compiled
}

// federation reads and compiles a tenant's profile.
func (e *Engine) federation(ctx context.Context, tenant muster.ID) (*federation, error) {
	profile, err := e.Store.FederationProfile(ctx, tenant)
	if err != nil {
		return nil, err
	}
	return e.federationOf(ctx, tenant, profile, e.federations.compile(tenant, profile))
}

// federationOf opens what is sealed of a profile.
func (e *Engine) federationOf(
	ctx context.Context, tenant muster.ID, profile *muster.FederationProfile, compiled *mapping.Federation,
) (*federation, error) {
	f := &federation{compiled: compiled}
	if s := profile.System; s != nil && s.Kind == muster.SystemHTTP {
		f.endpoint = source.Endpoint{URL: s.URL, AllowPrivate: s.AllowPrivate}
		if s.Sealed != nil {
			var plain []byte
			err := e.knowing(ctx, func() (err error) {
				plain, err = e.Keyring.OpenSecret(s.Sealed, sourceBinding(tenant))
				return err
			})
			if err != nil {
				return nil, fmt.Errorf("open the secret of tenant %s's identity system: %w", tenant, err)
			}
			f.endpoint.Secret = string(plain)
			secret.Wipe(plain)
		}
	}
	return f, nil
}

// sourceBinding is what package access seals the secret under.
func sourceBinding(tenant muster.ID) []byte {
	return secret.Binding("federation-source", int64(tenant))
}

// question is what an identity system is yet to say before an entry of a run can be.
type question struct {
	source.Question[muster.Entry]
	entry int // in the run
}

// ask begins to make the entry of a row that takes what an identity system says.
func (e *Engine) ask(ctx context.Context, f *federation, m *mapping.Mapper, c *chunk, row int) question {
	rest := context.WithoutCancel(ctx) // the answer may come after the turn
	return question{entry: c.start + row, Question: source.Question[muster.Entry]{
		Batch: source.Batch{Tenant: c.Chunk.Tenant, ID: c.Chunk.Batch}, Endpoint: f.endpoint,
		Row: c.Chunk.FirstRow + row, Account: c.rows[row].Account,
		Then: func(identity mapping.Identity) muster.Entry { return e.entry(rest, m, c, row, &identity) },
	}}
}

// listen fills in the entries that the questions are about, and gives those that are unanswered when the turn should not
// wait longer: its time is over, or the system is not well and will be asked again later.
func (e *Engine) listen(ctx context.Context, slice *Slice, entries []muster.Entry, questions []question) []question {
	timer := time.NewTimer(linger)
	defer timer.Stop()
	for over := false; ; {
		changed := e.sources.Changed()
		var open []question
		for _, q := range questions {
			entry, ok := e.sources.Ask(q.Question)
			if !ok {
				open = append(open, q)
				continue
			}
			entries[q.entry] = entry
		}
		if questions = open; len(open) == 0 || over || slice.Over() || !e.sources.Well(open[0].Batch.Tenant, open[0].Endpoint) {
			return open
		}
		select {
		case <-changed:
		case <-timer.C:
			over = true
		case <-ctx.Done():
			return open
		}
	}
}

// forget drops what identity systems said about a run that is applied.
func (e *Engine) forget(r *run) {
	for i := range r.chunks {
		if c := &r.chunks[i]; c.Batch.Contract == muster.ContractFederation {
			e.sources.Forget(source.Batch{Tenant: c.Chunk.Tenant, ID: c.Chunk.Batch})
		}
	}
}

// Trial is what would become of a row.
type Trial struct {
	Entry   muster.Entry
	Outcome muster.Outcome // ID, Row and the id of a user who would be made are not filled
}

// Try tells what would become of a federated row, were it the only one: what a turn does, short of writing, against the directory
// as it is, and by a profile in the place of the tenant's. An identity system is asked once. KindNotFound if there is no such
// tenant.
func (e *Engine) Try(ctx context.Context, tenant muster.ID, profile *muster.FederationProfile, row *muster.Row) (*Trial, error) {
	t, err := e.Store.Tenant(ctx, tenant)
	if err != nil {
		return nil, err
	}
	f, err := e.federationOf(ctx, tenant, profile, mapping.NewFederation(profile))
	if err != nil {
		return nil, err
	}
	m := mapping.New(t, muster.ContractFederation, muster.LevelSystemAdmin, f.compiled)
	var identity *mapping.Identity
	if m.Asks(row) {
		said, err := e.client.Get(ctx, f.endpoint, row.Account)
		if err != nil {
			said = mapping.Identity{Fault: &muster.Fault{
				Reason: muster.ReasonSourceUnreadable, Detail: "The identity system cannot be read: " + err.Error() + ".",
			}}
		}
		identity = &said
	}
	entries := []muster.Entry{m.Entry(ctx, row, 0, identity)}
	entries[0].Password = false // it would be hashed first
	snapshot, err := e.Store.Snapshot(ctx, tenant, muster.KeysOf(entries, &t.Settings))
	if err != nil {
		return nil, err
	}
	trial := &Trial{Entry: entries[0], Outcome: muster.Plan(entries, snapshot).Outcomes[0]}
	trial.Outcome.Subject = subject(muster.ContractFederation, row)
	return trial, ctx.Err()
}
