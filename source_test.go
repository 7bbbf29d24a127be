package muster

import (
	"testing"

	"pgregory.net/rapid"
)

// A small model of sources: who is made gets the row's, who is of none gets it by an update that adopts, nobody else's
// changes, and no row of a source changes a user who is of another one, or of none.
func TestSourcesByAModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		entries := drawEntries(t, TenantSettings{})
		d := newDirectory(TenantSettings{PersonalSpaceGB: 100}, founders()...)
		for i := range entries {
			e := &entries[i]
			before := newDirectory(d.settings)
			for id, u := range d.users {
				before.users[id] = u
			}
			o := d.run(t, entries[i:i+1])[0]
			updates := e.Action == ActionUpdate || e.Action == ActionCreate && e.OnExisting == UpdateExisting
			if u, there := before.users[o.User]; there && o.Reason == ReasonOtherSource {
				if e.Source == "" || u.Source == e.Source || u.Source == "" && e.Adopt && updates {
					t.Fatalf("row %+v is refused a user of %q", e, u.Source)
				}
			} else if there && o.Result == Succeeded && e.Source != "" && u.Source != e.Source && (u.Source != "" || !e.Adopt || !updates) {
				t.Fatalf("row %+v changed a user of %q", e, u.Source)
			}
			for id, u := range d.users {
				was, there := before.users[id]
				want := was.Source
				if o.Result == Succeeded && id == o.User && (!there || updates && e.Source != "") {
					want = e.Source
				}
				if u.Source != want {
					t.Fatalf("row %+v leaves user %s of %q, want %q", e, id, u.Source, want)
				}
			}
		}
	})
}

func TestSources(t *testing.T) {
	t.Parallel()
	entry := func(action Action, id ID, source string, adopt bool) Entry {
		return Entry{Action: action, OnExisting: UpdateExisting, Match: KeyID, Actor: LevelSystemAdmin, NewID: 9, User: User{ID: id}, Source: source, Adopt: adopt}
	}
	const free, ours, theirs, manager = 2, 3, 4, 5
	tests := map[string]struct {
		entry  Entry
		reason Reason
		source string // the user's then
	}{
		"a new user":              {entry(ActionCreate, 9, "hr", false), ReasonNone, "hr"},
		"without source":          {entry(ActionUpdate, theirs, "", true), ReasonNone, "crm"},
		"ours":                    {entry(ActionUpdate, ours, "hr", false), ReasonNone, "hr"},
		"theirs":                  {entry(ActionUpdate, theirs, "hr", true), ReasonOtherSource, "crm"},
		"nobody's":                {entry(ActionUpdate, free, "hr", false), ReasonOtherSource, ""},
		"nobody's, adopted":       {entry(ActionUpdate, free, "hr", true), ReasonNone, "hr"},
		"upserted, adopted":       {entry(ActionCreate, free, "hr", true), ReasonNone, "hr"},
		"disabling ours":          {entry(ActionDisable, ours, "hr", false), ReasonNone, "hr"},
		"disabling our manager":   {entry(ActionDisable, manager, "hr", false), ReasonForbidden, "hr"},
		"disabling theirs":        {entry(ActionDisable, theirs, "hr", false), ReasonOtherSource, "crm"},
		"disabling adopts nobody": {entry(ActionDisable, free, "hr", true), ReasonOtherSource, ""},
		"deleting adopts nobody":  {entry(ActionDelete, free, "hr", true), ReasonOtherSource, ""},
		"a manager's reach comes first": {
			Entry{Action: ActionUpdate, Match: KeyID, Actor: LevelManager, User: User{ID: 1}, Source: "hr"}, ReasonForbidden, "",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDirectory(TenantSettings{}, User{ID: 1, Level: LevelSystemAdmin}, User{ID: free}, User{ID: ours, Source: "hr", Level: LevelCommon},
				User{ID: theirs, Source: "crm"}, User{ID: manager, Source: "hr", Level: LevelManager})
			o := d.run(t, []Entry{tt.entry})[0]
			if o.Reason != tt.reason || (o.Detail != "") != (tt.reason != ReasonNone) {
				t.Errorf("outcome %+v, want the reason %s", o, tt.reason)
			}
			if got := d.users[tt.entry.User.ID].Source; got != tt.source {
				t.Errorf("the user is of %q then, want %q", got, tt.source)
			}
		})
	}
}
