package sqlite

import (
	"cmp"
	"context"
	"slices"

	"muster"
)

const noUser = "The user does not exist."

// User is [access.Store.User], [access.SignInStore.User] and [directory.Store.User].
func (s *Store) User(ctx context.Context, tenant, id muster.ID) (*muster.User, error) {
	var u muster.User
	err := s.readers.read(ctx, func(q querier) error {
		return exists(scanUser(q.row(ctx, selectUser, int64(tenant), int64(id)), &u), noUser)
	})
	if err != nil {
		return nil, explain("read a user", err)
	}
	return &u, nil
}

// Administrators is [access.Store.Administrators].
func (s *Store) Administrators(ctx context.Context, tenant muster.ID, limit int) ([]muster.User, error) {
	var users []muster.User
	err := s.readers.read(ctx, func(q querier) error {
		rows, err := q.query(ctx, selectAdministrators, int64(tenant), limit)
		return collect(rows, err, func(row scanner) error {
			var u muster.User
			err := scanUser(row, &u)
			users = append(users, u)
			return err
		})
	})
	return users, explain("list administrators", err)
}

// Snapshot is [provision.Store.Snapshot].
func (s *Store) Snapshot(ctx context.Context, tenant muster.ID, keys muster.Keys) (muster.Snapshot, error) {
	var shot muster.Snapshot
	err := s.readers.read(ctx, func(q querier) (err error) {
		shot, err = snapshot(ctx, q, tenant, &keys, wholeUsers, nil)
		return err
	})
	return shot, explain("read a snapshot", err)
}

// Outline is [provision.Store.Outline].
func (s *Store) Outline(ctx context.Context, tenant muster.ID, keys muster.Keys) (muster.Snapshot, error) {
	var shot muster.Snapshot
	err := s.readers.read(ctx, func(q querier) (err error) {
		shot, err = snapshot(ctx, q, tenant, &keys, outlines, nil)
		return err
	})
	return shot, explain("read an outline", err)
}

// detail says how much of users is read: their rows, or what the indexes hold.
type detail struct {
	scan          func(scanner, *muster.User) error
	fewByAccount  statement
	manyByAccount statement
	fewByPhone    statement
	manyByPhone   statement
	fewByEmail    statement
	manyByEmail   statement
}

var (
	wholeUsers = detail{
		scanUser, selectFewByAccount, selectManyByAccount, selectFewByPhone, selectManyByPhone, selectFewByEmail, selectManyByEmail,
	}
	outlines = detail{
		scanOutline, outlineFewByAccount, outlineManyByAccount, outlineFewByPhone, outlineManyByPhone, outlineFewByEmail, outlineManyByEmail,
	}
)

func scanOutline(row scanner, u *muster.User) error {
	u.Level = muster.LevelCommon
	return row.Scan(&u.ID, text{&u.AccountKey}, text{&u.PhoneKey}, text{&u.EmailKey})
}

// snapshot reads, in the transaction that q stands for, what Plan needs to know. Where p is not nil, that is what the batch's
// predictions make of it.
func snapshot(ctx context.Context, q querier, tenant muster.ID, keys *muster.Keys, of detail, p *prediction) (muster.Snapshot, error) {
	t, err := scanTenant(q.row(ctx, selectTenant, int64(tenant)))
	if err != nil {
		return muster.Snapshot{}, exists(err, noTenant)
	}
	shot := muster.Snapshot{Settings: &t.Settings}
	if shot.Usage, _, err = usage(ctx, q, tenant); err != nil {
		return muster.Snapshot{}, err
	}
	if keys.Homes {
		of = wholeUsers // of whom an outline leaves the department out
	}
	found := holders{scan: scanUser, seen: make(map[muster.ID]int)}
	if len(keys.IDs) > 0 {
		rows, err := q.query(ctx, selectUsersByID, int64(tenant), string(jsonIDs(keys.IDs)))
		if err := collect(rows, err, found.add); err != nil {
			return muster.Snapshot{}, err
		}
	}
	found.scan = of.scan
	for _, l := range [...]struct {
		few, many statement
		keys      []string
	}{
		{of.fewByAccount, of.manyByAccount, keys.Accounts},
		{of.fewByPhone, of.manyByPhone, keys.Phones},
		{of.fewByEmail, of.manyByEmail, keys.Emails},
	} {
		if err := lookUp(ctx, q, found.add, l.few, l.many, l.keys, int64(tenant)); err != nil {
			return muster.Snapshot{}, err
		}
	}
	shot.Users = found.users
	if p != nil {
		if err := p.merge(ctx, q, &shot, keys); err != nil {
			return muster.Snapshot{}, err
		}
	}
	if shot.Roles, err = rolesAmong(ctx, q, tenant, keys.Roles); err != nil {
		return muster.Snapshot{}, err
	}
	var homes []muster.ID
	if keys.Homes {
		for i := range shot.Users {
			homes = append(homes, shot.Users[i].Department)
		}
	}
	shot.Departments, err = departmentsFor(ctx, q, tenant, keys.Departments, homes)
	return shot, err
}

// holders are the users who hold some keys, each once.
type holders struct {
	scan  func(scanner, *muster.User) error
	users []muster.User
	seen  map[muster.ID]int // where in users
}

func (h *holders) add(row scanner) error {
	var u muster.User
	if err := h.scan(row, &u); err != nil {
		return err
	}
	i, found := h.seen[u.ID]
	if !found {
		h.seen[u.ID] = len(h.users)
		h.users = append(h.users, u)
		return nil
	}
	// An outline found by another key adds that key; of a whole user this changes nothing.
	known := &h.users[i]
	known.AccountKey = cmp.Or(known.AccountKey, u.AccountKey)
	known.PhoneKey = cmp.Or(known.PhoneKey, u.PhoneKey)
	known.EmailKey = cmp.Or(known.EmailKey, u.EmailKey)
	return nil
}

// lookUp finds the holders of keys, a list of keys at a time. within are the arguments that come behind the list.
func lookUp(ctx context.Context, q querier, found func(scanner) error, few, many statement, keys []string, within ...any) error {
	for len(keys) > 0 {
		by, length := many, lookupMany
		if len(keys) <= lookupFew {
			by, length = few, lookupFew
		}
		args := make([]any, length, length+len(within)) // nil, which is NULL, where the keys are fewer
		n := min(length, len(keys))
		for i, key := range keys[:n] {
			args[i] = key
		}
		rows, err := q.query(ctx, by, append(args, within...)...)
		if err := collect(rows, err, found); err != nil {
			return err
		}
		keys = keys[n:]
	}
	return nil
}

// usage reads what the tenant has taken, and the last place in its order of acceptance.
func usage(ctx context.Context, q querier, tenant muster.ID) (u muster.Usage, sequence int64, err error) {
	err = q.row(ctx, selectUsage, int64(tenant)).
		Scan(&u.Users, &u.CapacityGB, &u.SystemAdmins, &u.QueuedRows, &u.QueuedBytes, &sequence)
	return u, sequence, exists(err, noTenant)
}

// userArgs fills args with the values of userKeyed.
func userArgs(args []any, tenant muster.ID, u *muster.User, created, updated int64) {
	args[0], args[1] = int64(tenant), int64(u.ID)
	args[2], args[3] = orNull(u.Account), orNull(u.AccountKey)
	args[4], args[5] = orNull(u.Phone), orNull(u.PhoneKey)
	args[6], args[7] = orNull(u.Email), orNull(u.EmailKey)
	args[8], args[9], args[10] = orNull(u.FirstName), orNull(u.Surname), orNull(u.DisplayName)
	args[11] = orNull(u.PasswordHash)
	args[12], args[13] = int64(u.Level), u.Disabled
	args[14], args[15] = int64(u.Department), u.CapacityGB
	args[16] = orNullIDs(u.Roles)
	args[17], args[18] = u.MustChangePassword, u.TokenEpoch
	args[19] = orNull(u.Source)
	args[20], args[21] = created, updated
	keys := u.NameKeys()
	args[22], args[23], args[24] = orNull(keys.Display), orNull(keys.Full), orNull(keys.Surname)
}

func scanUser(row scanner, u *muster.User) error {
	var tenant muster.ID
	return row.Scan(&tenant, &u.ID, text{&u.Account}, text{&u.AccountKey}, text{&u.Phone}, text{&u.PhoneKey}, text{&u.Email},
		text{&u.EmailKey}, text{&u.FirstName}, text{&u.Surname}, text{&u.DisplayName}, text{&u.PasswordHash}, &u.Level,
		&u.Disabled, &u.Department, &u.CapacityGB, ids{&u.Roles}, &u.MustChangePassword, &u.TokenEpoch, text{&u.Source},
		moment{&u.CreatedAt}, moment{&u.UpdatedAt})
}

// writeUsers brings the directory to the plan's final state. What is freed comes first, so that two users can swap their
// keys, and a key can pass from one who is deleted to one who is new.
//
// Of before, users as they are stored, it learns whose roles and names change.
func writeUsers(c *conn, tenant muster.ID, plan *muster.Planned, before []muster.User, now int64) error {
	roles := roleChangesOf(plan, before)
	if err := roles.release(c, tenant); err != nil {
		return err
	}
	if err := endActivations(c, tenant, slices.Concat(plan.Password, plan.Delete)); err != nil {
		return err
	}
	if len(plan.Delete) > 0 {
		if _, err := c.exec(deleteUsers, int64(tenant), string(jsonIDs(plan.Delete))); err != nil {
			return err
		}
	}
	if len(plan.Release) > 0 {
		if _, err := c.exec(releaseKeys, int64(tenant), string(jsonIDs(plan.Release))); err != nil {
			return err
		}
	}
	released := make(map[muster.ID]bool, len(plan.Release))
	for _, id := range plan.Release {
		released[id] = true
	}
	names := namesOf(plan.Update, before)
	for i := range plan.Update {
		u := &plan.Update[i]
		if err := changeUser(c, tenant, u, names, released[u.ID], now); err != nil {
			return err
		}
	}
	err := insertAll(c, insertUser, insertUsers, userKeyedCount, len(plan.Insert), func(args []any, i int) {
		userArgs(args, tenant, &plan.Insert[i], now, now)
	})
	if err != nil {
		return err
	}
	return roles.assign(c, tenant)
}

// namesOf are the stored keys of names of those who are to be updated.
func namesOf(updates, before []muster.User) map[muster.ID]muster.NameKeys {
	if len(updates) == 0 {
		return nil
	}
	names := make(map[muster.ID]muster.NameKeys, len(before))
	for i := range before {
		names[before[i].ID] = before[i].NameKeys()
	}
	return names
}

func changeUser(c *conn, tenant muster.ID, u *muster.User, names map[muster.ID]muster.NameKeys, keys bool, now int64) error {
	_, err := c.exec(updateUser, orNull(u.Account), orNull(u.Phone), orNull(u.Email), orNull(u.FirstName), orNull(u.Surname),
		orNull(u.DisplayName), orNull(u.PasswordHash), int64(u.Level), u.Disabled, int64(u.Department), u.CapacityGB,
		orNullIDs(u.Roles), u.MustChangePassword, u.TokenEpoch, orNull(u.Source), now, int64(tenant), int64(u.ID))
	if err == nil && keys {
		_, err = c.exec(updateUserKeys, orNull(u.AccountKey), orNull(u.PhoneKey), orNull(u.EmailKey), int64(tenant), int64(u.ID))
	}
	if n := u.NameKeys(); err == nil && names[u.ID] != n {
		_, err = c.exec(updateUserNames, orNull(n.Display), orNull(n.Full), orNull(n.Surname), int64(tenant), int64(u.ID))
	}
	return err
}

// insertAll inserts n rows, as many as go with the statement for many, the rest one by one. fill sets the arguments of a row.
func insertAll(c *conn, one, many statement, columns, n int, fill func(args []any, row int)) error {
	args := make([]any, columns*min(n, insertRows))
	for i := 0; i < n; {
		rows, s := 1, one
		if n-i >= insertRows {
			rows, s = insertRows, many
		}
		for k := range rows {
			fill(args[k*columns:(k+1)*columns], i+k)
		}
		if _, err := c.exec(s, args[:rows*columns]...); err != nil {
			return err
		}
		i += rows
	}
	return nil
}
