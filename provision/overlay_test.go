package provision_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"muster"
	"muster/provision"
)

// memory is a directory, or one with an overlay over it, that finds users as stores do: by what is asked for alone.
type memory struct {
	settings muster.TenantSettings
	users    map[muster.ID]muster.User
	usage    muster.Usage
	overlay  map[muster.ID][]byte // encoded
	taken    muster.Usage
}

func newMemory(settings muster.TenantSettings, users ...muster.User) *memory {
	m := &memory{settings: settings, users: map[muster.ID]muster.User{}, overlay: map[muster.ID][]byte{}}
	for _, u := range users {
		m.users[u.ID] = u
		m.usage.Users++
		m.usage.CapacityGB += u.CapacityGB
		if u.Level == muster.LevelSystemAdmin && !u.Disabled {
			m.usage.SystemAdmins++
		}
	}
	return m
}

func asked(u *muster.User, keys *muster.Keys) bool {
	has := func(list []string, key string) bool {
		for _, k := range list {
			if key != "" && k == key {
				return true
			}
		}
		return false
	}
	for _, id := range keys.IDs {
		if id == u.ID {
			return true
		}
	}
	return has(keys.Accounts, u.AccountKey) || has(keys.Phones, u.PhoneKey) || has(keys.Emails, u.EmailKey)
}

func (m *memory) snapshot(keys *muster.Keys) muster.Snapshot {
	shot := muster.Snapshot{Settings: &m.settings, Usage: m.usage, Roles: []muster.ID{1, 2}}
	for _, u := range m.users {
		if asked(&u, keys) {
			shot.Users = append(shot.Users, u)
		}
	}
	return shot
}

func (m *memory) merged(t *rapid.T, keys *muster.Keys) (own, merged muster.Snapshot) {
	own = m.snapshot(keys)
	real := map[muster.ID]bool{}
	for i := range own.Users {
		real[own.Users[i].ID] = true
	}
	var overlay []provision.OverlayUser
	for _, encoded := range m.overlay {
		o, err := provision.DecodeOverlay(encoded)
		if err != nil {
			t.Fatal(err)
		}
		if real[o.User.ID] || asked(&o.User, keys) {
			overlay = append(overlay, o)
		}
	}
	return own, provision.MergeOverlay(&own, overlay, m.taken)
}

// run does the entries.
func (m *memory) run(entries []muster.Entry) []muster.Outcome {
	keys := muster.KeysOf(entries, &m.settings)
	p := muster.Plan(entries, m.snapshot(&keys))
	for _, id := range p.Delete {
		delete(m.users, id)
	}
	for _, users := range [...][]muster.User{p.Update, p.Insert} {
		for _, u := range users {
			m.users[u.ID] = u
		}
	}
	m.usage = p.Usage
	return p.Outcomes
}

// rehearse plans the entries over what those before them would have left.
func (m *memory) rehearse(t *rapid.T, entries []muster.Entry) []muster.Outcome {
	keys := muster.KeysOf(entries, &m.settings)
	own, merged := m.merged(t, &keys)
	p := muster.Plan(entries, merged)
	for _, o := range provision.OverlayOf(&p) {
		encoded, err := provision.EncodeOverlay(&o)
		if err != nil {
			t.Fatal(err)
		}
		m.overlay[o.User.ID] = encoded
	}
	m.taken = provision.UsageAdded(own.Usage, p.Usage)
	return p.Outcomes
}

// inChunks cuts the entries and does one piece after the other.
func inChunks(t *rapid.T, entries []muster.Entry, do func([]muster.Entry) []muster.Outcome) (outcomes []muster.Outcome) {
	for len(entries) > 0 {
		n := rapid.IntRange(1, len(entries)).Draw(t, "chunk")
		outcomes = append(outcomes, do(entries[:n])...)
		entries = entries[n:]
	}
	return outcomes
}

// entriesGen draws from so few keys that entries meet each other all the time.
func entriesGen(settings *muster.TenantSettings) *rapid.Generator[[]muster.Entry] {
	matches := []muster.Key{muster.KeyAccount, muster.KeyPhone, muster.KeyID}
	if settings.UniqueEmail {
		matches = append(matches, muster.KeyEmail)
	}
	return rapid.Custom(func(t *rapid.T) []muster.Entry {
		entries := make([]muster.Entry, rapid.IntRange(1, 25).Draw(t, "rows"))
		for i := range entries {
			key := func(name string) string { return rapid.SampledFrom([]string{"", "1", "2", "3"}).Draw(t, name) }
			entries[i] = muster.Entry{
				Action: rapid.SampledFrom([]muster.Action{
					muster.ActionCreate, muster.ActionCreate, muster.ActionUpdate, muster.ActionDisable, muster.ActionEnable, muster.ActionDelete,
				}).Draw(t, "action"),
				Match:      rapid.SampledFrom(matches).Draw(t, "match"),
				OnExisting: rapid.SampledFrom([]muster.OnExisting{muster.SkipExisting, muster.FailExisting, muster.UpdateExisting}).Draw(t, "onExisting"),
				Actor:      muster.LevelSystemAdmin,
				NewID:      muster.ID(100 + i),
				Set:        muster.FieldSet(rapid.Uint16Range(0, 1<<11-1).Draw(t, "set")),
				User: muster.User{
					ID: muster.ID(rapid.IntRange(1, 4).Draw(t, "id")), AccountKey: key("account"), PhoneKey: key("phone"), EmailKey: key("email"),
					FirstName: "Ann", Level: rapid.SampledFrom([]muster.AdminLevel{muster.LevelCommon, muster.LevelSystemAdmin}).Draw(t, "level"),
					CapacityGB: rapid.Int64Range(0, 3).Draw(t, "capacity"), Roles: []muster.ID{muster.ID(rapid.IntRange(1, 3).Draw(t, "role"))},
				},
				Password: rapid.Bool().Draw(t, "password"),
				Source:   rapid.SampledFrom([]string{"", "", "hr"}).Draw(t, "source"),
				Adopt:    rapid.Bool().Draw(t, "adopt"),
			}
		}
		return entries
	})
}

// unknown is what a rehearsal does not know of users: hashes, and thus how often a password changed.
var unknown = cmpopts.IgnoreFields(muster.User{}, "PasswordHash", "TokenEpoch")

// However a list is cut for its rehearsal, and for its run, each row has the outcome predicted, and the users are those that the
// rehearsal left in its overlay.
func TestWhatIsRehearsedHappens(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		settings := muster.TenantSettings{
			UniqueEmail: rapid.Bool().Draw(t, "uniqueEmail"), UserLimit: rapid.Int64Range(0, 5).Draw(t, "userLimit"),
			PersonalSpaceGB: rapid.Int64Range(0, 4).Draw(t, "space"),
		}
		m := newMemory(settings,
			muster.User{ID: 1, AccountKey: "1", PhoneKey: "1", EmailKey: "1", Level: muster.LevelSystemAdmin, PasswordHash: "secret"},
			muster.User{ID: 2, AccountKey: "2", Level: muster.LevelCommon, Source: "hr", PasswordHash: "secret"},
			muster.User{ID: 3, PhoneKey: "3", Level: muster.LevelCommon, Disabled: true, CapacityGB: 1},
		)
		entries := entriesGen(&settings).Draw(t, "entries")
		predicted := inChunks(t, entries, func(part []muster.Entry) []muster.Outcome { return m.rehearse(t, part) })
		everybody := muster.Keys{}
		for id := range muster.ID(200) {
			everybody.IDs = append(everybody.IDs, id)
		}
		_, left := m.merged(t, &everybody)
		got := inChunks(t, entries, m.run)
		if diff := cmp.Diff(predicted, got); diff != "" {
			t.Fatalf("outcomes (-rehearsed +happened):\n%s", diff)
		}
		users := map[muster.ID]muster.User{}
		for _, u := range left.Users {
			users[u.ID] = u
		}
		if diff := cmp.Diff(m.users, users, cmpopts.EquateEmpty(), unknown); diff != "" {
			t.Fatalf("users (-happened +rehearsed):\n%s", diff)
		}
		if left.Usage != m.usage {
			t.Fatalf("usage %+v was rehearsed, and %+v happened", left.Usage, m.usage)
		}
	})
}

// A key that an overlay user has given up finds nobody, and one that he has got finds him, whoever holds it in truth.
func TestMergeOverlay(t *testing.T) {
	t.Parallel()
	shot := &muster.Snapshot{
		Usage: muster.Usage{Users: 3, CapacityGB: 4, SystemAdmins: 1, QueuedRows: 7},
		Users: []muster.User{{ID: 1, PhoneKey: "old"}, {ID: 2, PhoneKey: "gone"}, {ID: 3, PhoneKey: "same"}, {ID: 4, PhoneKey: "new"}},
		Roles: []muster.ID{9},
	}
	before := len(shot.Users)
	got := provision.MergeOverlay(shot, []provision.OverlayUser{
		{User: muster.User{ID: 1, PhoneKey: "new"}}, {User: muster.User{ID: 2}, Gone: true}, {User: muster.User{ID: 5, PhoneKey: "made"}},
	}, muster.Usage{Users: -1, CapacityGB: 2, SystemAdmins: 1})
	want := muster.Snapshot{
		Usage: muster.Usage{Users: 2, CapacityGB: 6, SystemAdmins: 2, QueuedRows: 7},
		Users: []muster.User{{ID: 3, PhoneKey: "same"}, {ID: 4, PhoneKey: "new"}, {ID: 1, PhoneKey: "new"}, {ID: 5, PhoneKey: "made"}},
		Roles: []muster.ID{9},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("merged (-want +got):\n%s", diff)
	}
	if len(shot.Users) != before || shot.Users[0].PhoneKey != "old" {
		t.Errorf("the tenant's own snapshot became %+v", shot.Users)
	}
	entry := muster.Entry{Action: muster.ActionDisable, Match: muster.KeyPhone, Actor: muster.LevelSystemAdmin, User: muster.User{PhoneKey: "new"}}
	got.Settings = &muster.TenantSettings{}
	if o := muster.Plan([]muster.Entry{entry}, got).Outcomes[0]; o.User != 1 {
		t.Errorf("the key finds %+v, want the overlay's user", o)
	}
}

func TestOverlayUsersComeBack(t *testing.T) {
	t.Parallel()
	whole := provision.OverlayUser{User: muster.User{
		ID: 1505084218764547200, Account: "Ann", AccountKey: "ann", Phone: "+1 2", PhoneKey: "+12", Email: "A@b", EmailKey: "a@b", FirstName: "Ann",
		Surname: "Example", DisplayName: "Ann 例", Level: muster.LevelManager, Disabled: true, Department: 7, CapacityGB: 5, Roles: []muster.ID{1, 2},
		MustChangePassword: true, Source: "hr", TokenEpoch: 3, CreatedAt: time.UnixMilli(1700000000123).UTC(),
	}}
	for i, want := range []provision.OverlayUser{whole, {User: muster.User{ID: 1}, Gone: true}, {User: muster.User{ID: 2, Level: muster.LevelDepartmentAdmin}}} {
		sent := want
		sent.User.PasswordHash = fmt.Sprintf("$argon2id$secret%d", i)
		encoded, err := provision.EncodeOverlay(&sent)
		if err != nil {
			t.Fatal(err)
		}
		got, err := provision.DecodeOverlay(encoded)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("user %d (-want +got):\n%s", i, diff)
		}
	}
	if o, err := provision.DecodeOverlay([]byte{0xa1, 0x01, 0x61, 'x'}); err == nil {
		t.Errorf("a text as an id decodes as %+v", o)
	}
}
