package native_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"strings"
	"testing"

	"muster/api/native"
	"muster/spreadsheet"
)

// failures downloads a list as rows of texts, the header first.
func (p *provisioning) failures(path, ext string) (table [][]string, file []byte) {
	p.t.Helper()
	r := p.send("GET", path+"/failures."+ext, "")
	file, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != 200 {
		p.t.Fatalf("%d %s, %v", r.StatusCode, file, err)
	}
	if name := r.Header.Get("Content-Disposition"); !strings.HasPrefix(name, "attachment; filename=\"failures-") {
		p.t.Errorf("it is called %s", name)
	}
	if len(file) == 0 && ext == "ndjson" { // which has no header
		return [][]string{nil}, nil
	}
	reader, err := spreadsheet.Open(p.t.Context(), bytes.NewReader(file), spreadsheet.Options{})
	if err != nil {
		p.t.Fatalf("%v: %s", err, file)
	}
	defer reader.Close()
	table = append(table, reader.Columns())
	for {
		record, err := reader.Next()
		if err == io.EOF { //nolint:errorlint // it says so
			return table, file
		}
		if err != nil {
			p.t.Fatal(err)
		}
		var row []string
		for i := range record.Cells {
			row = append(row, strings.Join(record.Cells[i].List(), ";"))
		}
		table = append(table, row)
	}
}

// A list of failures is mended and uploaded again, until all are in. It has everything that was sent, but no password.
func TestFailuresAreMendedUntilAllAreIn(t *testing.T) {
	t.Parallel()
	for _, ext := range []string{"csv", "xlsx", "ndjson"} {
		t.Run(ext, func(t *testing.T) {
			t.Parallel()
			p := setupProvisioning(t)
			p.start()
			tenant := p.tenant(`{}`)
			batch, _ := p.upload(tenant, "operation=create&match=account", []byte("account,phone,name,department,roleIds,capacityGB,password,action,status\n"+
				"ann,+4915100000001,Ann,,,,Correct-Horse7,,\n"+
				"bo,1.88E+12,=1+2,,,0,Correct-Horse7,upsert,disabled\n"+
				"cy,'+4915100000003,\"Cy, \"\"the\"\" Example\",,,,,,\n"+
				"di,+4915100000003,Di,Nowhere,,,,,\n"+
				"ed,+4915100000005,Ed,,,ten,,,\n"+
				"flo,x\n"))
			path := tenant + "/batches/" + batch.ID.String()
			for round, want := range []string{"bo 2 invalid phone,di 4 department-not-found department,ed 5 invalid capacityGB,flo 6 invalid ", "di 2 conflict phone", ""} {
				table, file := p.failures(path, ext)
				if bytes.Contains(file, []byte("Correct-Horse7")) {
					t.Error("a password is in the list")
				}
				column := map[string]int{}
				for i, name := range table[0] {
					column[name] = i
				}
				var told []string
				var mended bytes.Buffer
				w := csv.NewWriter(&mended)
				_ = w.Write(table[0])
				for _, row := range table[1:] {
					told = append(told, fmt.Sprint(row[column["account"]], " ", row[column["muster_row"]], " ", row[column["muster_reason"]], " ", row[column["muster_field"]]))
					if row[column["muster_detail"]] == "" || row[column["muster_result"]] != "failed" {
						t.Errorf("row %q does not say why", row)
					}
					mend(row, column, round)
					for i := range row {
						row[i] = spreadsheet.Escape(row[i])
					}
					_ = w.Write(row)
				}
				if w.Flush(); strings.Join(told, ",") != want {
					t.Fatalf("round %d: %q, want %q", round, told, want)
				}
				if len(told) == 0 {
					break
				}
				batch, _ = p.upload(tenant, "operation=create&match=account", mended.Bytes())
				path = tenant + "/batches/" + batch.ID.String()
			}
			for _, account := range []string{"ann", "bo", "cy", "di", "ed", "flo"} {
				list := call[native.Users](p.installation, 200, "GET", tenant+"/users?account="+account, "")
				if len(list.Users) != 1 || list.Users[0].Disabled != (account == "bo") {
					t.Errorf("%s is %+v", account, list.Users)
				} else if name := list.Users[0].DisplayName; account == "bo" && name != "=1+2" || account == "cy" && !strings.Contains(name, `"the"`) {
					t.Errorf("%s is called %q", account, name)
				}
			}
		})
	}
}

// mend does what somebody does who reads the list.
func mend(row []string, column map[string]int, round int) {
	set := func(name, value string) { row[column[name]] = value }
	switch row[column["account"]] {
	case "bo":
		set("phone", "+4915100000002")
	case "di":
		set("department", "")
		if round > 0 {
			set("phone", "+4915100000004")
		}
	case "ed":
		set("capacityGB", "0")
	case "flo":
		set("phone", "+4915100000006")
		set("displayName", "Flo")
	}
}

// A list of many is written page by page, in order and without gap.
func TestListsOfFailuresAreWhole(t *testing.T) {
	t.Parallel()
	p := setupProvisioning(t)
	p.start()
	tenant := p.tenant(`{}`)
	var file strings.Builder
	file.WriteString("account,name\n")
	for i := range 1100 {
		fmt.Fprintf(&file, "user-%d,\n", i)
	}
	batch, _ := p.upload(tenant, "operation=create&match=account", []byte(file.String()))
	path := tenant + "/batches/" + batch.ID.String()
	table, _ := p.failures(path, "csv")
	for i, row := range table[1:] {
		if row[0] != fmt.Sprint(i+1) {
			t.Fatalf("line %d has row %s", i, row[0])
		}
	}
	if len(table) != 1101 {
		t.Errorf("%d lines", len(table))
	}
	if r := p.send("GET", path+"/failures.csv?result=cancelled", ""); r.StatusCode != 200 {
		t.Errorf("of those cancelled: %d", r.StatusCode)
	}
	call[told](p.installation, 404, "GET", tenant+"/batches/77/failures.csv", "")
	call[told](p.installation, 422, "GET", path+"/failures.csv?result=succeeded", "")
}

func TestTemplatesAreUploadedAgain(t *testing.T) {
	t.Parallel()
	p := setupProvisioning(t)
	tenant := p.tenant(`{}`)
	for _, ext := range []string{"csv", "xlsx"} {
		r := p.send("GET", tenant+"/templates/users."+ext, "")
		file, err := io.ReadAll(r.Body)
		if err != nil || r.StatusCode != 200 {
			t.Fatalf("%d, %v", r.StatusCode, err)
		}
		got := decoded[native.Preview](t, p.post(tenant+"/batches/preview?operation=create", bytes.NewReader(file)), 200)
		if len(got.Problems) > 0 || got.Rows != 0 || len(got.Columns) != len(spreadsheet.UserFields()) {
			t.Errorf("%s is understood as %+v", ext, got)
		}
	}
}
