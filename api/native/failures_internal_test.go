package native

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"muster"
	"muster/provision"
)

// brokenEngine has more failures than a workbook has room for, of which the second page cannot be read.
type brokenEngine struct{ Engine }

func (brokenEngine) FailuresOf(_ context.Context, _, id muster.ID, _ []muster.Result, from, limit int) (*muster.Batch, []provision.Failure, error) {
	if from > 0 {
		return nil, nil, errors.New("the disk is gone")
	}
	page := make([]provision.Failure, limit)
	for i := range page {
		page[i] = provision.Failure{Outcome: muster.Outcome{Row: i, Result: muster.Failed}, Row: muster.Row{Account: "ann"}}
	}
	return &muster.Batch{ID: id, Total: 300_000, Failed: 70_000, Cancelled: 30_001, Skipped: 5}, page, nil
}

// A list that breaks off is not to be taken for a whole one, and one for which there is no room is not begun.
func TestListsOfFailuresThatCannotBeWhole(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	server := httptest.NewServer(New(Config{Engine: brokenEngine{}, Logger: slog.New(slog.NewTextHandler(&log, nil))}))
	defer server.Close()
	get := func(list string) *http.Response {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+Prefix+"/tenants/1/batches/2/failures."+list, nil)
		if err != nil {
			t.Fatal(err)
		}
		r, err := server.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for _, ext := range []string{"csv", "ndjson"} {
		r := get(ext)
		text, err := io.ReadAll(r.Body)
		if !errors.Is(err, io.ErrUnexpectedEOF) || r.StatusCode != http.StatusOK || !strings.Contains(string(text), "ann") {
			t.Errorf("%s: %d, %d bytes, %v", ext, r.StatusCode, len(text), err)
		}
		_ = r.Body.Close()
	}
	r := get("xlsx")
	text, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(string(text), "take failures.csv") {
		t.Errorf("of 100,001 rows: %d %s, %v", r.StatusCode, text, err)
	}
	_ = r.Body.Close()
	server.Close()
	if !strings.Contains(log.String(), "the disk is gone") {
		t.Errorf("the log has %s", &log)
	}
}
