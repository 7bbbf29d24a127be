package client_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"muster/client"
)

func people(accounts ...string) []client.BatchRow {
	rows := make([]client.BatchRow, len(accounts))
	for i, account := range accounts {
		rows[i] = client.BatchRow{Account: account, FirstName: "Ann"}
	}
	return rows
}

func outcomes(t *testing.T, c *client.Client, id string, q client.RowQuery) (list []client.Outcome) {
	t.Helper()
	for o, err := range c.Batches().Rows(t.Context(), id, q) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, o)
	}
	return list
}

func TestTheLifeOfABatch(t *testing.T) {
	t.Parallel()
	_, c := setup(t, nil)
	b := c.Batches()
	dry, err := b.Create(t.Context(), client.NewBatch{Name: "new", Operation: client.Create, Match: client.ByAccount, DryRun: true, Rows: append(people("ann", "bo"), client.BatchRow{Account: "cy"})})
	if err != nil {
		t.Fatal(err)
	}
	if dry, err = b.Wait(t.Context(), dry.ID); err != nil || !dry.DryRun || dry.Succeeded != 2 || dry.Failed != 1 || dry.State != "finished" {
		t.Fatalf("%+v, %v", dry, err)
	}
	run, err := b.Commit(t.Context(), dry.ID, false)
	if err != nil {
		t.Fatal(err)
	}
	if run, err = b.Wait(t.Context(), run.ID); err != nil || run.ParentID != dry.ID || run.Succeeded != 2 {
		t.Fatalf("%+v, %v", run, err)
	}
	want := []client.Outcome{
		{Row: 1, Result: "succeeded", Effect: "created", Subject: "ann"}, {Row: 2, Result: "succeeded", Effect: "created", Subject: "bo"},
		{Row: 3, Result: "failed", Subject: "cy", Reason: "invalid", Field: "firstName", Detail: "A firstName or a displayName is needed."},
	}
	got := outcomes(t, c, run.ID, client.RowQuery{})
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(client.Outcome{}, "UserID")); diff != "" || got[0].UserID == "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
	if failed := outcomes(t, c, run.ID, client.RowQuery{Result: "failed", Reason: "invalid", From: 2}); len(failed) != 1 || failed[0].Row != 3 {
		t.Errorf("failed are %+v", failed)
	}
	reasons, err := b.Reasons(t.Context(), run.ID)
	if diff := cmp.Diff([]client.ReasonCount{{"succeeded", "", "created", 2}, {"failed", "invalid", "", 1}}, reasons); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	retry, err := b.Retry(t.Context(), run.ID)
	if err != nil || retry.Origin != "retry" || retry.Total != 1 {
		t.Errorf("%+v, %v", retry, err)
	}
	if cancelled, err := b.Cancel(t.Context(), run.ID); err != nil || cancelled.State != "finished" {
		t.Errorf("%+v, %v", cancelled, err)
	}
	var names []string
	for batch, err := range b.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, batch.ID)
	}
	if diff := cmp.Diff([]string{retry.ID, run.ID, dry.ID}, names); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for range b.Differences(t.Context(), run.ID) {
		t.Error("there is a difference")
	}
}

func TestRefusalsAreProblems(t *testing.T) {
	t.Parallel()
	_, c := setup(t, nil)
	_, err := c.Batches().Get(t.Context(), "77")
	if p := problem(t, err); p.Status != 404 || p.Detail == "" {
		t.Errorf("%+v", p)
	}
	_, err = c.Batches().Create(t.Context(), client.NewBatch{Operation: "erase", Match: client.ByAccount, Rows: people("ann")})
	if p := problem(t, err); p.Status != 422 || len(p.Errors) == 0 || p.Errors[0].Location != "body.operation" || !strings.Contains(err.Error(), "body.operation") {
		t.Errorf("%v: %+v", err, p)
	}
	_, err = c.Batches().Upload(t.Context(), strings.NewReader("account,Shoe size\nann,1\n"), client.FileOptions{Operation: client.Create, Match: client.ByAccount})
	if p := problem(t, err); p.Status != 422 || len(p.Errors) != 1 || p.Errors[0].Location != "column B" || p.Errors[0].Value != "Shoe size" {
		t.Errorf("%+v", p)
	}
	for _, err := range c.Batches().Follow(t.Context(), "77") {
		if p := problem(t, err); p.Status != 404 {
			t.Errorf("%+v", p)
		}
	}
	err = c.Batches().Failures(t.Context(), io.Discard, "77", "csv")
	if p := problem(t, err); p.Status != 404 {
		t.Errorf("%+v", p)
	}
	stranger, err := client.New("http://"+"127.0.0.1:1", client.Credentials{AppID: "a", Secret: "b"})
	if err != nil {
		t.Fatal(err)
	}
	stranger.Patience = -1
	if _, err := stranger.Batches().Get(t.Context(), "1"); err == nil {
		t.Error("nobody answers, and there is no error")
	}
}

// flaky loses answers after they were made, and is busy before.
type flaky struct {
	next     http.Handler
	busy     atomic.Int32 // answers 503 so many times
	lose     atomic.Int32 // loses the answers of so many requests
	requests atomic.Int32
}

func (f *flaky) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.requests.Add(1)
	switch {
	case f.busy.Add(-1) >= 0:
		w.Header().Set("Retry-After", "0")
		w.WriteHeader(http.StatusServiceUnavailable)
	case f.lose.Add(-1) >= 0:
		f.next.ServeHTTP(discard{http.Header{}}, r)
		panic(http.ErrAbortHandler)
	default:
		f.next.ServeHTTP(w, r)
	}
}

type discard struct{ header http.Header }

func (d discard) Header() http.Header       { return d.header }
func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) WriteHeader(int)             {}

// A lost answer is no lost batch and no double one, of rows as of files, whether these are on a disk or come through a pipe.
func TestWhatIsLostIsSentAgain(t *testing.T) {
	t.Parallel()
	f := &flaky{}
	_, c := setup(t, func(next http.Handler) http.Handler {
		f.next = next
		return f
	})
	const text = "account,name\nann,Ann\n"
	path := filepath.Join(t.TempDir(), "people.csv")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	upload := func(r io.Reader) func() (*client.Batch, error) {
		return func() (*client.Batch, error) {
			return c.Batches().Upload(t.Context(), r, client.FileOptions{Operation: client.Create, Match: client.ByAccount})
		}
	}
	made := 0
	for name, send := range map[string]func() (*client.Batch, error){
		"rows": func() (*client.Batch, error) {
			return c.Batches().Create(t.Context(), client.NewBatch{Operation: client.Create, Match: client.ByAccount, Rows: people("ann")})
		},
		"a file": upload(file),
		"a pipe": upload(io.MultiReader(strings.NewReader(text))),
	} {
		f.requests.Store(0)
		f.busy.Store(1)
		f.lose.Store(1)
		if b, err := send(); err != nil || b.Total != 1 || f.requests.Load() != 3 {
			t.Errorf("%s: %+v, %v after %d requests", name, b, err, f.requests.Load())
		}
		made++
		var all []string
		for b, err := range c.Batches().List(t.Context(), "") {
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, b.ID)
		}
		if len(all) != made {
			t.Errorf("%s: there are the batches %v, want %d", name, all, made)
		}
	}
}

// A file is begun at where it stands, and mended until all are in.
func TestFilesAreMended(t *testing.T) {
	t.Parallel()
	_, c := setup(t, nil)
	b := c.Batches()
	text := strings.NewReader("not this: account,Whose\nann,Ann\nbo,\n")
	if _, err := text.Seek(int64(len("not this: ")), io.SeekStart); err != nil {
		t.Fatal(err)
	}
	options := client.FileOptions{Name: "people.csv", Operation: client.Create, Match: client.ByAccount, Columns: map[string]string{"Whose": "displayName"}}
	p, err := b.Preview(t.Context(), text, options)
	if err != nil || len(p.Problems) > 0 || p.Rows != 2 || !p.Complete || p.Columns[1] != (client.PreviewColumn{Column: "B", Name: "Whose", Field: "displayName"}) {
		t.Fatalf("%+v, %v", p, err)
	}
	if _, err := text.Seek(int64(len("not this: ")), io.SeekStart); err != nil {
		t.Fatal(err)
	}
	batch, err := b.Upload(t.Context(), text, options)
	if err != nil {
		t.Fatal(err)
	}
	if batch, err = b.Wait(t.Context(), batch.ID); err != nil || batch.Name != "people.csv" || batch.Failed != 1 {
		t.Fatalf("%+v, %v", batch, err)
	}
	var list bytes.Buffer
	if err := b.Failures(t.Context(), &list, batch.ID, "csv", "failed"); err != nil {
		t.Fatal(err)
	}
	mended := strings.ReplaceAll(list.String(), ",bo,,,,,,", ",bo,,,,,Bo,")
	options.Columns = nil
	if batch, err = b.Upload(t.Context(), strings.NewReader(mended), options); err != nil {
		t.Fatalf("%v: %s", err, mended)
	}
	if batch, err = b.Wait(t.Context(), batch.ID); err != nil || batch.Succeeded != 1 || batch.Total != 1 {
		t.Errorf("%+v, %v", batch, err)
	}
	var template bytes.Buffer
	if err := b.Template(t.Context(), &template, "xlsx"); err != nil || !bytes.HasPrefix(template.Bytes(), []byte("PK")) {
		t.Errorf("%d bytes, %v", template.Len(), err)
	}
}

// Where events do not come through, or break off, the batch is asked for.
func TestFollowingWithoutEvents(t *testing.T) {
	t.Parallel()
	for name, events := range map[string]http.HandlerFunc{
		"not at all": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotImplemented) },
		"a page":     func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "welcome") },
		"one alone": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, "event: progress\ndata: {\"state\":\"waiting\",\"total\":1}\n\n")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var once sync.Once
			asked := false
			_, c := setup(t, func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if strings.HasSuffix(r.URL.Path, "/events") {
						once.Do(func() { asked = true })
						events(w, r)
						return
					}
					next.ServeHTTP(w, r)
				})
			})
			batch, err := c.Batches().Create(t.Context(), client.NewBatch{Operation: client.Create, Match: client.ByAccount, Rows: people("ann")})
			if err != nil {
				t.Fatal(err)
			}
			var last *client.Batch
			for b, err := range c.Batches().Follow(t.Context(), batch.ID) {
				if err != nil {
					t.Fatal(err)
				}
				last = b
			}
			if !asked || last == nil || !last.Finished() || last.Succeeded != 1 {
				t.Errorf("it ended with %+v", last)
			}
		})
	}
}

// The operator's side takes the same calls, unsigned, of the tenant that the client is for.
func TestTheOperatorsClient(t *testing.T) {
	t.Parallel()
	in, _ := setup(t, nil)
	c := client.NewOperator(handled{in.operator}, in.tenant)
	batch, err := c.Batches().Upload(t.Context(), io.MultiReader(strings.NewReader("account,name\nann,Ann\n")), client.FileOptions{Operation: client.Create, Match: client.ByAccount})
	if err != nil {
		t.Fatal(err)
	}
	if batch, err = c.Batches().Wait(t.Context(), batch.ID); err != nil || batch.Succeeded != 1 {
		t.Errorf("%+v, %v", batch, err)
	}
}

func TestRowsAreNotPrinted(t *testing.T) {
	t.Parallel()
	if text := fmt.Sprintf("%v %+v %#v", people("ann"), client.BatchRow{Password: "Correct-Horse7"}, client.NewBatch{Rows: people("ann")}); strings.Contains(text, "ann") || strings.Contains(text, "Horse") {
		t.Error(text)
	}
}

func TestFollowingEndsWithItsContext(t *testing.T) {
	t.Parallel()
	_, c := setup(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range c.Batches().Follow(ctx, "77") {
		if err == nil {
			t.Error("it goes on")
		}
	}
}
