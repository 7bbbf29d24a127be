package provision

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"

	"muster"
	"muster/mapping"
	"muster/secret"
)

// run is a run of consecutive chunks of one lane, on its way from the store to Apply, which all go with each other. Its
// entries are those of its chunks, one after the other; they are blank where nothing is planned.
type run struct {
	tenant  *muster.Tenant
	chunks  []chunk
	entries []muster.Entry
	hashes  *hashes // nil if none are being made
	// unguessed is set when nobody looked for passwords to be hashed, since the turn's rows before had none to hash: who
	// sends users again sends many, and Apply finds out in any case.
	unguessed bool
	asked     bool // an identity system was asked about some rows
}

// chunk is an opened chunk. start is where its entries begin in the run's.
type chunk struct {
	Work
	rows        []muster.Row
	keys        *dataKeys
	start       int
	expected    []muster.Expectation   // of a guarded commit's rows; nil: any outcome will do
	differences map[int]muster.Outcome // of a refused commit's rows, by their position in the batch
}

// dataKeys are a batch's unwrapped keys.
type dataKeys struct {
	payload, kept *secret.DataKey
}

// open unseals and normalises chunks: the first of them that need not wait for an identity system, which may be none.
func (e *Engine) open(ctx context.Context, tenant muster.ID, works []Work, slice *Slice) (*run, error) {
	t, err := e.Store.Tenant(ctx, tenant)
	if err != nil {
		return nil, err
	}
	if t.KeyVersion != muster.KeyVersion {
		return nil, fmt.Errorf("keys of tenant %s are of version %d, and this program makes version %d", t.ID, t.KeyVersion, muster.KeyVersion)
	}
	r := &run{tenant: t, chunks: make([]chunk, len(works))}
	keys := map[muster.ID]*dataKeys{}
	rows := 0
	for i := range works {
		w := &works[i]
		if keys[w.Batch.ID] == nil {
			if keys[w.Batch.ID], err = e.unwrap(w); err != nil {
				return nil, err
			}
		}
		c := chunk{Work: *w, keys: keys[w.Batch.ID], start: rows}
		if c.rows, err = openRows(c.keys.payload, &w.Chunk); err != nil {
			return nil, err
		}
		c.Chunk.Payload = nil
		rows += len(c.rows)
		r.chunks[i] = c
	}
	if err := e.foresee(ctx, r); err != nil {
		return nil, err
	}
	if !plans(r.mode()) {
		r.entries = make([]muster.Entry, rows)
		return r, nil
	}
	return e.normaliseAll(ctx, r, slice)
}

// normaliseAll fills the run's entries, and gives the part of it before the first that an identity system holds up.
func (e *Engine) normaliseAll(ctx context.Context, r *run, slice *Slice) (*run, error) {
	var f *federation
	var questions []question
	for i := range r.chunks {
		c := &r.chunks[i]
		if c.Batch.Contract == muster.ContractFederation && f == nil {
			var err error
			if f, err = e.federation(ctx, r.tenant.ID); err != nil {
				return nil, err
			}
		}
		entries, asked := e.normalise(ctx, r.tenant, f, c)
		r.entries, questions = append(r.entries, entries...), append(questions, asked...)
	}
	if len(questions) > 0 {
		r.asked = true
		if open := e.listen(ctx, slice, r.entries, questions); len(open) > 0 {
			held := slices.IndexFunc(r.chunks, func(c chunk) bool { return open[0].entry < c.start+len(c.rows) })
			r = r.part(0, held)
			r.asked = true
		}
	}
	r.expect()
	return r, ctx.Err()
}

func (e *Engine) unwrap(w *Work) (*dataKeys, error) {
	payload, err := e.Keyring.UnwrapDataKey(w.PayloadKey, PayloadKeyBinding(w.Chunk.Tenant, w.Chunk.Batch))
	if err != nil {
		return nil, fmt.Errorf("unwrap the payload key of batch %s: %w", w.Chunk.Batch, err)
	}
	kept, err := e.Keyring.UnwrapDataKey(w.KeptKey, KeptKeyBinding(w.Chunk.Tenant, w.Chunk.Batch))
	if err != nil {
		return nil, fmt.Errorf("unwrap the kept key of batch %s: %w", w.Chunk.Batch, err)
	}
	return &dataKeys{payload: payload, kept: kept}, nil
}

// normalise maps a chunk's rows, as far as no identity system has to be asked first.
func (e *Engine) normalise(ctx context.Context, tenant *muster.Tenant, f *federation, c *chunk) ([]muster.Entry, []question) {
	var compiled *mapping.Federation
	if f != nil {
		compiled = f.compiled
	}
	mapper := mapping.New(tenant, c.Batch.Contract, c.Batch.ActorLevel, compiled)
	entries := make([]muster.Entry, len(c.rows))
	var questions []question
	for i := range c.rows {
		if mapper.Asks(&c.rows[i]) {
			questions = append(questions, e.ask(ctx, f, mapper, c, i))
			continue
		}
		entries[i] = e.entry(ctx, mapper, c, i, nil)
	}
	return entries, questions
}

// entry maps a row. One on which it panics fails alone.
func (e *Engine) entry(ctx context.Context, m *mapping.Mapper, c *chunk, i int, identity *mapping.Identity) (entry muster.Entry) {
	defer func() {
		if p := recover(); p != nil {
			e.logPanic(ctx, &c.Chunk, p)
			entry = muster.Entry{Fault: internalFault()}
		}
	}()
	entry = m.Entry(ctx, &c.rows[i], c.Chunk.FirstUser+muster.ID(i), identity)
	if hash := c.rows[i].PasswordHash; hash != "" && entry.Fault == nil && c.Batch.Contract == muster.ContractKooDrive {
		// The contract knows no hashes: this one was made when the row was first done, and kept for its retry.
		entry.Set |= muster.FieldPassword
		entry.Password, entry.User.PasswordHash = true, hash
	}
	return entry
}

func internalFault() *muster.Fault {
	return &muster.Fault{Reason: muster.ReasonInternal, Detail: "This row could not be processed because of an internal fault; the others are not affected."}
}

// logPanic leaves the panic's value out, which may hold a personal field: its type and the stack tell where to look.
func (e *Engine) logPanic(ctx context.Context, c *muster.Chunk, p any) {
	e.Logger.LogAttrs(ctx, slog.LevelError, "a row caused a panic", slog.String("batch", c.Batch.String()),
		slog.Int("firstRow", c.FirstRow), slog.Int("rows", c.Rows), slog.String("panic", fmt.Sprintf("%T", p)),
		slog.String("stack", string(debug.Stack())))
}

// part is the run of chunks i to j-1, which shares its entries with r.
func (r *run) part(i, j int) *run {
	end := len(r.entries)
	if j < len(r.chunks) {
		end = r.chunks[j].start
	}
	start := r.chunks[i].start
	p := &run{tenant: r.tenant, chunks: make([]chunk, j-i), entries: r.entries[start:end:end], hashes: r.hashes, unguessed: r.unguessed}
	copy(p.chunks, r.chunks[i:j])
	for k := range p.chunks {
		p.chunks[k].start -= start
	}
	return p
}

// join is r and the run that follows it.
func (r *run) join(next *run) *run {
	j := &run{tenant: next.tenant, unguessed: r.unguessed || next.unguessed, chunks: append(r.chunks[:len(r.chunks):len(r.chunks)], next.chunks...)}
	for k := len(r.chunks); k < len(j.chunks); k++ {
		j.chunks[k].start += len(r.entries)
	}
	j.entries = slices.Concat(r.entries, next.entries)
	return j
}

// renormalise maps the run's rows anew with the tenant's present settings, keeping the hashes that are made. Federated rows
// go by the federation profile alone, and stay as they were mapped.
func (e *Engine) renormalise(ctx context.Context, r *run) error {
	t, err := e.Store.Tenant(ctx, r.tenant.ID)
	if err != nil {
		return err
	}
	r.tenant = t
	for i := range r.chunks {
		c := &r.chunks[i]
		if c.Batch.Contract == muster.ContractFederation {
			continue
		}
		entries, _ := e.normalise(ctx, t, nil, c)
		for k, entry := range entries {
			entry.User.PasswordHash = r.entries[c.start+k].User.PasswordHash
			r.entries[c.start+k] = entry
		}
	}
	r.expect()
	return nil
}
