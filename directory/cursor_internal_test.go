package directory

import (
	"testing"

	"pgregory.net/rapid"

	"muster"
)

// TestACursorIsReadBack: as it was made, and by no other list.
func TestACursorIsReadBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SampledFrom([]UserList{ListByID, ListByDepartment, SearchName.List()}).Draw(t, "list")
		want := UserMark{
			Key: rapid.String().Draw(t, "key"), Department: muster.ID(rapid.Int64Min(0).Draw(t, "department")), User: muster.ID(rapid.Int64Min(1).Draw(t, "user")),
		}
		text := list.Cursor(&want)
		if got, err := list.Parse(text); (err != nil || got != want) && len(text) <= maxCursor {
			t.Fatalf("%+v became %+v, %v", want, got, err)
		}
		if got, err := (list + 1).Parse(text); err == nil {
			t.Fatalf("another list takes it for %+v", got)
		}
	})
}

// FuzzUserCursor: a cursor is refused, or is the one that would be made of what it says.
func FuzzUserCursor(f *testing.F) {
	for _, m := range []UserMark{{User: 1}, {User: 1 << 62, Department: 7, Key: "ann\xff"}} {
		f.Add(ListByID.Cursor(&m))
	}
	f.Add("")
	f.Add("YQEA=")
	f.Add("YYGAgICAgICAgIABAA") // a number longer than it has to be
	f.Fuzz(func(t *testing.T, text string) {
		m, err := ListByID.Parse(text)
		switch {
		case err != nil && m != (UserMark{}):
			t.Errorf("refused, and %+v", m)
		case err != nil && muster.KindOf(err) != muster.KindInvalid:
			t.Errorf("refused as %v", err)
		case err == nil && text != "" && (m.User <= 0 || m.Department < 0):
			t.Errorf("%q is %+v", text, m)
		}
		if err == nil && text != "" {
			if again, err := ListByID.Parse(ListByID.Cursor(&m)); err != nil || again != m {
				t.Errorf("%+v is read back as %+v, %v", m, again, err)
			}
		}
	})
}
