package userfile

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muster"
	"muster/provision"
	"muster/spreadsheet"
)

// readFile makes rows of a file; none if its columns are not understood.
func readFile(t *testing.T, file []byte, w Words, columns []string) ([]muster.Row, error) {
	t.Helper()
	terms, err := ParseTerms(w)
	if err != nil {
		return nil, err
	}
	chosen, err := ParseColumns(columns)
	if err != nil {
		return nil, err
	}
	r, err := Open(t.Context(), bytes.NewReader(file), Options{Columns: chosen}, terms)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if len(r.Mapping.Problems) > 0 {
		return nil, nil
	}
	list := &rowList{}
	err = r.AddAll(t.Context(), list)
	return list.rows, err
}

// rowList takes rows.
type rowList struct{ rows []muster.Row }

func (l *rowList) Add(_ context.Context, rows []muster.Row) error {
	l.rows = append(l.rows, rows...)
	return nil
}

// FuzzRows holds what is true of every file, however it is mapped: a row says what becomes of whom or has a fault, what it says is
// bounded, no fault tells what the file holds, and a list of failures that is read again has the same rows.
func FuzzRows(f *testing.F) {
	f.Add("create", "account", "skip", "", "", []byte("account,name\nann,Ann\n'=1,\"B \"\"o\"\"\"\n"))
	f.Add("", "phone", "", "A:phone\nB:", "status,email", []byte("x;y;action;status;clear;roles;GB;allocateCapacity;level\n1.88E+12;2;upsert;disabled;email;1,2;7;false;1\n"))
	f.Add("upsert", "id", "update", "", "", []byte("{\"id\":\"5\",\"roleIds\":[],\"displayName\":null}\n{\"id\":6}\n"))
	f.Add("update", "email", "", "", "", []byte("email,firstName,surname,clear,allocateCapacity,capacityGB,adminLevel,muster_row\n''a@b.c,' x,\"1\n2\",phone;surname;account,true,0,5,7\n"))
	f.Add("delete", "id", "", "1:id\n2:", "", []byte("1,2,status\n7,x,enabled\n08,y,disabled\n"))
	f.Fuzz(func(t *testing.T, operation, match, existing, columns, update string, file []byte) {
		w := Words{Operation: operation, Match: match, OnExisting: existing}
		var chosen []string
		if columns != "" {
			chosen = strings.Split(columns, "\n")
		}
		if update != "" {
			w.UpdateFields = strings.Split(update, ",")
		}
		rows, err := readFile(t, file, w, chosen)
		if err != nil || len(rows) == 0 || match == "" {
			return
		}
		failed := make([]provision.Failure, len(rows))
		for i := range rows {
			checkRow(t, &rows[i])
			failed[i] = provision.Failure{Outcome: muster.Outcome{Row: i, Result: muster.Failed, Reason: muster.ReasonInvalid}, Row: rows[i]}
			failed[i].Row.Password, failed[i].Row.PasswordHash = "", "" // as they are kept
		}
		if len(failed) >= failurePage {
			return
		}
		var list bytes.Buffer
		if err := (&Failures{format: spreadsheet.CSV, page: failed}).Write(t.Context(), &list); err != nil {
			t.Fatal(err)
		}
		again, err := readFile(t, list.Bytes(), w, nil)
		if err != nil || len(again) != len(rows) {
			t.Fatalf("of %d rows %d are read again, %v:\n%s", len(rows), len(again), err, list.Bytes())
		}
		for i := range rows {
			sent := failed[i].Row
			sent.Set &^= muster.FieldPassword
			if sent.Fault != nil {
				continue
			}
			if len(sent.Roles) == 0 { // CSV has no list of nothing
				sent.Roles, sent.Set = nil, sent.Set&^muster.FieldRoles
			}
			if diff := cmp.Diff(sent, again[i]); diff != "" {
				t.Fatalf("row %d (-sent +again):\n%s", i, diff)
			}
		}
	})
}

func checkRow(t *testing.T, row *muster.Row) {
	t.Helper()
	size := 0
	for _, text := range []string{row.Account, row.Phone, row.Email, row.FirstName, row.Surname, row.DisplayName, row.Password, row.PasswordHash, row.DepartmentPath} {
		if size += len(text); len(text) > maxText {
			t.Errorf("a text of %d bytes", len(text))
		}
		if row.Fault != nil && len(text) > 30 && strings.Contains(row.Fault.Detail, text) {
			t.Error("a fault tells what the file holds")
		}
	}
	switch {
	case row.Fault == nil && (row.Action == 0 || row.Match == muster.KeyNone):
		t.Errorf("a row that says nothing: action %d, match %d", row.Action, row.Match)
	case row.Fault != nil && (row.Fault.Reason != muster.ReasonInvalid || row.Fault.Detail == ""):
		t.Errorf("the fault %+v", row.Fault)
	case row.OnExisting == muster.UpdateExisting && row.Operation() != "upsert" && row.Action == muster.ActionCreate:
		t.Error("it updates and is not called so")
	}
}
