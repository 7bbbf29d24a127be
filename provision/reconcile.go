package provision

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"muster"
	"muster/mapping"
)

// sourcePage is how many users of a source are read at once.
const sourcePage = 10_000

// reconciliation finds out, while the rows of a batch come, whom of a source they do not name.
type reconciliation struct {
	Reconciliation
	engine *Engine
	tenant *muster.Tenant
	mapper *mapping.Mapper
	// candidates are the source's enabled users who administer nothing, by id, as they were when the batch was begun: who
	// comes later was not yet there to be named by the rows before.
	candidates []muster.ID
	named      []bool // of each candidate
	enabled    int    // users of the source, those who administer included
	unreadable int    // rows
}

// reconcile reads whom the source has.
func (e *Engine) reconcile(ctx context.Context, s *Submission) (*reconciliation, error) {
	t, err := e.Store.Tenant(ctx, s.Tenant)
	if err != nil {
		return nil, err
	}
	r := &reconciliation{Reconciliation: *s.Source, engine: e, tenant: t, mapper: mapping.New(t, s.Contract, s.ActorLevel, nil)}
	if r.MaxDisables == 0 {
		r.MaxDisables = defaultMaxDisables
	}
	for after := muster.ID(0); ; {
		users, err := e.Store.SourceUsers(ctx, s.Tenant, r.Name, after, sourcePage)
		if err != nil {
			return nil, err
		}
		for _, u := range users {
			after = u.ID
			if u.Disabled {
				continue
			}
			r.enabled++
			if u.Level == muster.LevelCommon {
				r.candidates = append(r.candidates, u.ID)
			}
		}
		if len(users) < sourcePage {
			r.named = make([]bool, len(r.candidates))
			return r, nil
		}
	}
}

// see makes the rows the source's, and takes note of the users whom they name. first is the position of the first.
func (r *reconciliation) see(ctx context.Context, rows []muster.Row, first int) error {
	var keys muster.Keys
	c := chunk{Work: Work{Chunk: muster.Chunk{FirstRow: first, Rows: len(rows)}}, rows: rows}
	for i := range rows {
		row := &rows[i]
		if row.Fault == nil && row.Action != muster.ActionCreate {
			return &muster.Error{
				Kind: muster.KindInvalid, Field: "row " + strconv.Itoa(first+i),
				Detail: "In a reconciliation every row is an upsert: leave the operation out.",
			}
		}
		row.OnExisting, row.Source, row.Adopt = muster.UpdateExisting, r.Name, r.Adopt
		e := r.engine.entry(ctx, r.mapper, &c, i, nil)
		if e.Fault != nil {
			r.unreadable++
			continue
		}
		naming(&e, &keys)
	}
	found, err := r.engine.Store.Outline(ctx, r.tenant.ID, keys)
	if err != nil {
		return err
	}
	for i := range found.Users {
		if at, ok := slices.BinarySearch(r.candidates, found.Users[i].ID); ok {
			r.named[at] = true
		}
	}
	return nil
}

// naming adds the key by which an entry names its user.
func naming(e *muster.Entry, keys *muster.Keys) {
	switch e.Match { //nolint:exhaustive // there are no others
	case muster.KeyID:
		keys.IDs = append(keys.IDs, e.User.ID)
	case muster.KeyAccount:
		keys.Accounts = append(keys.Accounts, e.User.AccountKey)
	case muster.KeyPhone:
		keys.Phones = append(keys.Phones, e.User.PhoneKey)
	case muster.KeyEmail:
		keys.Emails = append(keys.Emails, e.User.EmailKey)
	}
}

// absent lists the candidates whom no row names.
func (r *reconciliation) absent() []muster.ID {
	var ids []muster.ID
	for i, id := range r.candidates {
		if !r.named[i] {
			ids = append(ids, id)
		}
	}
	return ids
}

// disable adds the rows that disable whom the others do not name, or says how many it withholds.
func (u *Upload) disable(ctx context.Context) error {
	r := u.reconciled
	absent := r.absent()
	if r.unreadable > 0 {
		u.batch.Withheld = len(absent)
		return nil
	}
	if len(absent)*100 > r.MaxDisables*r.enabled {
		return &muster.Error{
			Kind: muster.KindConflict, Field: "maxDisables",
			Detail: fmt.Sprintf("%d of the source's %d enabled users are not named, and would be disabled: more than the %d percent that are accepted.",
				len(absent), r.enabled, r.MaxDisables),
		}
	}
	for page := range slices.Chunk(absent, muster.ChunkRows) {
		for _, id := range page {
			u.rows = append(u.rows, muster.Row{Action: muster.ActionDisable, Match: muster.KeyID, ID: id, Source: r.Name})
		}
		if err := u.seal(ctx); err != nil {
			return err
		}
	}
	return nil
}
