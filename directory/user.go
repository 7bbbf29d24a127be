package directory

import (
	"context"
	"fmt"
	"strings"

	"muster"
	"muster/mapping"
)

// Changer changes users; [provision.Direct] is one.
type Changer interface {
	// ChangeIf plans and writes entries under the tenant's lock, in order, all of them or none. It gives the outcome of
	// the first that did not succeed, else that of the last. KindNotFound if there is no such tenant. when is called under the
	// lock with what the directory holds about the entries; its error comes back as it is, with nothing done. lastID is the largest
	// id made for the entries, 0 if none was.
	ChangeIf(ctx context.Context, tenant muster.ID, entries []muster.Entry, lastID muster.ID, when func(muster.Snapshot) error) (muster.Outcome, error)
}

// Users shows and changes single users of tenants. Fields without a method that they are for are mandatory; it is safe for
// concurrent use.
//
// A user may be read by himself and by who administers his department, and changed by the latter. To a department
// administrator a user elsewhere does not exist; whoever administers nothing is refused (KindForbidden) whatever other user
// he asks for, so that none of them learns who is there.
//
// Its refusals are [*muster.Error]: KindInvalid for a field that breaks a rule, KindNotFound for a tenant, user or department
// (Field "departmentId") that is not there, KindForbidden for what the actor may not do, and KindConflict for what would
// leave the tenant without an enabled system administrator.
type Users struct {
	Store   Store
	Changer Changer
	IDs     *muster.IDSource                                        // for Create
	Hash    func(ctx context.Context, plain []byte) (string, error) // makes a password's hash, for Create; its refusals are passed on
}

// Condition is what a change depends on: it is called under the tenant's lock with the user as he is then. Its error comes back
// wrapped, with nothing done. nil is none.
type Condition func(*muster.User) error

// UserChange says what to change of a user; nil leaves a part as it is.
type UserChange struct {
	Department *muster.ID
	Level      *muster.AdminLevel
	Disabled   *bool
}

// Quota is what a tenant has taken of its limits.
type Quota struct {
	Users           int64 // seats taken
	UserLimit       int64 // seats there are; 0 is no limit
	CapacityGB      int64 // sum of the users' capacities
	PersonalSpaceGB int64 // what these are taken from
}

// Get reads a user.
func (s *Users) Get(ctx context.Context, tenant muster.ID, actor muster.Actor, id muster.ID) (*muster.User, error) {
	u, err := s.Store.User(ctx, tenant, id)
	if err != nil && muster.KindOf(err) != muster.KindNotFound {
		return nil, fmt.Errorf("read user: %w", err)
	}
	may := false
	if err == nil {
		if may, err = s.mayRead(ctx, tenant, actor, u); err != nil {
			return nil, err
		}
	}
	if !may {
		return nil, unseen(actor)
	}
	return u, nil
}

// Find reads the user who holds a key: KeyPhone, KeyAccount or KeyEmail, given as a person writes it. KindInvalid, with the
// key's name as Field, if nobody can hold it; KindConflict if several users have the e-mail address, which is no key in
// every tenant.
func (s *Users) Find(ctx context.Context, tenant muster.ID, actor muster.Actor, key muster.Key, value string) (*muster.User, error) {
	t, err := s.Store.Tenant(ctx, tenant)
	if err != nil {
		return nil, fmt.Errorf("find user: %w", err)
	}
	keys, err := keysOf(key, value, t.Settings.PhoneRegion)
	if err != nil {
		return nil, err
	}
	shot, err := s.Store.Snapshot(ctx, tenant, keys)
	if err != nil {
		return nil, fmt.Errorf("find user: %w", err)
	}
	var seen []muster.User
	for i := range shot.Users {
		may, err := s.mayRead(ctx, tenant, actor, &shot.Users[i])
		if err != nil {
			return nil, err
		}
		if may {
			seen = append(seen, shot.Users[i])
		}
	}
	switch len(seen) {
	case 0:
		return nil, unseen(actor)
	case 1:
		return &seen[0], nil
	default:
		return nil, refuse(muster.KindConflict, key.String(), "Several users have this %s: name the user by id, account or phone.", key)
	}
}

// keysOf names who holds the key.
func keysOf(key muster.Key, value, region string) (keys muster.Keys, err error) {
	var broken *muster.Fault
	switch key {
	case muster.KeyPhone:
		value, broken = mapping.PhoneKey(key.String(), value, region)
		keys.Phones = []string{value}
	case muster.KeyEmail:
		value, broken = mapping.EmailKey(key.String(), value)
		keys.Emails = []string{value}
	case muster.KeyAccount:
		keys.Accounts = []string{mapping.AccountKey(value)}
		if value == "" {
			broken = &muster.Fault{Detail: "It is empty."}
		}
	default:
		return keys, fmt.Errorf("find user: nobody is found by %s", key)
	}
	if broken != nil {
		return keys, refuse(muster.KindInvalid, key.String(), "This %s cannot be anybody's. %s", key, broken.Detail)
	}
	return keys, nil
}

// List gives a page of a department's users, and where the query names none those of the highest department that the
// actor administers. The query's Limit is 1 to [MaxPage]. Direct leaves out the departments below.
func (s *Users) List(ctx context.Context, tenant muster.ID, actor muster.Actor, q UserQuery) (*UserPage, error) {
	if err := checkPage(q.Keyword, q.Limit); err != nil {
		return nil, err
	}
	if q.Offset < 0 {
		return nil, refuse(muster.KindInvalid, "offset", "offset must be 0 or more users.")
	}
	if q.Role != 0 && (q.Department != 0 || q.Direct || q.Keyword != "" || actor.Scope() != 0) {
		return nil, refuse(muster.KindInvalid, "roleId", "Who has a role is listed for the tenant as a whole, without keyword.")
	}
	id, err := top(ctx, s.Store, tenant, actor, q.Department)
	if err != nil {
		return nil, err
	}
	d, err := administered(ctx, s.Store, tenant, actor, id)
	if err != nil {
		return nil, err
	}
	q.Department = d.ID
	if d.Parent == 0 && !q.Direct {
		q.Department = 0 // all users, which a store finds without their departments
	}
	page, err := s.Store.Users(ctx, tenant, q)
	if err != nil {
		return nil, fmt.Errorf("list users: %w", err)
	}
	return page, nil
}

// Change changes a user, all that the change says or nothing, and gives him as he is then. His tokens end if his level changes
// or he is disabled.
func (s *Users) Change(ctx context.Context, tenant muster.ID, actor muster.Actor, id muster.ID, change UserChange) (*muster.User, error) {
	if change == (UserChange{}) {
		return nil, refuse(muster.KindInvalid, "", "There is nothing to change: departmentId, adminLevel and disabled are accepted.")
	}
	if l := change.Level; l != nil && !l.Valid() {
		return nil, refuse(muster.KindInvalid, "adminLevel",
			"adminLevel must be 0 (department administrator), 1 (common user), 2 (system administrator) or 5 (manager).")
	}
	if d := change.Department; d != nil && *d == 0 {
		return nil, noDepartment() // to Plan it would mean something else
	}
	muster.AuditDetail(ctx, change.fields())
	if _, err := s.change(ctx, tenant, actor, id, change.entries(id), nil); err != nil {
		return nil, err
	}
	u, err := s.Store.User(ctx, tenant, id)
	if err != nil {
		return nil, fmt.Errorf("read the changed user: %w", err)
	}
	return u, nil
}

// Delete removes a user if the condition holds, which frees his seat, capacity and keys, and gives him as he was.
func (s *Users) Delete(ctx context.Context, tenant muster.ID, actor muster.Actor, id muster.ID, when Condition) (*muster.User, error) {
	return s.change(ctx, tenant, actor, id, []muster.Entry{{Action: muster.ActionDelete, User: muster.User{ID: id}}}, when)
}

// Quota reads what the tenant has taken of its limits. Anybody but common users may.
func (s *Users) Quota(ctx context.Context, tenant muster.ID, actor muster.Actor) (*Quota, error) {
	if !actor.Level.Above(muster.LevelCommon) {
		return nil, refuse(muster.KindForbidden, "", "Only administrators and managers may do this.")
	}
	shot, err := s.Store.Snapshot(ctx, tenant, muster.Keys{})
	if err != nil {
		return nil, fmt.Errorf("read quota: %w", err)
	}
	return &Quota{
		Users: shot.Usage.Users, UserLimit: shot.Settings.UserLimit,
		CapacityGB: shot.Usage.CapacityGB, PersonalSpaceGB: shot.Settings.PersonalSpaceGB,
	}, nil
}

// fields names what is changed.
func (c *UserChange) fields() string {
	var names []string
	if c.Department != nil {
		names = append(names, "departmentId")
	}
	if c.Level != nil {
		names = append(names, "adminLevel")
	}
	if c.Disabled != nil {
		names = append(names, "disabled")
	}
	return strings.Join(names, ", ")
}

// entries are the change as Plan takes it.
func (c *UserChange) entries(id muster.ID) []muster.Entry {
	var entries []muster.Entry
	update := muster.Entry{Action: muster.ActionUpdate, User: muster.User{ID: id}}
	if c.Department != nil {
		update.Set |= muster.FieldDepartment
		update.Department = muster.DepartmentRef{Base: *c.Department}
	}
	if c.Level != nil {
		update.Set |= muster.FieldLevel
		update.User.Level = *c.Level
	}
	if update.Set != 0 {
		entries = append(entries, update)
	}
	if c.Disabled != nil {
		action := muster.ActionEnable
		if *c.Disabled {
			action = muster.ActionDisable
		}
		entries = append(entries, muster.Entry{Action: action, User: muster.User{ID: id}})
	}
	return entries
}

// change does what the entries say of a user, on behalf of the actor, and gives him as he was.
func (s *Users) change(
	ctx context.Context, tenant muster.ID, actor muster.Actor, id muster.ID, entries []muster.Entry, when Condition,
) (*muster.User, error) {
	if err := administrator(actor); err != nil {
		return nil, err
	}
	before, err := s.Get(ctx, tenant, actor, id) // Plan would tell who is elsewhere from who is not there
	if err != nil {
		return nil, err
	}
	for i := range entries {
		entries[i].Match, entries[i].Actor, entries[i].Scope = muster.KeyID, actor.Level, actor.Scope()
	}
	outcome, err := s.Changer.ChangeIf(ctx, tenant, entries, 0, func(shot muster.Snapshot) error {
		for i := range shot.Users {
			if u := &shot.Users[i]; u.ID == id && when != nil {
				return when(u)
			}
		}
		return nil // and Plan finds nobody
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("change user: %w", err)
	case outcome.Result != muster.Succeeded:
		return nil, refusalOf(&outcome)
	default:
		return before, nil
	}
}

// mayRead reports whether the actor may read the user.
func (s *Users) mayRead(ctx context.Context, tenant muster.ID, actor muster.Actor, u *muster.User) (bool, error) {
	if actor.User == u.ID || actor.Level == muster.LevelSystemAdmin {
		return true, nil
	}
	if actor.Level != muster.LevelDepartmentAdmin {
		return false, nil
	}
	d, err := s.Store.Department(ctx, tenant, u.Department)
	if muster.KindOf(err) == muster.KindNotFound {
		return false, nil // he was moved, and his department deleted, just now
	}
	if err != nil {
		return false, fmt.Errorf("read the user's department: %w", err)
	}
	return actor.Administers(d), nil
}

// unseen is the refusal of a user whom the actor does not see or who does not exist.
func unseen(actor muster.Actor) error {
	if err := administrator(actor); err != nil {
		return err
	}
	return noUser()
}

func noDepartment() error {
	return refuse(muster.KindNotFound, "departmentId", "The department does not exist.")
}

func noUser() error { return refuse(muster.KindNotFound, "", "The user does not exist.") }
