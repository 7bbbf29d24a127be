package muster

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestParseOperation(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]Row{
		"create":  {Action: ActionCreate, OnExisting: SkipExisting},
		"update":  {Action: ActionUpdate},
		"upsert":  {Action: ActionCreate, OnExisting: UpdateExisting},
		"disable": {Action: ActionDisable},
		"enable":  {Action: ActionEnable},
		"delete":  {Action: ActionDelete},
	} {
		action, onExisting, err := ParseOperation(name)
		if err != nil || action != want.Action || onExisting != want.OnExisting {
			t.Errorf("%s is %s, %d, %v; want %s, %d", name, action, onExisting, err, want.Action, want.OnExisting)
		}
		if got := want.Operation(); got != name {
			t.Errorf("%s is called %q", name, got)
		}
	}
	if got := (&Row{Action: ActionCreate, OnExisting: FailExisting}).Operation(); got != "create" {
		t.Errorf("creating users who must not exist is called %q", got)
	}
	if got := (&Row{}).Operation(); got != "" {
		t.Errorf("no action is called %q", got)
	}
}

func TestParseOnExisting(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]OnExisting{"": SkipExisting, "skip": SkipExisting, "fail": FailExisting, "update": UpdateExisting} {
		if got, err := ParseOnExisting(s); err != nil || got != want {
			t.Errorf("ParseOnExisting(%q) = %d, %v; want %d", s, got, err, want)
		}
	}
}

func TestParseMatch(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]Key{"account": KeyAccount, "phone": KeyPhone, "email": KeyEmail, "id": KeyID} {
		if got, err := ParseMatch(s); err != nil || got != want {
			t.Errorf("ParseMatch(%q) = %s, %v; want %s", s, got, err, want)
		}
	}
}

// Names that are none are refused with those that are, and without being repeated.
func TestNamesThatAreNone(t *testing.T) {
	t.Parallel()
	for field, parse := range map[string]func(string) error{
		"operation":    func(s string) error { _, _, err := ParseOperation(s); return err },
		"onExisting":   func(s string) error { _, err := ParseOnExisting(s); return err },
		"match":        func(s string) error { _, err := ParseMatch(s); return err },
		"updateFields": func(s string) error { _, err := ParseFields([]string{"email", s}); return err },
	} {
		for _, name := range []string{" ", "none", "CREATE", "Account", "a secret"} {
			var refusal *Error
			switch err := parse(name); {
			case !errors.As(err, &refusal) || refusal.Kind != KindInvalid || refusal.Field != field:
				t.Errorf("%s: %q is answered with %v", field, name, err)
			case strings.Contains(refusal.Detail, "secret") || !strings.HasSuffix(refusal.Detail, "."):
				t.Errorf("%s: %q is refused with %q", field, name, refusal.Detail)
			}
		}
	}
}

func TestParseFields(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		names []string
		want  FieldSet
	}{
		"none":                   {nil, 0},
		"one":                    {[]string{"email"}, FieldEmail},
		"one twice":              {[]string{"email", "email"}, FieldEmail},
		"a password or its hash": {[]string{"passwordHash"}, FieldPassword},
		"several": {
			[]string{"roleIds", "adminLevel", "department", "allocateCapacity"},
			FieldRoles | FieldLevel | FieldDepartment | FieldCapacity,
		},
		"what can be taken away": {[]string{"account", "phone", "email", "firstName", "surname", "displayName"}, Clearable},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := ParseFields(tt.names)
			if err != nil || got != tt.want {
				t.Errorf("fields %b, %v; want %b", got, err, tt.want)
			}
			if again, err := ParseFields(got.Names()); err != nil || again != got {
				t.Errorf("the names %q of %b are read as %b, %v", got.Names(), got, again, err)
			}
		})
	}
	if got := (FieldEmail | FieldPassword).Names(); !slices.Equal(got, []string{"email", "password", "passwordHash"}) {
		t.Errorf("the names are %q", got)
	}
}
