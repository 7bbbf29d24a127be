package console

import (
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"muster"
	"muster/provision"
	"muster/spreadsheet"
	"muster/userfile"
)

// failureFormats are those in which rows that did not succeed can be downloaded.
var failureFormats = [...]spreadsheet.Format{spreadsheet.CSV, spreadsheet.XLSX, spreadsheet.NDJSON}

// batchFacts are what a batch's page shows.
type batchFacts struct {
	Progress *provision.Progress
	Reasons  []provision.ReasonCount
	Who      string
	Commit   muster.ID // the batch that commits this one; 0: none does
	Retry    muster.ID // likewise that retries its rows
	Rows     rowList
	faults   faults
}

// batch is the one that is shown.
func (f *batchFacts) batch() *muster.Batch { return &f.Progress.Batch }

func (v *visit) showBatch() error {
	filter, err := v.rowFilter()
	if err != nil {
		return err
	}
	return v.showBatchAs(http.StatusOK, filter, nil)
}

// showBatchAs shows the batch that the path names, and what was wrong with what was to be done with it.
func (v *visit) showBatchAs(status int, filter rowFilter, wrong faults) error {
	id, err := v.pathID("batch")
	if err != nil {
		return err
	}
	f := batchFacts{faults: wrong}
	if f.Progress, err = v.Engine.Progress(v.ctx(), v.tenant.ID, id); err != nil {
		return err
	}
	if f.Reasons, err = v.Batches.Reasons(v.ctx(), v.tenant.ID, id); err != nil {
		return err
	}
	if f.Rows, err = v.readRows(f.batch(), filter); err != nil {
		return err
	}
	if f.Commit, err = v.Batches.Successor(v.ctx(), v.tenant.ID, id, muster.OriginCommit); err != nil {
		return err
	}
	if f.Retry, err = v.Batches.Successor(v.ctx(), v.tenant.ID, id, muster.OriginRetry); err != nil {
		return err
	}
	if f.Who, err = v.submitter(f.batch()); err != nil {
		return err
	}
	return v.show(status, batchPage(v, &f))
}

// recordsLooked is how many records of the audit trail are looked at to find who submitted a batch.
const recordsLooked = 20

// submitter says who submitted a batch, as far as the audit trail still tells. That of one made of another one is recorded
// with that.
func (v *visit) submitter(b *muster.Batch) (string, error) {
	names, err := v.callers()
	if err != nil || b.AppID != "" {
		return v.caller(b, names), err
	}
	target := b.ID
	if b.Parent != 0 {
		target = b.Parent
	}
	page, err := v.Audit.Audit(v.ctx(), v.tenant.ID, muster.AuditQuery{
		Target: "batch " + target.String(), Until: b.AcceptedAt.Add(time.Minute), Limit: recordsLooked,
	})
	if err != nil {
		return "", err
	}
	operators, err := v.Operators.List(v.ctx(), v.operator)
	if err != nil {
		return "", err
	}
	trail := auditFacts{Operators: operators}
	for i := len(page.Records) - 1; i >= 0; i-- { // the earliest first
		if r := &page.Records[i]; b.Parent == 0 || strings.HasPrefix(r.Detail, "batch "+b.ID.String()+" ") {
			return trail.who(v, r), nil
		}
	}
	return v.caller(b, names), nil
}

// mayCancel, mayRetry and mayCommit report what can be done with a batch.
func (f *batchFacts) mayCancel() bool {
	b := f.batch()
	return !b.Finished() && b.Mode != muster.ModeCancelled && b.Mode != muster.ModeRefused
}

func (f *batchFacts) mayRetry() bool {
	b := f.batch()
	return b.Finished() && b.Failed > 0 && b.Mode != muster.ModeDryRun && b.Mode != muster.ModeRefused && f.Retry == 0
}

func (f *batchFacts) mayCommit(now time.Time) bool {
	b := f.batch()
	return b.Mode == muster.ModeDryRun && b.Finished() && now.Before(b.HeldUntil) && f.Commit == 0
}

func (v *visit) cancelBatch() error {
	id, err := v.pathID("batch")
	if err != nil {
		return err
	}
	if _, err := v.Engine.Cancel(v.ctx(), v.tenant.ID, id); err != nil {
		return v.refuseDeed(err)
	}
	return v.goTo("/batches/"+id.String(), v.T("The batch is cancelled: what was done stays, and the rest of its rows are not done."))
}

// refuseDeed shows the batch again, with why nothing was done.
func (v *visit) refuseDeed(err error) error {
	wrong, status, err := v.faultsOf(err)
	if err != nil {
		return err
	}
	return v.showBatchAs(status, rowFilter{}, wrong)
}

// followup is the batch that the path names, of which the operator wants another made.
func (v *visit) followup() (provision.Followup, error) {
	id, err := v.pathID("batch")
	return provision.Followup{Tenant: v.tenant.ID, Batch: id, ActorLevel: muster.LevelSystemAdmin}, err
}

func (v *visit) retryBatch() error {
	f, err := v.followup()
	if err != nil {
		return err
	}
	receipt, err := v.Engine.Retry(v.ctx(), f)
	if err != nil {
		return v.refuseDeed(err)
	}
	return v.goTo("/batches/"+receipt.Batch.String(), v.T("This batch does the rows again that failed."))
}

func (v *visit) commitBatch() error {
	f, err := v.followup()
	if err != nil {
		return err
	}
	receipt, err := v.Engine.Commit(v.ctx(), f, v.form("force") != "")
	if err != nil {
		return v.refuseDeed(err)
	}
	return v.goTo("/batches/"+receipt.Batch.String(), v.T("This batch does what the dry run predicted."))
}

// failureResults are the rows that a file of failures has, if the address does not say.
var failureResults = []muster.Result{muster.Failed, muster.Cancelled}

func (v *visit) downloadFailures(format spreadsheet.Format) error {
	id, err := v.pathID("batch")
	if err != nil {
		return err
	}
	results := failureResults
	if asked := v.r.URL.Query()["result"]; len(asked) > 0 {
		results = nil
		for _, name := range asked {
			result, known := resultNamed(name)
			if !known || result == muster.Succeeded {
				return v.nowhere()
			}
			results = append(results, result)
		}
	}
	list, err := userfile.FailuresOf(v.ctx(), v.Engine, v.tenant.ID, id, results, format)
	if err != nil {
		return err
	}
	return v.download("failures-"+id.String(), format, list.Write)
}

// fileQuery has a file of failures hold what the page shows: of other rows than its default, those alone.
func (f *batchFacts) fileQuery() string {
	if r := f.Rows.Filter.Result; r == muster.Skipped || r == muster.Failed || r == muster.Cancelled {
		return "?" + url.Values{"result": {r.String()}}.Encode()
	}
	return ""
}

// hasFile reports whether a file of failures would have rows.
func (f *batchFacts) hasFile() bool {
	b := f.batch()
	if f.Rows.Filter.Result == muster.Skipped {
		return b.Skipped > 0
	}
	return b.Failed+b.Cancelled > 0
}

// done is how many of a batch's rows are done, or of a commit that is checked are checked.
func done(b *muster.Batch) int {
	if b.Mode == muster.ModeCheck {
		return b.Checked
	}
	return b.Decided()
}

// percent is how much of a batch is done. It is 100 only at the end.
func percent(b *muster.Batch) int {
	if b.Total == 0 {
		return 0
	}
	return done(b) * 100 / b.Total
}

// standing says what a state means, where that is not plain.
func (w words) standing(b *muster.Batch) string {
	switch b.State() { //nolint:exhaustive // the others are plain
	case muster.StateWaiting:
		return w.T("It begins when it is its turn.")
	case muster.StateChecking:
		return w.N(int64(b.Differing), "It is checked whether the dry run still holds, before anybody is changed; so far %s row differs.",
			"It is checked whether the dry run still holds, before anybody is changed; so far %s rows differ.")
	case muster.StateCancelling:
		return w.T("What was done stays; the rest of the rows are not done.")
	default:
		return ""
	}
}

// remaining says how long a batch will take; "" where that is not known, or over.
func (w words) remaining(p *provision.Progress) string {
	if !p.Known || p.Batch.Finished() {
		return ""
	}
	seconds := int64(math.Ceil(p.Remaining.Seconds()))
	switch {
	case p.Remaining < time.Minute:
		return w.N(max(seconds, 1), "about %s second left", "about %s seconds left")
	case p.Remaining < time.Hour:
		return w.N((seconds+59)/60, "about %s minute left", "about %s minutes left")
	default:
		return w.N((seconds+3599)/3600, "about %s hour left", "about %s hours left")
	}
}

func oneDigit(f float64) string { return strconv.FormatFloat(f, 'f', 1, 64) }
