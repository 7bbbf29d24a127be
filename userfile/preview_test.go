package userfile_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muster"
	"muster/spreadsheet"
	"muster/userfile"
)

func look(t *testing.T, file string, w userfile.Words) *userfile.Preview {
	t.Helper()
	terms, err := userfile.ParseTerms(w)
	if err != nil {
		t.Fatal(err)
	}
	p, err := userfile.Look(t.Context(), strings.NewReader(file), userfile.MaxBytes, userfile.Options{}, terms)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Rows at fault come with what stands in the cell, but for secrets.
func TestFaultsOfAPreview(t *testing.T) {
	t.Parallel()
	p := look(t, "account,capacityGB,roles,password,action,status\n"+
		"ann,ten,1,x,create,\n"+
		"bob,1,1,1.88E+12,create,\n"+
		"cai,1,1,x,delete it,\n"+
		"dan,1,1,x,disable,enabled\n"+
		"eve,1\n"+
		"fay,1,1,x,create,\n", userfile.Words{Match: "account"})
	type fault struct {
		At          int
		Field, Cell string
	}
	var got []fault
	for _, f := range p.Faults {
		got = append(got, fault{f.At, f.Row.Fault.Field, f.Cell})
	}
	want := []fault{
		{2, spreadsheet.FieldCapacityGB, "ten"}, {3, spreadsheet.FieldPassword, ""}, {4, "operation", "delete it"}, {5, spreadsheet.FieldStatus, "enabled"}, {6, "", ""},
	}
	if diff := cmp.Diff(want, got); diff != "" || p.Rows != 6 || !p.Complete || p.Match != muster.KeyAccount {
		t.Errorf("%d rows, complete %t, match %d (-want +got):\n%s", p.Rows, p.Complete, p.Match, diff)
	}
}

// Of a text the beginning is looked at, and nothing is said of the row in which that ends.
func TestAPreviewEndsInARow(t *testing.T) {
	t.Parallel()
	const row = 512
	line := "ann," + strings.Repeat("x", row-5) + "\n"
	const rows = userfile.PreviewBytes/row - 1
	header := func(size int) string { return "account,name" + strings.Repeat("\n", size-len("account,name")) }
	file := header(row) + strings.Repeat(line, rows+1)
	for name, tc := range map[string]struct {
		file     string
		rows     int
		complete bool
	}{
		"before the comma":  {header(row-3) + strings.Repeat(line, rows+1), rows, false},
		"behind the comma":  {header(row-9) + strings.Repeat(line, rows+1), rows, false},
		"in a quote":        {file[:rows*row] + `ann,"` + file, rows - 1, false},
		"at its end":        {file, rows - 1, false},
		"nowhere":           {file[:4*row], 3, true},
		"before any row is": {header(userfile.PreviewBytes) + line, 0, false},
	} {
		p := look(t, tc.file, userfile.Words{Operation: "create", Match: "account"})
		if p.Rows != tc.rows || p.Complete != tc.complete || len(p.Faults) > 0 {
			t.Errorf("%s: %d rows, complete %t, %d faults; want %d, %t and none", name, p.Rows, p.Complete, len(p.Faults), tc.rows, tc.complete)
		}
	}
}
