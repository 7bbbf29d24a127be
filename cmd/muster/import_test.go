package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	jsonv2 "github.com/go-json-experiment/json"

	"muster/api/native"
)

func TestRowsAreReadAsTheyAre(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		want []string // nil is a refusal
	}{
		"a list":               {` [ {"phone":"1"} , {} ] `, []string{`{"phone":"1"}`, `{}`}},
		"one after the other":  {"{\"phone\":\"1\"}\n\n{}{}\r\n", []string{`{"phone":"1"}`, `{}`, `{}`}},
		"one":                  {`{"capacityGB":null}`, []string{`{"capacityGB":null}`}},
		"a mark in front":      {"\ufeff[{}]", []string{`{}`}},
		"a mark within":        {"[\ufeff{}]", nil},
		"nothing":              {" \n", nil},
		"an empty list":        {"[]", nil},
		"a list of lists":      {"[[{}]]", nil},
		"a list that ends not": {"[{}", nil},
		"two lists":            {"[{}][{}]", nil},
		"a list, then a row":   {"[{}] {}", nil},
		"a row, then a list":   {"{} [{}]", nil},
		"no comma":             {"[{}{}]", nil},
		"commas between rows":  {"{},{}", nil},
		"letter case":          {`{"Phone":"1"}`, nil},
		"a float":              {`{"capacityGB":1.5}`, nil},
		"bytes that are none":  {"{\"account\":\"\xff\"}", nil},
	} {
		rows, err := readRows(strings.NewReader(c.text))
		got := make([]string, len(rows))
		for i := range rows {
			got[i] = string(rows[i])
		}
		if (err == nil) != (c.want != nil) || err == nil && fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s: %q, %v; want %q", name, got, err, c.want)
		}
	}
	broken := errors.New("the disk is gone")
	if _, err := readRows(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("a file that cannot be read: %v", err)
	}
}

func TestRowsFitIntoBatches(t *testing.T) {
	t.Parallel()
	row := func(bytes int) json.RawMessage { return make(json.RawMessage, bytes) }
	many := func(n, bytes int) []json.RawMessage {
		rows := make([]json.RawMessage, n)
		for i := range rows {
			rows[i] = row(bytes)
		}
		return rows
	}
	for name, c := range map[string]struct {
		rows []json.RawMessage
		want int
	}{
		"one":                     {many(1, 2), 1},
		"as many as a batch has":  {many(native.MaxBatch, 2), native.MaxBatch},
		"one more":                {many(native.MaxBatch+1, 2), native.MaxBatch},
		"of a MiB each":           {many(20, 1<<20), 15},
		"one that is far too big": {append(many(1, 17<<20), many(1, 2)...), 1},
	} {
		if got := fitting(c.rows); got != c.want {
			t.Errorf("%s: %d fit, want %d", name, got, c.want)
		}
	}
}

// A file of several batches is one import: its rows are numbered as in the file.
func TestAnImportOfSeveralBatches(t *testing.T) {
	t.Parallel()
	dir, _ := initialised(t)
	var file bytes.Buffer
	for i := range native.MaxBatch + 1 {
		fmt.Fprintf(&file, "{\"account\":\"user-%d\",\"firstName\":\"Ann\"}\n", i)
	}
	file.WriteString(`{"account":"user-0","firstName":"Ann"}`)
	name := filepath.Join(t.TempDir(), "users.ndjson")
	if err := os.WriteFile(name, file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, trouble bytes.Buffer
	code := Main(t.Context(), []string{"import", name, "--match", "account", "--data", dir, "--output", "json"}, stdio{In: strings.NewReader(""), Out: &out, Err: &trouble})
	var report batchReport
	if err := json.Unmarshal(out.Bytes(), &report); err != nil || code != exitOK {
		t.Fatalf("exit code %d, %v: %s", code, err, trouble.String())
	}
	if report.Rows != 10_002 || report.Succeeded != 10_001 || report.Skipped != 1 || len(report.Batches) != 2 {
		t.Errorf("%d rows, %d succeeded, %d skipped, in %d batches", report.Rows, report.Succeeded, report.Skipped, len(report.Batches))
	}
	if len(report.Outcomes) != 1 || report.Outcomes[0].Row != 10_002 || report.Outcomes[0].Reason != "exists" {
		t.Errorf("outcomes that need a look: %+v", report.Outcomes)
	}
}

func FuzzRows(f *testing.F) {
	for _, s := range []string{`[{"phone":"1"},{}]`, "{}\n{}", "\ufeff[]", `{"adminLevel":1e99}`, `[{"roleIds":[null]}]`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		rows, err := readRows(strings.NewReader(s))
		if err != nil {
			return
		}
		for _, row := range rows {
			var r native.BatchRow
			if err := jsonv2.Unmarshal(row, &r); err != nil {
				t.Errorf("%q was taken as a row: %v", row, err)
			}
		}
		// What is sent is the same list, whichever way it was written.
		sent, err := json.Marshal(rows)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := readRows(bytes.NewReader(sent)); err != nil || len(again) != len(rows) {
			t.Errorf("%d rows are %d when they are read again, %v", len(rows), len(again), err)
		}
	})
}
