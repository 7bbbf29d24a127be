package native_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"muster/api/native"
	"muster/spreadsheet"
)

// oddWorkbook is what happens to tables in spreadsheets: a phone that became a number, a date, a formula, and a row that is fine.
func oddWorkbook(t *testing.T) []byte {
	t.Helper()
	f := excelize.NewFile()
	defer f.Close()
	date, err := f.NewStyle(&excelize.Style{NumFmt: 14})
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range [][]any{{"account", "phone", "firstName"}, {"a", 1.88460907641e+15, "Ann"}, {"b", 45322, "Bo"}, {"c", "", ""}, {"d", "+4915100000004", "Di"}} {
		if err := f.SetSheetRow("Sheet1", fmt.Sprint("A", i+1), &row); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(f.SetCellStyle("Sheet1", "B3", "B3", date), f.SetCellFormula("Sheet1", "C4", `="C"&"y"`)); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// bomb is a small workbook that says of its sheet that it takes 80 MiB.
func bomb(t *testing.T) []byte {
	t.Helper()
	book := workbook(t, "phone,name", "1,Ann")
	source, err := zip.NewReader(bytes.NewReader(book), int64(len(book)))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, part := range source.File {
		header := part.FileHeader
		raw, err := part.OpenRaw()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(part.Name, "sheet1.xml") {
			header.UncompressedSize64 = 80 << 20
		}
		to, err := w.CreateRaw(&header)
		if err == nil {
			_, err = io.Copy(to, raw)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestAZipBomb(t *testing.T) {
	t.Parallel()
	p := setupProvisioning(t)
	tenant := p.tenant(`{}`)
	file := bomb(t)
	for _, path := range []string{"upload", "preview"} {
		got := decoded[told](t, p.post(tenant+"/batches/"+path+"?operation=create&match=phone", bytes.NewReader(file)), 422)
		if len(got.Errors) != 1 || !strings.Contains(got.Errors[0].Message, "64 MiB unzipped") {
			t.Errorf("%s of %d bytes: %+v", path, len(file), got)
		}
	}
}

// A workbook that waits for another one waits for a while, and is asked to come again.
func TestWorkbooksAreReadOneAtATime(t *testing.T) {
	t.Parallel()
	p := setupProvisioning(t)
	p.config.Workbooks = spreadsheet.NewLimiter(1)
	p.handler = native.New(p.config)
	tenant := p.tenant(`{}`)
	file := workbook(t, "account,name", "ann,Ann")
	taken, err := spreadsheet.Open(t.Context(), bytes.NewReader(file), spreadsheet.Options{Limiter: p.config.Workbooks})
	if err != nil {
		t.Fatal(err)
	}
	query := tenant + "/batches/upload?operation=create&match=account"
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	gone := httptest.NewRequestWithContext(ctx, "POST", native.Prefix+query, bytes.NewReader(file))
	p.handler.ServeHTTP(httptest.NewRecorder(), gone) // returns: its caller is away
	taken.Close()
	decoded[native.Batch](t, p.post(query, bytes.NewReader(file)), 202)
	decoded[native.Batch](t, p.post(query, bytes.NewReader(file)), 202)
}

// A caller who goes away, and a file that ends where it should not, leave nothing.
func TestAnUploadThatBreaksOff(t *testing.T) {
	t.Parallel()
	p := setupProvisioning(t)
	tenant := p.tenant(`{}`)
	for name, cause := range map[string]error{"the caller": io.ErrUnexpectedEOF, "the file": io.EOF} {
		rows := strings.NewReader("account,name\n" + strings.Repeat("ann,Ann\n", 2100) + "\"bo")
		body := io.MultiReader(rows, broken{cause})
		want := map[string]int{"the caller": 400, "the file": 422}[name]
		decoded[told](t, p.post(tenant+"/batches/upload?operation=create&match=account", body), want)
	}
	if list := call[native.Batches](p.installation, 200, "GET", tenant+"/batches", ""); len(list.Batches) > 0 {
		t.Errorf("what broke off is there: %+v", list.Batches)
	}
}

type broken struct{ error }

func (b broken) Read([]byte) (int, error) { return 0, b.error }

// watched looks at what lies on the disk while an upload is half done, and when it has ended.
type watched struct {
	rows   int
	every  func()
	made   int
	left   []byte
	looked bool
}

func (w *watched) Read(p []byte) (int, error) {
	if w.made == 0 {
		w.left = []byte("account,phone,firstName,password\n")
	}
	if w.made > w.rows/2 && !w.looked {
		w.looked = true
		w.every()
	}
	for len(w.left) < len(p) && w.made < w.rows {
		w.made++
		w.left = fmt.Appendf(w.left, "clear-%d,+4915%09d,Plainly,Correct-Horse7\n", w.made, w.made)
	}
	n := copy(p, w.left)
	if w.left = append(w.left[:0], w.left[n:]...); n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// Uploads of every format go through memory into sealed blocks: nothing is ever put into the temporary folder, and nothing
// readable into the data folder.
func TestUploadsLeaveNoTrace(t *testing.T) { //nolint:paralleltest // it sets the environment
	p := setupProvisioning(t)
	tenant := p.tenant(`{}`)
	temporary := filepath.Join(t.TempDir(), "temporary")
	if err := os.Mkdir(temporary, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", temporary)
	looks := 0
	look := func() {
		looks++
		if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
			t.Errorf("in the temporary folder are %v, %v", left, err)
		}
		err := filepath.WalkDir(p.dir, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
				return err
			}
			content, err := os.ReadFile(path)
			for _, secret := range []string{"clear-1", "Plainly", "Correct-Horse7"} {
				if bytes.Contains(content, []byte(secret)) {
					t.Errorf("%s is readable in %s", secret, filepath.Base(path))
				}
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
	query := tenant + "/batches/upload?operation=create&match=account"
	decoded[native.Batch](t, p.post(query, &watched{rows: 6_000, every: look}), 202)
	look()
	book := []string{"account,phone,firstName,password"}
	for i := range 300 {
		book = append(book, fmt.Sprintf("clear-%d,+4915%09d,Plainly,Correct-Horse7", i, i))
	}
	decoded[native.Batch](t, p.post(query, bytes.NewReader(workbook(t, book...))), 202)
	decoded[told](t, p.post(query, io.MultiReader(&watched{rows: 2_000, every: look}, strings.NewReader("\"open"))), 422)
	if look(); looks != 4 {
		t.Errorf("looked %d times", looks)
	}
}
