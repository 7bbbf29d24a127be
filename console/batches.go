package console

import (
	"net/http"
	"net/url"
	"time"

	"muster"
	"muster/provision"
)

func batchRoutes() []route {
	routes := []route{
		{pattern: "GET /batches", scope: muster.ScopeRead, page: (*visit).listBatches},
		{pattern: "GET /batches/{batch}", scope: muster.ScopeRead, page: (*visit).showBatch},
		{pattern: "GET /batches/{batch}/events", scope: muster.ScopeRead, stream: true, page: (*visit).followBatch},
		{pattern: "POST /batches/{batch}/cancel", scope: muster.ScopeProvision, action: "cancel-batch", page: (*visit).cancelBatch},
		{pattern: "POST /batches/{batch}/retry", scope: muster.ScopeProvision, action: "retry-batch", page: (*visit).retryBatch},
		{pattern: "POST /batches/{batch}/commit", scope: muster.ScopeProvision, action: "commit-batch", page: (*visit).commitBatch},
	}
	for _, format := range failureFormats {
		routes = append(routes, route{
			pattern: "GET /batches/{batch}/failures." + format.String(), scope: muster.ScopeRead,
			page: func(v *visit) error { return v.downloadFailures(format) },
		})
	}
	return routes
}

// batchList is a page of batches.
type batchList struct {
	State   muster.State // the only one that is shown; "": all
	Batches []muster.Batch
	Callers callers
	First   bool   // no page is before this one
	Next    string // query of the page behind; "" if there is none
}

func (v *visit) listBatches() error {
	before, err := v.cursorID("before")
	if err != nil {
		return err
	}
	list := batchList{First: before == 0}
	if list.State, err = v.stateAsked(); err != nil {
		return err
	}
	page, next, err := provision.ListBatches(v.ctx(), v.Batches, v.tenant.ID, provision.BatchQuery{Before: before, Limit: pageRows}, list.State)
	if err != nil {
		return err
	}
	list.Batches = page
	if list.Callers, err = v.callers(); err != nil {
		return err
	}
	if next != 0 {
		list.Next = stateQuery(list.State, next).Encode()
	}
	return v.show(http.StatusOK, batchesPage(v, list))
}

// stateAsked is the state that the address names; "" if none.
func (v *visit) stateAsked() (muster.State, error) {
	asked := v.r.URL.Query().Get("state")
	if asked == "" {
		return "", nil
	}
	for _, s := range muster.States() {
		if string(s) == asked {
			return s, nil
		}
	}
	return "", v.nowhere()
}

// stateQuery is the query of a list of batches in a state, behind one.
func stateQuery(s muster.State, before muster.ID) url.Values {
	query := url.Values{}
	if s != "" {
		query.Set("state", string(s))
	}
	if before != 0 {
		query.Set("before", before.String())
	}
	return query
}

// callers are the names of the tenant's credentials, by AppID.
type callers map[string]string

func (v *visit) callers() (callers, error) {
	all, err := v.Access.Credentials(v.ctx(), v.tenant.ID)
	if err != nil {
		return nil, err
	}
	names := callers{}
	for i := range all {
		names[all[i].AppID] = all[i].Name
	}
	return names, nil
}

// caller says through what a batch came: a credential by its name, or the console and the command line.
func (v *visit) caller(b *muster.Batch, names callers) string {
	switch {
	case b.AppID == "":
		return v.T("Console or command line")
	case names[b.AppID] != "":
		return names[b.AppID]
	default:
		return v.T("Application %s", b.AppID)
	}
}

// contract names an interface.
func (v *visit) contract(c muster.Contract) string {
	switch c {
	case muster.ContractKooDrive:
		return v.T("KooDrive interface")
	case muster.ContractFederation:
		return v.T("Federation interface")
	default:
		return v.T("Muster's own interface")
	}
}

// state names a state.
func (w words) state(s muster.State) string {
	switch s {
	case muster.StateWaiting:
		return w.T("waiting")
	case muster.StateChecking:
		return w.T("checking")
	case muster.StateRunning:
		return w.T("running")
	case muster.StateCancelling:
		return w.T("being cancelled")
	case muster.StateRefused:
		return w.T("refused")
	case muster.StateCancelled:
		return w.T("cancelled")
	case muster.StateFinished:
		return w.T("finished")
	default:
		return w.T("All")
	}
}

// stateKind is the kind of badge of a state.
func stateKind(b *muster.Batch) string {
	switch s := b.State(); {
	case s == muster.StateFinished && b.Failed == 0:
		return "good"
	case s == muster.StateFinished, s == muster.StateRefused:
		return "bad"
	case s == muster.StateCancelled:
		return ""
	default:
		return "busy"
	}
}

// purpose says what kind of batch it is; "" of one that just runs.
func (w words) purpose(b *muster.Batch) string {
	switch {
	case b.Mode == muster.ModeDryRun:
		return w.T("dry run")
	case b.Origin == muster.OriginCommit:
		return w.T("commit")
	case b.Origin == muster.OriginRetry:
		return w.T("retry")
	default:
		return ""
	}
}

// minSpan is how long a batch has to have run for its rate to mean something.
const minSpan = time.Second

// rate says how many rows a second a batch does, or did; "" while that means nothing. Rows of a commit that is checked count as
// they are checked.
func (v *visit) rate(b *muster.Batch) string {
	end := b.FinishedAt
	if end.IsZero() {
		end = v.Now()
	}
	span := end.Sub(b.StartedAt)
	done := b.Decided()
	if b.Mode == muster.ModeCheck {
		done = b.Checked
	}
	if b.StartedAt.IsZero() || span < minSpan || done == 0 {
		return ""
	}
	perSecond := float64(done) / span.Seconds()
	if perSecond < 10 {
		return v.T("%s rows/s", oneDigit(perSecond))
	}
	return v.T("%s rows/s", v.number(int64(perSecond)))
}
