package console

import (
	"net/http"

	"muster"
	"muster/provision"
)

func overviewRoutes() []route {
	return []route{{pattern: "GET /", scope: muster.ScopeRead, page: (*visit).overview}}
}

// overviewBatches is how many batches the overview lists.
const overviewBatches = 20

// overviewFacts are what the overview shows.
type overviewFacts struct {
	Usage      muster.Usage
	Unfinished []muster.Batch // the newest, at most overviewBatches
	More       bool           // there are others
	Health     []Health
}

func (v *visit) overview() error {
	shot, err := v.Batches.Snapshot(v.ctx(), v.tenant.ID, muster.Keys{})
	if err != nil {
		return err
	}
	f := overviewFacts{Usage: shot.Usage, Health: v.Health(v.r)}
	f.Unfinished, err = v.Batches.Batches(v.ctx(), v.tenant.ID, provision.BatchQuery{Unfinished: true, Limit: overviewBatches + 1})
	if err != nil {
		return err
	}
	if len(f.Unfinished) > overviewBatches {
		f.Unfinished, f.More = f.Unfinished[:overviewBatches], true
	}
	return v.show(http.StatusOK, overviewPage(v, f))
}
