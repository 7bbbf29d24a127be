package native_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"muster/api/native"
	"muster/spreadsheet"
)

// post sends a body that is not JSON.
func (in *installation) post(path string, body io.Reader, header ...string) *http.Response {
	in.t.Helper()
	req := httptest.NewRequestWithContext(in.t.Context(), "POST", native.Prefix+path, body)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	in.handler.ServeHTTP(w, req)
	return w.Result()
}

// told is a problem.
type told struct {
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Errors []struct {
		Message  string `json:"message"`
		Location string `json:"location"`
		Value    any    `json:"value"`
	} `json:"errors"`
}

func decoded[T any](t *testing.T, r *http.Response, status int) (v T) {
	t.Helper()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	if r.StatusCode != status {
		t.Fatalf("%d %s, want %d", r.StatusCode, text, status)
	}
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return v
}

// upload sends a file and waits for its outcomes.
func (p *provisioning) upload(tenant, query string, file []byte) (native.Batch, []native.BatchOutcome) {
	p.t.Helper()
	batch := decoded[native.Batch](p.t, p.post(tenant+"/batches/upload?"+query, bytes.NewReader(file)), 202)
	return batch, p.rows(tenant+"/batches/"+batch.ID.String(), 1000)
}

// workbook makes a sheet of texts.
func workbook(t *testing.T, rows ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := spreadsheet.NewWriter(&b, spreadsheet.WriterOptions{Format: spreadsheet.XLSX, Columns: strings.Split(rows[0], ",")})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows[1:] {
		if err := w.Write(spreadsheet.Texts(strings.Split(row, ",")...)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// wide is a text in UTF-16LE.
func wide(text string) []byte {
	var b []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		b = append(b, byte(unit), byte(unit>>8))
	}
	return b
}

// Files as people and programs send them mean the same users.
func TestFilesThatAreUnderstood(t *testing.T) {
	t.Parallel()
	p := setupProvisioning(t)
	p.start()
	tenant := p.tenant(`{}`)
	const text = "phone,name\n+4915100000001,Zoë Example\n"
	for name, tt := range map[string]struct {
		query string
		file  []byte
	}{
		"CSV":                        {"", []byte(text)},
		"semicolons":                 {"", []byte(strings.ReplaceAll(text, ",", ";"))},
		"a delimiter that is named":  {"&delimiter=tab&format=csv", []byte(strings.ReplaceAll(text, ",", "\t"))},
		"a byte order mark":          {"", []byte("\ufeff" + text)},
		"UTF-16 with a mark":         {"", wide("\ufeff" + text)},
		"UTF-16 without":             {"", wide(text)},
		"latin-1 that is named":      {"&encoding=iso-8859-1", []byte(strings.ReplaceAll(text, "ë", "\xeb"))},
		"line ends of Windows":       {"", []byte(strings.ReplaceAll(text, "\n", "\r\n"))},
		"a line break within quotes": {"&map=note:", []byte("phone,note,name\r\n+4915100000001,\"one\r\ntwo\",Zoë Example\r\n")},
		"NDJSON":                     {"", []byte(`{"phone":"+4915100000001","displayName":"Zoë Example"}` + "\n")},
		"XLSX":                       {"", workbook(t, "Handy,Name", "+4915100000001,Zoë Example")},
		"columns that are said":      {"&map=A:phone&map=whose:displayName", []byte("x,whose\n+4915100000001,Zoë Example\n")},
		"the template's example":     {"", []byte("phone,email,firstName\n'+4915112345678,anna@example.com,Anna\n+4915100000001,,Zoë\n")},
		"notes of an earlier try":    {"", []byte("muster_reason,phone,name\ninvalid,+4915100000001,Zoë Example\n")},
		"an escaped formula":         {"", []byte("phone,name\n'+4915100000001,Zoë Example\n")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, rows := p.upload(tenant, "operation=create&match=phone&dryRun=true"+tt.query, tt.file)
			want := []native.BatchOutcome{{Row: 1, Result: "succeeded", Effect: "created", Subject: "+4915100000001"}}
			if diff := cmp.Diff(want, rows, cmpopts.IgnoreFields(native.BatchOutcome{}, "User")); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// A file that is broken, or of which a column is not understood, is refused as a whole, and says where.
func TestFilesThatAreRefused(t *testing.T) {
	t.Parallel()
	p := setupProvisioning(t)
	tenant := p.tenant(`{}`)
	book := workbook(t, "phone,name", "+4915100000001,Ann")
	for name, tt := range map[string]struct {
		query, file, at, value, detail string
	}{
		"nothing":                     {"", "", "file", "", "empty"},
		"a header alone":              {"", "phone,name\n", "rows", "", "no rows"},
		"the template as it was":      {"", "phone,email\n+4915112345678,anna@example.com\n", "rows", "", "no rows"},
		"a wrong delimiter":           {"&delimiter=semicolon", "phone,name\n1,2\n", "row 1", "", "delimiter is wrong"},
		"an odd delimiter":            {"", "phone^name\n1^2\n", "column A", "phone^name", "No field"},
		"a delimiter of two":          {"&delimiter=ab", "phone,name\n", "delimiter", "", "one character"},
		"latin-1":                     {"", "phone,name\n1,Zo\xeb\n", "row 2, byte 16", "", "windows-1252"},
		"an encoding that is none":    {"&encoding=morse", "phone\n1\n", "file", "", "encoding"},
		"a column that is missing":    {"", "name,mail\nAnn,a@b.c\n", "header", "", "phone, which is needed"},
		"a column twice":              {"", "phone,Handy\n1,2\n", "column B", "Handy", "both hold phone"},
		"a column that is unknown":    {"", "phone,Shoe size\n1,2\n", "column B", "Shoe size", "No field"},
		"a choice that fits nothing":  {"&map=Fax:email", "phone\n1\n", "header", "Fax", "no column of the name"},
		"a choice of what is nothing": {"&map=phone", "phone\n1\n", "map", "", "Column:field"},
		"a choice made twice":         {"&map=A:phone&map=A:email", "phone\n1\n", "map", "", "twice"},
		"no operation":                {"&operation=", "phone\n+4915100000001\n", "header", "", "action, which is needed"},
		"quotes that do not close":    {"", "phone,name\n1,\"Ann\n2,Bo\n", "row 2", "", "quote"},
		"a text that is none":         {"", "%PDF-1.7", "file", "", "document"},
		"a workbook that is cut off":  {"", string(book[:len(book)-40]), "file", "", "damaged or cut off"},
		"a workbook called CSV":       {"&format=csv", string(book), "file", "", "workbook"},
		"no sheet of the name":        {"&sheet=Other", string(book), "file", "", "sheet"},
		"no JSON":                     {"&format=ndjson", "phone\n1\n", "row 1", "", "JSON object"},
		"an e-mail that is no key":    {"&match=email", "email\na@b.c\n", "match", "", "uniqueEmail"},
		"no match":                    {"&match=", "phone\n1\n", "match", "", "match must be"},
		"what is not updated":         {"&operation=upsert&onExisting=fail", "phone\n1\n", "onExisting", "", "must be update"},
		"a source that deletes":       {"&operation=delete&source=hr", "phone\n1\n", "operation", "", "must be upsert"},
		"a source with actions":       {"&operation=&source=hr", "phone,action\n1,delete\n", "column B", "action", "says who there is"},
		"a share of no source":        {"&maxDisables=5", "phone\n1\n", "source", "", "with a source alone"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := url.Values{"operation": {"create"}, "match": {"phone"}}
			more, err := url.ParseQuery(tt.query)
			if err != nil {
				t.Fatal(err)
			}
			for key, values := range more {
				if q[key] = values; values[0] == "" {
					delete(q, key)
				}
			}
			got := decoded[told](t, p.post(tenant+"/batches/upload?"+q.Encode(), strings.NewReader(tt.file)), 422)
			found := false
			for _, e := range got.Errors {
				value, _ := e.Value.(string)
				found = found || e.Location == tt.at && value == tt.value && strings.Contains(e.Message, tt.detail)
			}
			if !found {
				t.Errorf("%+v, want %q at %q", got, tt.detail, tt.at)
			}
		})
	}
	decoded[told](t, p.post(tenant+"/batches/upload?operation=create&match=phone&departmentId=77", strings.NewReader("phone\n1\n")), 404)
	if list := call[native.Batches](p.installation, 200, "GET", tenant+"/batches", ""); len(list.Batches) > 0 {
		t.Errorf("refused files are batches: %+v", list.Batches)
	}
}

// What is wrong with a row fails the row alone, and says what.
func TestRowsOfFilesThatFail(t *testing.T) {
	t.Parallel()
	p := setupProvisioning(t)
	p.start()
	tenant := p.tenant(`{}`)
	header := "account,phone,firstName,capacityGB,allocateCapacity,adminLevel,roleIds,status,action,clear,password,id\n"
	tests := []struct{ row, result, field, detail string }{
		{"ann,+4915100000001,Ann,,,,,,,,,", "succeeded", "", ""},
		{"bo,1.88E+12,Bo,,,,,,,,,", "failed", "phone", "1.88E+12"},
		{"bo,+4915100000002,Bo", "failed", "", "fewer cells"},
		{"bo,+4915100000002,Bo,,,,,,,,,,x", "failed", "", "more cells"},
		{"bo,,Bo,ten,,,,,,,,", "failed", "capacityGB", "whole number"},
		{"bo,,Bo,1.5,,,,,,,,", "failed", "capacityGB", "whole number"},
		{"bo,,Bo,,perhaps,,,,,,,", "failed", "allocateCapacity", "true and false"},
		{"bo,,Bo,,,boss,,,,,,", "failed", "adminLevel", "0, 1, 2 and 5"},
		{"bo,,Bo,,,300,,,,,,", "failed", "adminLevel", "0, 1, 2 and 5"},
		{"bo,,Bo,,,,reader,,,,,", "failed", "roleIds", "1 to 19 digits"},
		{"bo,,Bo,,,,,asleep,,,,", "failed", "status", "enabled and disabled"},
		{"bo,,Bo,,,,,,erase,,,", "failed", "operation", "create, update, upsert"},
		{"bo,,Bo,,,,,,,adminLevel,,", "failed", "clear", "can be taken away"},
		{"bo,,Bo,,,,,,update,firstName,,", "failed", "clear", "takes away"},
		{"ann,,,,,,,enabled,disable,,,", "failed", "status", "contradicts"},
		{"bo,,Bo \"the\" Example,,,,,,,,,", "failed", "", "quote"},
		{"bo,," + strings.Repeat("b", 3000) + ",,,,,,,,,", "failed", "firstName", "At most 2048 bytes"},
		{"bo,,Bo,,,," + strings.Repeat("1;", 5000) + ",,,,,", "failed", "roleIds", "At most 8192 bytes"},
		{"bo,,Bo\ufffd,,,,,,,,,", "failed", "firstName", "lost"},
		{"bo,+4915100000002,Bo,0,FALSE,1,,Disabled,CREATE,,,", "succeeded", "", ""},
		{"ann,,,,,,,disabled,update,phone,,", "succeeded", "", ""},
		{"ann,,,,,,,,enable,,,", "succeeded", "", ""},
		{"cy,,Cy,,,,,,,,short,", "failed", "password", "8 to 128"},
		{"cy,,Cy,,,,,,,,,77", "failed", "id", "only where the batch matches by id"},
	}
	var file strings.Builder
	file.WriteString(header)
	for _, tt := range tests {
		file.WriteString(tt.row + "\n")
	}
	batch, rows := p.upload(tenant, "operation=create&match=account&name=people.csv", []byte(file.String()))
	if batch.Name != "people.csv" || batch.Total != len(tests) || len(rows) != len(tests) {
		t.Fatalf("%+v with %d outcomes", batch, len(rows))
	}
	for i, got := range rows {
		if want := tests[i]; got.Result != want.result || got.Field != want.field || !strings.Contains(got.Detail, want.detail) {
			t.Errorf("%.60s: %+v, want %s, field %q and %q", want.row, got, want.result, want.field, want.detail)
		}
	}
	ann := call[native.User](p.installation, 200, "GET", tenant+"/users/"+rows[0].User.String(), "")
	bo := call[native.User](p.installation, 200, "GET", tenant+"/users/"+rows[19].User.String(), "")
	if ann.Disabled || ann.Phone != "" || !bo.Disabled {
		t.Errorf("users %+v and %+v", ann, bo)
	}
}

// A workbook's cells that are not what people see fail their rows.
func TestCellsOfWorkbooksThatFail(t *testing.T) {
	t.Parallel()
	p := setupProvisioning(t)
	p.start()
	_, rows := p.upload(p.tenant(`{}`), "operation=create&match=account", oddWorkbook(t))
	for i, want := range []struct{ field, detail string }{
		{"phone", "1.88e+12"}, {"phone", "date"}, {"firstName", "formula"}, {"", ""},
	} {
		if got := rows[i]; (got.Result == "succeeded") != (want.detail == "") || got.Field != want.field || !strings.Contains(strings.ToLower(got.Detail), want.detail) {
			t.Errorf("row %d: %+v, want %+v", i+1, got, want)
		}
	}
}

func TestAFileIsSentAgain(t *testing.T) {
	t.Parallel()
	p := setupProvisioning(t)
	tenant := p.tenant(`{}`)
	send := func(key, query, file string) (int, native.Batch) {
		r := p.post(tenant+"/batches/upload?operation=create&match=account"+query, strings.NewReader(file), "Idempotency-Key", key)
		var batch native.Batch
		if err := json.NewDecoder(r.Body).Decode(&batch); err != nil {
			t.Fatal(err)
		}
		return r.StatusCode, batch
	}
	const file = "account,name\nann,Ann\n"
	_, first := send("k1", "", file)
	for name, c := range map[string]struct {
		key, query, file string
		status           int
		same             bool
	}{
		"the very same":      {"k1", "", file, 202, true},
		"with another file":  {"k1", "", file + "bo,Bo\n", 409, false},
		"with another query": {"k1", "&dryRun=true", file, 409, false},
		"with another key":   {"k2", "", file, 202, false},
	} {
		if status, batch := send(c.key, c.query, c.file); status != c.status || (batch.ID == first.ID) != c.same {
			t.Errorf("%s: %d and batch %s, want %d; the first is %s", name, status, batch.ID, c.status, first.ID)
		}
	}
}

func TestPreviews(t *testing.T) {
	t.Parallel()
	p := setupProvisioning(t)
	path := p.tenant(`{}`) + "/batches/preview?"
	got := decoded[native.Preview](t, p.post(path, strings.NewReader("Handy;Name;Shoe size;\n+4915100000001;Ann\n1.88E+12;Bo;41;\n\n+4915100000003;Cy;42;\n")), 200)
	want := native.Preview{
		Format: "csv", Encoding: "utf-8", Delimiter: ";", Match: "phone", Rows: 3, Complete: true,
		Columns: []native.PreviewColumn{{Column: "A", Name: "Handy", Field: "phone"}, {Column: "B", Name: "Name", Field: "displayName"}, {Column: "C", Name: "Shoe size"}},
		Problems: []native.PreviewProblem{
			{Kind: "unknown", Column: "C", Name: "Shoe size", Detail: "No field is known by the name of column C: say which it is, or leave it out."},
			{Kind: "missing", Field: "action", Detail: "No column holds action, which is needed: give a column that name, or say which it is."},
		},
		Faults: []native.PreviewFault{{Row: 2}, {Row: 3, Field: "phone"}},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(native.PreviewFault{}, "Detail")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	// Of a long text the beginning is enough, wherever it ends; the rest is not even read.
	long := strings.NewReader("account,name\n" + strings.Repeat("ann,\"Ann, the first\"\n", 1<<20))
	got = decoded[native.Preview](t, p.post(path+"operation=create&match=account", long), 200)
	if got.Complete || got.Rows != 10_000 || len(got.Problems)+len(got.Faults) > 0 || got.Match != "account" || long.Len() < 1<<20 {
		t.Errorf("%+v, with %d bytes unread", got, long.Len())
	}
	got = decoded[native.Preview](t, p.post(path+"operation=create", strings.NewReader("account,name\n\"ann\",\""+strings.Repeat("A", 1<<20))), 200)
	if got.Complete || got.Rows != 0 {
		t.Errorf("%+v of a row that is cut off", got)
	}
	got = decoded[native.Preview](t, p.post(path+"operation=create", bytes.NewReader(workbook(t, "account,name", "ann,Ann"))), 200)
	if got.Format != "xlsx" || got.Sheet == "" || len(got.Sheets) != 1 || got.Rows != 1 || !got.Complete {
		t.Errorf("%+v of a workbook", got)
	}
	if got := decoded[told](t, p.post(path, strings.NewReader("")), 422); len(got.Errors) != 1 || got.Errors[0].Location != "file" {
		t.Errorf("%+v of nothing", got)
	}
}

func TestAFileThatIsTooLarge(t *testing.T) {
	t.Parallel()
	p := setupProvisioning(t)
	req := httptest.NewRequestWithContext(t.Context(), "POST", native.Prefix+p.tenant(`{}`)+"/batches/upload?match=phone", strings.NewReader("phone\n"))
	req.ContentLength = native.MaxUpload + 1
	w := httptest.NewRecorder()
	p.handler.ServeHTTP(w, req)
	if got := decoded[told](t, w.Result(), 413); !strings.Contains(got.Detail, fmt.Sprint(native.MaxUpload>>20)) {
		t.Errorf("%+v", got)
	}
}
