package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Batches are a tenant's batches, through Muster's own API. Refusals are [*Problem]s.
type Batches struct{ c *Client }

// Batches gives access to batches through Muster's own API.
func (c *Client) Batches() Batches { return Batches{c} }

// Operation is what becomes of a user.
type Operation string

// The operations.
const (
	Create  Operation = "create"
	Update  Operation = "update"
	Upsert  Operation = "upsert"
	Disable Operation = "disable"
	Enable  Operation = "enable"
	Delete  Operation = "delete"
)

// Key is the field that tells who is meant.
type Key string

// The keys.
const (
	ByAccount Key = "account"
	ByPhone   Key = "phone"
	ByEmail   Key = "email" // only where the tenant has uniqueEmail
	ByID      Key = "id"
)

// OnExisting is what becomes of a row that creates and whose user exists.
type OnExisting string

// What may become of it; "" is skip, and for [Upsert] update.
const (
	SkipExisting   OnExisting = "skip"
	UpdateExisting OnExisting = "update"
	FailExisting   OnExisting = "fail"
)

// NewBatch is a batch of at most 10,000 rows; [Batches.Upload] takes more.
type NewBatch struct {
	Name         string     `json:"name,omitempty"`         // at most 255 bytes
	Operation    Operation  `json:"operation,omitempty"`    // of the rows that have none of their own
	Match        Key        `json:"match"`                  //
	OnExisting   OnExisting `json:"onExisting,omitempty"`   //
	UpdateFields []string   `json:"updateFields,omitempty"` // what rows may change of users who exist; nil: all that they have
	DepartmentID string     `json:"departmentId,omitempty"` // where new users come, and from where rows name departments; "": the root
	DryRun       bool       `json:"dryRun,omitempty"`       // predict the outcomes, change nobody; see [Batches.Commit]
	Rows         []BatchRow `json:"rows"`                   // done in this order
}

// BatchRow is what becomes of one user. Fields that are empty, or nil, are absent.
type BatchRow struct {
	Operation        Operation `json:"operation,omitempty"` // in place of the batch's
	ID               string    `json:"id,omitempty"`        // where the batch matches by id
	Account          string    `json:"account,omitempty"`
	Phone            string    `json:"phone,omitempty"`
	Email            string    `json:"email,omitempty"`
	FirstName        string    `json:"firstName,omitempty"`
	Surname          string    `json:"surname,omitempty"`
	DisplayName      string    `json:"displayName,omitempty"`
	Password         string    `json:"password,omitempty"`
	PasswordHash     string    `json:"passwordHash,omitempty"` // in place of Password: another system's
	AdminLevel       *int      `json:"adminLevel,omitempty"`   // 0, 1, 2 or 5
	RoleIDs          []string  `json:"roleIds,omitempty"`
	Department       string    `json:"department,omitempty"` // its name, or names joined by slashes
	CapacityGB       *int64    `json:"capacityGB,omitempty"`
	AllocateCapacity *bool     `json:"allocateCapacity,omitempty"`
	Status           string    `json:"status,omitempty"` // enabled or disabled
	Clear            []string  `json:"clear,omitempty"`  // fields that are taken away
}

// Format prints nothing of a person, whatever the verb.
func (BatchRow) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[row]") }

// Batch is how a batch stands.
type Batch struct {
	ID               string    `json:"id"`
	Name             string    `json:"name"`
	Contract         string    `json:"contract"` // native, koodrive or federation: through which interface it came
	State            string    `json:"state"`    // waiting, checking, running, cancelling, refused, cancelled or finished
	Mode             string    `json:"mode"`     // run, dry-run, check, refused or cancelled
	DryRun           bool      `json:"dryRun"`
	Total            int       `json:"total"`
	Succeeded        int       `json:"succeeded"`
	Failed           int       `json:"failed"`
	Skipped          int       `json:"skipped"`
	Cancelled        int       `json:"cancelled"`
	ParentID         string    `json:"parentId"` // the batch that it was made of; "": none
	Origin           string    `json:"origin"`   // commit or retry: how it was made of that
	Guarded          bool      `json:"guarded"`
	Checked          int       `json:"checked"`   // of a commit: rows of which is known whether the prediction still holds
	Differing        int       `json:"differing"` // those of them whose prediction does not
	Source           string    `json:"source"`
	DisablesWithheld int       `json:"disablesWithheld"`
	AcceptedAt       time.Time `json:"acceptedAt"`
	StartedAt        time.Time `json:"startedAt"`        // zero until the first row was done, or checked
	FinishedAt       time.Time `json:"finishedAt"`       // zero until every row has its outcome
	HeldUntil        time.Time `json:"heldUntil"`        // of a dry run: until when it can be committed
	RemainingSeconds *int64    `json:"remainingSeconds"` // nil while that is not known
}

// Finished reports whether every row has its outcome.
func (b *Batch) Finished() bool { return !b.FinishedAt.IsZero() }

// Outcome is the answer to one row.
type Outcome struct {
	Row     int    `json:"row"`     // number in the batch's rows, from 1
	Result  string `json:"result"`  // succeeded, failed, skipped or cancelled
	UserID  string `json:"userId"`  // who was made or found; "" if nobody
	Subject string `json:"subject"` // the value that the row was matched by, as sent
	Effect  string `json:"effect"`  // what it did: created, changed, unchanged, enabled, disabled or deleted; "" if the row did not succeed
	Reason  string `json:"reason"`  // a word, such as exists; "" if the row succeeded
	Field   string `json:"field"`   // the field at fault, if it is one
	Detail  string `json:"detail"`  // why, in a sentence
}

// ReasonCount is how many of a batch's rows ended in one way.
type ReasonCount struct {
	Result string `json:"result"`
	Reason string `json:"reason"`
	Effect string `json:"effect"` // what rows that succeeded did
	Rows   int    `json:"rows"`
}

// Create submits rows. It makes an idempotency key of its own, so that a lost answer is no lost batch and no double one.
func (b Batches) Create(ctx context.Context, n NewBatch) (*Batch, error) {
	batch := new(Batch)
	_, err := b.c.native(ctx, nativeCall{method: http.MethodPost, path: "/batches", in: n, header: idempotent()}, batch)
	return orNil(batch, err)
}

func orNil[T any](v *T, err error) (*T, error) {
	if err != nil {
		return nil, err
	}
	return v, nil
}

func batchAt(id string) string { return "/batches/" + url.PathEscape(id) }

// Get reads how a batch stands.
func (b Batches) Get(ctx context.Context, id string) (*Batch, error) {
	batch := new(Batch)
	_, err := b.c.native(ctx, nativeCall{method: http.MethodGet, path: batchAt(id)}, batch)
	return orNil(batch, err)
}

// List gives the batches in a state, the newest first; "" is all, and "unfinished" those with rows that have no outcome yet.
// An error ends it, and comes with a zero Batch.
func (b Batches) List(ctx context.Context, state string) iter.Seq2[Batch, error] {
	return func(yield func(Batch, error) bool) {
		query := url.Values{"limit": {strconv.Itoa(MaxPage)}}
		if state != "" {
			query.Set("state", state)
		}
		for {
			var page struct {
				Batches []Batch `json:"batches"`
				Next    string  `json:"nextCursor"`
			}
			if _, err := b.c.native(ctx, nativeCall{method: http.MethodGet, path: "/batches", query: query}, &page); err != nil {
				yield(Batch{}, err)
				return
			}
			for i := range page.Batches {
				if !yield(page.Batches[i], nil) {
					return
				}
			}
			if page.Next == "" {
				return
			}
			query.Set("cursor", page.Next)
		}
	}
}

// RowQuery says which rows; the zero value is all that have their outcome.
type RowQuery struct {
	From   int    // number of the first row; 0 is 1
	Result string // "": any
	Reason string // "": any
}

// Rows gives the outcomes that there are, in list order. An error ends it, and comes with a zero Outcome.
func (b Batches) Rows(ctx context.Context, id string, q RowQuery) iter.Seq2[Outcome, error] {
	query := url.Values{"limit": {strconv.Itoa(MaxPage)}}
	if q.Result != "" {
		query.Set("result", q.Result)
	}
	if q.Reason != "" {
		query.Set("reason", q.Reason)
	}
	return b.outcomes(ctx, batchAt(id)+"/rows", query, q.From)
}

// Differences gives what a commit that was refused found to be otherwise than its dry run had predicted, in list order. An error ends
// it, and comes with a zero Outcome.
func (b Batches) Differences(ctx context.Context, id string) iter.Seq2[Outcome, error] {
	return b.outcomes(ctx, batchAt(id)+"/differences", url.Values{"limit": {strconv.Itoa(MaxPage)}}, 0)
}

func (b Batches) outcomes(ctx context.Context, path string, query url.Values, from int) iter.Seq2[Outcome, error] {
	return func(yield func(Outcome, error) bool) {
		for next := max(from, 1); next != 0; {
			query.Set("from", strconv.Itoa(next))
			var page struct {
				Rows        []Outcome `json:"rows"`
				Differences []Outcome `json:"differences"`
				Next        int       `json:"next"`
			}
			if _, err := b.c.native(ctx, nativeCall{method: http.MethodGet, path: path, query: query}, &page); err != nil {
				yield(Outcome{}, err)
				return
			}
			rows := append(page.Rows, page.Differences...)
			for i := range rows {
				if !yield(rows[i], nil) {
					return
				}
			}
			if next = page.Next; len(rows) == 0 {
				return
			}
		}
	}
}

// Reasons counts a batch's rows by result, and by reason or effect.
func (b Batches) Reasons(ctx context.Context, id string) ([]ReasonCount, error) {
	var answer struct {
		Reasons []ReasonCount `json:"reasons"`
	}
	_, err := b.c.native(ctx, nativeCall{method: http.MethodGet, path: batchAt(id) + "/reasons"}, &answer)
	return answer.Reasons, err
}

// Cancel gives the rows without outcome the outcome cancelled; what was done stays.
func (b Batches) Cancel(ctx context.Context, id string) (*Batch, error) {
	return b.post(ctx, id, "/cancel", nil)
}

// Retry runs those rows of a finished batch again that failed, as a batch of their own. A second call gives the first's.
func (b Batches) Retry(ctx context.Context, id string) (*Batch, error) {
	return b.post(ctx, id, "/retry", nil)
}

// Commit runs the rows of a finished dry run, as a batch of their own. Unless force is set, nobody is changed if a row would have
// another outcome than predicted: the batch is refused then. A second call gives the first's, unless that was refused.
func (b Batches) Commit(ctx context.Context, id string, force bool) (*Batch, error) {
	return b.post(ctx, id, "/commit", struct {
		Force bool `json:"force,omitempty"`
	}{force})
}

func (b Batches) post(ctx context.Context, id, what string, in any) (*Batch, error) {
	batch := new(Batch)
	_, err := b.c.native(ctx, nativeCall{method: http.MethodPost, path: batchAt(id) + what, in: in}, batch)
	return orNil(batch, err)
}

// Failures writes a batch's rows that did not succeed, as they were sent and with the reasons, to be mended and uploaded again:
// format is csv, xlsx or ndjson, and results are failed, cancelled and skipped, none of them being the first two. After an
// error, what was written is not whole.
func (b Batches) Failures(ctx context.Context, w io.Writer, id, format string, results ...string) error {
	query := url.Values{}
	for _, result := range results {
		query.Add("result", result)
	}
	return b.c.download(ctx, w, batchAt(id)+"/failures."+url.PathEscape(format), query)
}

// download writes an answer as it comes.
func (c *Client) download(ctx context.Context, w io.Writer, path string, query url.Values) error {
	answer, err := c.stream(ctx, nativeCall{method: http.MethodGet, path: path, query: query})
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if _, err := io.Copy(w, answer.Body); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return fmt.Errorf("client: the answer broke off: %w", err)
		}
		return fmt.Errorf("client: %w", err)
	}
	return nil
}
