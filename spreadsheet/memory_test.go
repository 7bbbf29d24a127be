package spreadsheet_test

import (
	"bytes"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"muster/spreadsheet"
)

// rows is a file that is made while it is read.
type rows struct {
	head string
	row  string // with a %d
	n    int
	made int
	left []byte
}

func (r *rows) Read(p []byte) (int, error) {
	if r.head != "" {
		r.left, r.head = append(r.left, r.head...), ""
	}
	for len(r.left) < len(p) && r.made < r.n {
		r.made++
		r.left = fmt.Appendf(r.left, r.row, r.made)
	}
	n := copy(p, r.left)
	r.left = append(r.left[:0], r.left[n:]...)
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// heap is what is in use once garbage is collected.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestAMillionRowsNeedNoMoreMemoryThanTen: whatever a file's length.
func TestAMillionRowsNeedNoMoreMemoryThanTen(t *testing.T) { //nolint:paralleltest // it measures memory
	for name, file := range map[string]*rows{
		"csv":    {head: "account,phone,name,department\n", row: "user%d,+491511234567,\"Anna \"\"A\"\" Example\",Sales/North\n", n: spreadsheet.MaxRows},
		"ndjson": {row: `{"account":"user%d","phone":"+491511234567","roleIds":["1","2"]}` + "\n", n: spreadsheet.MaxRows / 10},
	} {
		before := heap()
		reader, err := spreadsheet.Open(t.Context(), file, spreadsheet.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for i := range file.n {
			record, err := reader.Next()
			if err != nil || record.Fault != nil || record.Cells[0].Text != "user"+strconv.Itoa(i+1) {
				t.Fatal(i, record, err)
			}
			if i%(file.n/4) == 10 {
				if now := heap(); now > before+1<<20 {
					t.Errorf("%s: %d KiB more in use after %d rows", name, (now-before)>>10, i)
				}
			}
		}
		if _, err := reader.Next(); !errors.Is(err, io.EOF) {
			t.Error(err)
		}
		reader.Close()
	}
}

// TestWritingNeedsNoMemory: rows leave as they come, also into a sheet.
func TestWritingNeedsNoMemory(t *testing.T) { //nolint:paralleltest // it measures memory
	for _, format := range []spreadsheet.Format{spreadsheet.CSV, spreadsheet.XLSX, spreadsheet.NDJSON} {
		before := heap()
		w, err := spreadsheet.NewWriter(io.Discard, spreadsheet.WriterOptions{Format: format, Columns: []string{"account", "phone", "name", "department"}})
		if err != nil {
			t.Fatal(err)
		}
		for i := range spreadsheet.MaxXLSXRows {
			if err := w.Write(spreadsheet.Texts("user"+strconv.Itoa(i), "+491511234567", "Anna Example", "Sales/North")); err != nil {
				t.Fatal(err)
			}
			if i%25_000 == 10 {
				if now := heap(); now > before+2<<20 { // a compressor has one of them
					t.Errorf("%s: %d KiB more in use after %d rows", format, (now-before)>>10, i)
				}
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestNothingIsWrittenToTheDisk reads and writes sheets that other libraries put into temporary files.
func TestNothingIsWrittenToTheDisk(t *testing.T) {
	folder := t.TempDir()
	for _, variable := range []string{"TMPDIR", "TMP", "TEMP"} {
		t.Setenv(variable, folder)
	}
	watch := func() {
		t.Helper()
		if entries, err := os.ReadDir(folder); err != nil || len(entries) > 0 {
			t.Fatalf("%v in the temporary folder, %v", entries, err)
		}
	}
	var b bytes.Buffer
	w, err := spreadsheet.NewWriter(&b, spreadsheet.WriterOptions{Format: spreadsheet.XLSX, Columns: []string{"account", "phone", "note"}})
	if err != nil {
		t.Fatal(err)
	}
	const n = 3_000
	note := strings.Repeat("note ", 1200) // 18 MB unzipped; excelize keeps 16 MiB in memory
	for i := range n {
		if err := w.Write(spreadsheet.Texts("user"+strconv.Itoa(i), "+491511234567", note)); err != nil {
			t.Fatal(err)
		}
		if i%1000 == 0 {
			watch()
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	watch()
	reader, err := spreadsheet.Open(t.Context(), &b, spreadsheet.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	for i := range n {
		record, err := reader.Next()
		if err != nil || record.Cells[2].Text != note {
			t.Fatal(i, err)
		}
		if i%1000 == 0 {
			watch()
		}
	}
	if _, err := reader.Next(); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	watch()
}

// TestThePackageKnowsNoDisk: it imports nothing that could open a file.
func TestThePackageKnowsNoDisk(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) < 10 {
		t.Fatal(files, err)
	}
	known := []string{"archive/zip", "bufio", "bytes", "context", "encoding/", "errors", "fmt", "io", "maps", "math", "path", "slices", "strconv", "strings", "time", "unicode", "golang.org/x/text/"}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range file.Imports {
			path, fits := strings.Trim(spec.Path.Value, `"`), false
			for _, k := range known {
				fits = fits || path == k || strings.HasSuffix(k, "/") && strings.HasPrefix(path, k) || path == "unicode/utf8" || path == "unicode/utf16"
			}
			if !fits {
				t.Errorf("%s imports %s", name, path)
			}
		}
	}
}
