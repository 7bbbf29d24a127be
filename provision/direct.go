package provision

import (
	"context"
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
	t, err := d.Store.Tenant(ctx, tenant)
	if err != nil {
		return muster.Outcome{}, err
	}
	entries := []muster.Entry{e}
	var outcome muster.Outcome
	err = d.Store.Apply(ctx, tenant, nil, muster.KeysOf(entries, &t.Settings), func(snapshot muster.Snapshot, _ []bool) (*Writes, error) {
		if *snapshot.Settings != t.Settings {
			return nil, errSettings // which keys are unique may have changed
		}
		planned := muster.Plan(entries, snapshot)
		if len(planned.NeedHash) > 0 {
			return nil, errNeedHash
		}
		outcome = planned.Outcomes[0]
		return &Writes{Planned: planned, Now: d.Now()}, nil
	})
	return outcome, err
}
