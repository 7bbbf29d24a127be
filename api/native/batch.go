package native

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"muster"
	"muster/provision"
)

const (
	// MaxBatch is the most rows of one batch.
	MaxBatch = 10_000
	// MaxBatchBody bounds the body that submits a batch, in bytes.
	MaxBatchBody = 16 << 20
)

// Submitter accepts batches; [*provision.Engine] is one. When Submit returns nil the batch is durable, and runs by itself.
type Submitter interface {
	Submit(ctx context.Context, s provision.Submission) (provision.Receipt, error)
}

// BatchReader reads batches. Batch and outcomes of one page are of one moment; from is the position of the first row wanted
// and limit the most rows. KindNotFound for a batch that is not there, another tenant's, or another contract's.
type BatchReader interface {
	BatchPage(ctx context.Context, tenant, batch muster.ID, contract muster.Contract, from, limit int) (*muster.BatchPage, error)
}

// NewBatch is the body that submits rows.
type NewBatch struct {
	Operation  string     `json:"operation" enum:"create" doc:"what becomes of every row"`
	Department muster.ID  `json:"departmentId,omitempty" doc:"where users come who name no department, and from where the others name theirs; absent is the root department"`
	Match      string     `json:"match" enum:"account,phone,email" doc:"the field that tells who is meant; email only where the tenant has uniqueEmail"`
	OnExisting string     `json:"onExisting,omitempty" enum:"skip,fail" doc:"what becomes of a row whose user exists; absent is skip"`
	Rows       []BatchRow `json:"rows" nullable:"false" minItems:"1" maxItems:"10000" doc:"done in this order"`
}

// Format prints no row, whatever the verb.
func (b NewBatch) Format(s fmt.State, _ rune) {
	_, _ = fmt.Fprintf(s, "new batch of %d rows", len(b.Rows))
}

// BatchRow is a user to be made. A field that breaks a rule fails its row alone. The field that the batch matches by is
// needed, and a firstName or a displayName; null and a text that is empty count
// as absent.
type BatchRow struct {
	Account      string   `json:"account,omitempty" nullable:"true" doc:"1 to 256 characters without spaces"`
	Phone        string   `json:"phone,omitempty" nullable:"true" doc:"5 to 20 digits, with + or 00 in front if international, spaces and dashes between"`
	Email        string   `json:"email,omitempty" nullable:"true" doc:"one address of at most 254 characters"`
	FirstName    string   `json:"firstName,omitempty" nullable:"true" doc:"at most 64 characters"`
	Surname      string   `json:"surname,omitempty" nullable:"true" doc:"at most 64 characters"`
	DisplayName  string   `json:"displayName,omitempty" nullable:"true" doc:"at most 64 characters"`
	Password     string   `json:"password,omitempty" nullable:"true" writeOnly:"true" doc:"by the tenant's rule; absent is a user who waits for activation"`
	PasswordHash string   `json:"passwordHash,omitempty" nullable:"true" writeOnly:"true" doc:"instead of password: what another system made of it, as bcrypt, Argon2id or Argon2i, scrypt or Firebase's, PBKDF2, LDAP's {SSHA} and the like, md5crypt or SHA-crypt, in one text; replaced by a hash of Muster's own when the user first signs in"`
	AdminLevel   *int     `json:"adminLevel,omitempty" doc:"0 department administrator, 1 common user, 2 system administrator, 5 member with management permissions; absent is 1"`
	RoleIDs      []string `json:"roleIds,omitempty" nullable:"true" doc:"at most 256"`
	Department   string   `json:"department,omitempty" nullable:"true" doc:"a department's name, or names joined by slashes, from the batch's department downwards"`
	CapacityGB   *int64   `json:"capacityGB,omitempty" doc:"1 to 1048576 to be taken from the tenant's personal space, or 0 for none; absent is 0"`
	Allocate     *bool    `json:"allocateCapacity,omitempty" doc:"whether capacity is to be taken; false wants capacityGB 0, true 1 or more; absent is what capacityGB says"`
}

// Format prints no field, whatever the verb.
func (BatchRow) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "row") }

// Batch is how a batch stands. Its counters and its state are of one moment.
type Batch struct {
	ID         muster.ID `json:"id"`
	State      string    `json:"state" enum:"waiting,running,finished" doc:"waiting: no row has its outcome yet; finished: every row has"`
	Total      int       `json:"total"`
	Succeeded  int       `json:"succeeded"`
	Failed     int       `json:"failed"`
	Skipped    int       `json:"skipped"`
	AcceptedAt time.Time `json:"acceptedAt"`
	FinishedAt time.Time `json:"finishedAt,omitzero" doc:"absent until the batch is finished"`
}

// The states of a batch.
const (
	BatchWaiting  = "waiting"
	BatchRunning  = "running"
	BatchFinished = "finished"
)

// BatchOutcome is the answer to one row.
type BatchOutcome struct {
	Row     int       `json:"row" doc:"number in the batch's rows, from 1"`
	Result  string    `json:"result" enum:"succeeded,failed,skipped"`
	User    muster.ID `json:"userId,omitempty" doc:"who was made or found"`
	Subject string    `json:"subject,omitempty" doc:"the value that the row was matched by, as sent"`
	Reason  string    `json:"reason,omitempty" example:"exists" doc:"why the row failed or was skipped, in a word"`
	Field   string    `json:"field,omitempty" doc:"the field at fault, if it is one"`
	Detail  string    `json:"detail,omitempty" doc:"why, in a sentence"`
}

// BatchRows is a page of a batch's outcomes, in list order.
type BatchRows struct {
	Rows []BatchOutcome `json:"rows" nullable:"false"`
	Next int            `json:"next,omitempty" doc:"from of the next page; absent once every row of the batch was given. Outcomes that are not there yet come later: an empty page has a next, too"`
}

// accepted answers a submission.
type accepted struct {
	Location string `header:"Location" doc:"where to read how the batch stands"`
	Body     Batch
}

// pathBatchID is a batch's id in a path.
type pathBatchID struct{ pathID }

// Schema is for huma.
func (p pathBatchID) Schema(r huma.Registry) *huma.Schema {
	s := p.pathID.Schema(r)
	s.Description = "the batch's id"
	return s
}

// submission is a request that submits a batch.
type submission struct {
	Tenant pathID `path:"tenant"`
	Key    string `header:"Idempotency-Key" maxLength:"255" pattern:"^[!-~]+$" doc:"makes the request safe to send again for 24 hours: the same key and body give the first batch"`
	Body   NewBatch

	RawBody []byte
}

func (a *api) addBatches(h huma.API) {
	const tag = "Batches"
	const all, one = "/tenants/{tenant}/batches", "/tenants/{tenant}/batches/{batch}"
	submit := operation("create-batch", http.MethodPost, all, "Submit users to be provisioned", tag, http.StatusAccepted)
	submit.MaxBodyBytes = MaxBatchBody
	huma.Register(h, submit, func(ctx context.Context, in *submission) (*accepted, error) {
		b, err := a.submit(ctx, in)
		if err != nil {
			return nil, a.problem(ctx, err)
		}
		location := Prefix + "/tenants/" + in.Tenant.id.String() + "/batches/" + b.ID.String()
		return &accepted{Location: location, Body: batchOf(b)}, nil
	})
	huma.Register(h, operation("get-batch", http.MethodGet, one, "Read how a batch stands", tag, http.StatusOK),
		func(ctx context.Context, in *struct {
			Tenant pathID      `path:"tenant"`
			Batch  pathBatchID `path:"batch"`
		}) (*answer[Batch], error) {
			page, err := a.Batches.BatchPage(ctx, in.Tenant.id, in.Batch.id, muster.ContractNative, 0, 0)
			if err != nil {
				return nil, a.problem(ctx, err)
			}
			return &answer[Batch]{Body: batchOf(&page.Batch)}, nil
		})
	huma.Register(h, operation("list-batch-rows", http.MethodGet, one+"/rows", "List the outcomes of a batch's rows", tag, http.StatusOK),
		func(ctx context.Context, in *struct {
			Tenant pathID      `path:"tenant"`
			Batch  pathBatchID `path:"batch"`
			From   int         `query:"from" minimum:"1" maximum:"10000" default:"1" doc:"number of the first row wanted"`
			Limit  int         `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"rows on a page"`
		}) (*answer[BatchRows], error) {
			page, err := a.Batches.BatchPage(ctx, in.Tenant.id, in.Batch.id, muster.ContractNative, in.From-1, in.Limit)
			if err != nil {
				return nil, a.problem(ctx, err)
			}
			return &answer[BatchRows]{Body: rowsOf(page, in.From)}, nil
		})
}

func (a *api) submit(ctx context.Context, in *submission) (*muster.Batch, error) {
	tenant := in.Tenant.id
	rows, err := a.rows(ctx, tenant, &in.Body)
	if err != nil {
		return nil, err
	}
	s := provision.Submission{Tenant: tenant, ActorLevel: actorOf(ctx).Level, Contract: muster.ContractNative, Rows: rows}
	if in.Key != "" {
		s.Idempotency = &provision.Idempotency{Key: []byte("native\nbatches\n" + in.Key), Body: in.RawBody}
	}
	receipt, err := a.Submitter.Submit(ctx, s)
	if err != nil {
		return nil, err
	}
	page, err := a.Batches.BatchPage(ctx, tenant, receipt.Batch, muster.ContractNative, 0, 0)
	if err != nil {
		return nil, err
	}
	return &page.Batch, nil
}

var (
	matchKeys  = map[string]muster.Key{"account": muster.KeyAccount, "phone": muster.KeyPhone, "email": muster.KeyEmail}
	onExisting = map[string]muster.OnExisting{"": muster.SkipExisting, "skip": muster.SkipExisting, "fail": muster.FailExisting}
)

// rows makes rows of a batch, and refuses what would fail every one of them.
func (a *api) rows(ctx context.Context, tenant muster.ID, b *NewBatch) ([]muster.Row, error) {
	t, err := a.Access.Tenant(ctx, tenant)
	if err != nil {
		return nil, err
	}
	match := matchKeys[b.Match]
	if match == muster.KeyEmail && !t.Settings.UniqueEmail {
		return nil, &muster.Error{
			Kind: muster.KindInvalid, Field: "match",
			Detail: "match can be email only where the tenant has uniqueEmail: else it does not tell who is meant.",
		}
	}
	base := t.RootDepartment
	if b.Department != 0 {
		d, err := a.Departments.Get(ctx, tenant, actorOf(ctx), b.Department)
		if err != nil {
			return nil, err
		}
		base = d.ID
	}
	rows := make([]muster.Row, len(b.Rows))
	for i := range b.Rows {
		rows[i] = b.Rows[i].domain()
		rows[i].Department, rows[i].Match, rows[i].OnExisting = base, match, onExisting[b.OnExisting]
	}
	return rows, nil
}

// domain is the row without what the batch says of it.
func (r *BatchRow) domain() muster.Row {
	row := muster.Row{
		Action: muster.ActionCreate, Set: r.texts() | muster.FieldDepartment,
		Account: r.Account, Phone: r.Phone, Email: r.Email,
		FirstName: r.FirstName, Surname: r.Surname, DisplayName: r.DisplayName,
		Password: r.Password, PasswordHash: r.PasswordHash, Roles: r.RoleIDs, DepartmentPath: r.Department,
	}
	if r.RoleIDs != nil {
		row.Set |= muster.FieldRoles
	}
	if r.AdminLevel != nil {
		row.Set |= muster.FieldLevel
		row.Level = levelOf(*r.AdminLevel)
	}
	if r.CapacityGB != nil || r.Allocate != nil {
		row.Set |= muster.FieldCapacity
		set(&row.CapacityGB, r.CapacityGB)
		row.Allocate = row.CapacityGB != 0
		set(&row.Allocate, r.Allocate)
	}
	return row
}

// texts are the fields that the row has, of those that are absent when they are empty.
func (r *BatchRow) texts() (set muster.FieldSet) {
	for _, f := range [...]struct {
		text  string
		field muster.FieldSet
	}{
		{r.Account, muster.FieldAccount}, {r.Phone, muster.FieldPhone}, {r.Email, muster.FieldEmail},
		{r.FirstName, muster.FieldFirstName}, {r.Surname, muster.FieldSurname}, {r.DisplayName, muster.FieldDisplayName},
		{r.Password, muster.FieldPassword}, {r.PasswordHash, muster.FieldPassword},
	} {
		if f.text != "" {
			set |= f.field
		}
	}
	return set
}

// levelOf keeps a number that no level has from becoming one that has fewer bits.
func levelOf(n int) muster.AdminLevel {
	const none = 255
	if n < 0 || n > none {
		return none
	}
	return muster.AdminLevel(n)
}

func batchOf(b *muster.Batch) Batch {
	wire := Batch{
		ID: b.ID, State: BatchRunning, Total: b.Total, Succeeded: b.Succeeded, Failed: b.Failed, Skipped: b.Skipped,
		AcceptedAt: b.AcceptedAt, FinishedAt: b.FinishedAt,
	}
	switch {
	case b.Finished():
		wire.State = BatchFinished
	case b.Decided() == 0:
		wire.State = BatchWaiting
	}
	return wire
}

func rowsOf(page *muster.BatchPage, from int) BatchRows {
	wire := BatchRows{Rows: make([]BatchOutcome, len(page.Outcomes))}
	for i := range page.Outcomes {
		wire.Rows[i] = outcomeOf(&page.Outcomes[i])
	}
	if next := from + len(page.Outcomes); next <= page.Batch.Total {
		wire.Next = next
	}
	return wire
}

func outcomeOf(o *muster.Outcome) BatchOutcome {
	wire := BatchOutcome{Row: o.Row + 1, Result: o.Result.String(), User: o.User, Subject: o.Subject, Field: o.Field, Detail: o.Detail}
	if o.Reason != muster.ReasonNone {
		wire.Reason = o.Reason.String()
	}
	if o.Field == "personalCapacity" { // KooDrive's name of it
		wire.Field = "capacityGB"
	}
	switch o.Reason { //nolint:exhaustive // the others' details are sentences
	case muster.ReasonNoDepartment:
		wire.Detail = fmt.Sprintf("There is no department %q here.", o.Detail)
	case muster.ReasonAmbiguousDepartment:
		wire.Detail = fmt.Sprintf("Several departments are called %q: name one by its path.", o.Detail)
	case muster.ReasonRoleNotFound:
		wire.Detail = "The tenant has no role " + strings.TrimSpace(o.Detail) + "."
	}
	return wire
}
