package provision

import (
	"context"
	"errors"
	"time"

	"muster"
)

// Direct changes single users outside of the lanes, as administrators' calls do. It plans under the tenant's lock like
// every other writer of a directory.
type Direct struct {
	Store Store
	Now   func() time.Time
}

// Change plans and writes one entry, whose password, if it brings one, is hashed already, and gives its outcome: what
// does not succeed changes nothing. KindNotFound if there is no such tenant.
func (d Direct) Change(ctx context.Context, tenant muster.ID, e muster.Entry) (muster.Outcome, error) {
	return d.ChangeTogether(ctx, tenant, []muster.Entry{e})
}

// ChangeTogether plans and writes entries like that, in order, all of them or none. It gives the outcome of the first that
// did not succeed, else that of the last.
func (d Direct) ChangeTogether(ctx context.Context, tenant muster.ID, entries []muster.Entry) (muster.Outcome, error) {
	return d.ChangeIf(ctx, tenant, entries, 0, func(muster.Snapshot) error { return nil })
}

// ChangeIf is ChangeTogether unless when, which is called under the lock with what the directory holds about the entries, gives an
// error: then nothing is done, and the error comes back as it is. lastID is the largest id that was made for the entries, 0 if
// none was.
func (d Direct) ChangeIf(
	ctx context.Context, tenant muster.ID, entries []muster.Entry, lastID muster.ID, when func(muster.Snapshot) error,
) (outcome muster.Outcome, err error) {
	t, err := d.Store.Tenant(ctx, tenant)
	if err != nil {
		return muster.Outcome{}, err
	}
	err = d.Store.Apply(ctx, tenant, nil, muster.KeysOf(entries, &t.Settings), func(snapshot muster.Snapshot, _ []bool) (*Writes, error) {
		if *snapshot.Settings != t.Settings {
			return nil, errSettings // which keys are unique may have changed
		}
		if err := when(snapshot); err != nil {
			return nil, err
		}
		planned := muster.Plan(entries, snapshot)
		if len(planned.NeedHash) > 0 {
			return nil, errNeedHash
		}
		for _, outcome = range planned.Outcomes {
			if outcome.Result != muster.Succeeded {
				return nil, errNotDone
			}
		}
		return &Writes{Planned: planned, Now: d.Now(), LastID: lastID}, nil
	})
	if errors.Is(err, errNotDone) {
		err = nil
	}
	return outcome, err
}

// errNotDone rolls back what is not to be done in part.
var errNotDone = errors.New("an entry did not succeed")
