package mapping_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"muster"
	"muster/mapping"
)

func TestDepartmentRef(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("字", 20)
	tests := []struct {
		path, want string
		ok         bool
	}{
		{"", "", true},
		{" \t", "", true},
		{"Sales", "Sales", true},
		{"  Sales ", "Sales", true},
		{"Sales/North", "Sales/North", true},
		{" Sales / North ", "Sales/North", true},
		{long + "/" + long, long + "/" + long, true},
		{strings.Repeat("t", 64), strings.Repeat("t", 64), true}, // the root has its tenant's name
		{"root/1/2/3/4/5", "root/1/2/3/4/5", true},

		{"/", "", false},
		{"/Sales", "", false},
		{"Sales/", "", false},
		{"Sales//North", "", false},
		{"Sales/ /North", "", false},
		{"root/1/2/3/4/5/6", "", false},
		{"Sales/" + long + "字", "", false},
		{strings.Repeat("t", 65), "", false},
		{"Sa\u202eles", "", false},
		{"Sales/No\nrth", "", false},
		{strings.Repeat("/", 1<<20), "", false},
	}
	for _, tt := range tests {
		got, fault := mapping.DepartmentRef(5, tt.path)
		switch {
		case (fault == nil) != tt.ok:
			t.Errorf("DepartmentRef(%.40q) has the fault %v", tt.path, fault)
		case tt.ok && got != (muster.DepartmentRef{Base: 5, Path: tt.want}):
			t.Errorf("DepartmentRef(%.40q) = %v, want the path %q", tt.path, got, tt.want)
		case !tt.ok && (fault.Reason != muster.ReasonNoDepartment || fault.Field != "department" || fault.Detail == ""):
			t.Errorf("DepartmentRef(%.40q) has the fault %+v, which names no department", tt.path, fault)
		}
	}
}

// A fault says what was asked for, but neither at any length nor so that something else is read.
func TestAFaultNamesTheDepartmentHarmlessly(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		" Sales//North ":          "Sales//North", //nolint:gocritic // the spaces are what is tested
		"Sales\u202e/":            "Sales\uFFFD/",
		"\x1b[31m/":               "\uFFFD[31m/",
		strings.Repeat("字", 5000): strings.Repeat("字", 127) + "…",
	} {
		_, fault := mapping.DepartmentRef(5, path)
		if fault == nil || fault.Detail != want {
			t.Errorf("of %.20q: %+v, want the detail %q", path, fault, want)
		}
	}
}

func TestAllocate(t *testing.T) {
	t.Parallel()
	const department, capacity = muster.FieldDepartment, muster.FieldCapacity
	tests := map[string]struct {
		row   muster.Row
		want  muster.Entry
		fault string // the field
	}{
		"nothing asked for": {row: muster.Row{Department: 5, CapacityGB: 3}},
		"a department":      {row: muster.Row{Set: department, Department: 5, DepartmentPath: "A"}, want: muster.Entry{Set: department, Department: muster.DepartmentRef{Base: 5, Path: "A"}}},
		"no capacity":       {row: muster.Row{Set: capacity}, want: muster.Entry{Set: capacity}},
		"the least":         {row: muster.Row{Set: capacity, Allocate: true, CapacityGB: 1}, want: muster.Entry{Set: capacity, User: muster.User{CapacityGB: 1}}},
		"the most":          {row: muster.Row{Set: capacity, Allocate: true, CapacityGB: 1_048_576}, want: muster.Entry{Set: capacity, User: muster.User{CapacityGB: 1_048_576}}},
		"both": {
			row:  muster.Row{Set: department | capacity, Department: 5, Allocate: true, CapacityGB: 7},
			want: muster.Entry{Set: department | capacity, Department: muster.DepartmentRef{Base: 5}, User: muster.User{CapacityGB: 7}},
		},

		"0 with allocation":          {row: muster.Row{Set: capacity, Allocate: true}, fault: "personalCapacity"},
		"negative with allocation":   {row: muster.Row{Set: capacity, Allocate: true, CapacityGB: -1}, fault: "personalCapacity"},
		"too much":                   {row: muster.Row{Set: capacity, Allocate: true, CapacityGB: 1_048_577}, fault: "personalCapacity"},
		"some without allocation":    {row: muster.Row{Set: capacity, CapacityGB: 1}, fault: "personalCapacity"},
		"negative without":           {row: muster.Row{Set: capacity, CapacityGB: -1}, fault: "personalCapacity"},
		"an impossible department":   {row: muster.Row{Set: department, Department: 5, DepartmentPath: "A//B"}, fault: "department"},
		"the department comes first": {row: muster.Row{Set: department | capacity, DepartmentPath: "A//B", CapacityGB: 1}, fault: "department"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got muster.Entry
			mapping.Allocate(&tt.row, &got)
			if tt.fault != "" {
				if got.Fault == nil || got.Fault.Field != tt.fault {
					t.Errorf("fault %+v, want one of %s", got.Fault, tt.fault)
				}
				return
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("entry (-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzDepartmentRef(f *testing.F) {
	for _, s := range []string{"", "A", " A / B ", "A//B", "\u202e", "\xff", "root/1/2/3/4/5/6"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ref, fault := mapping.DepartmentRef(5, s)
		if fault != nil {
			if !utf8.ValidString(fault.Detail) || utf8.RuneCountInString(fault.Detail) > 128 || strings.ContainsAny(fault.Detail, "\x00\n\x1b\u202e") {
				t.Errorf("the fault of %q says %q", s, fault.Detail)
			}
			return
		}
		if again, fault := mapping.DepartmentRef(5, ref.Path); fault != nil || again != ref {
			t.Errorf("%q is read as %v, and that as %v, %v", s, ref, again, fault)
		}
	})
}
