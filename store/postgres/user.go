package postgres

import (
	"cmp"
	"context"
	"slices"
	"time"

	"muster"
)

const noUser = "The user does not exist."

// User is [access.Store.User], [access.SignInStore.User] and [directory.Store.User].
func (s *Store) User(ctx context.Context, tenant, id muster.ID) (*muster.User, error) {
	var user *muster.User
	err := s.read(ctx, func(t *tx) error {
		t.rows(func(row scanner) error {
			user = new(muster.User)
			return scanUser(row, user)
		}, selectUsersByID, tenant, []int64{int64(id)})
		return nil
	})
	if err != nil {
		return nil, explain("read a user", err)
	}
	return found(user, noUser)
}

// Administrators is [access.Store.Administrators].
func (s *Store) Administrators(ctx context.Context, tenant muster.ID, limit int) ([]muster.User, error) {
	var users []muster.User
	err := s.read(ctx, func(t *tx) error {
		t.users(&users, selectAdministrators, tenant, limit)
		return nil
	})
	return users, explain("list administrators", err)
}

// users queues a look-up of users.
func (t *tx) users(all *[]muster.User, by statement, args ...any) {
	t.rows(func(row scanner) error {
		var u muster.User
		err := scanUser(row, &u)
		*all = append(*all, u)
		return err
	}, by, args...)
}

// Snapshot is [provision.Store.Snapshot].
func (s *Store) Snapshot(ctx context.Context, tenant muster.ID, keys muster.Keys) (muster.Snapshot, error) {
	shot, err := s.shoot(ctx, tenant, &keys, wholeUsers)
	return shot, explain("read a snapshot", err)
}

// Outline is [provision.Store.Outline].
func (s *Store) Outline(ctx context.Context, tenant muster.ID, keys muster.Keys) (muster.Snapshot, error) {
	shot, err := s.shoot(ctx, tenant, &keys, outlines)
	return shot, explain("read an outline", err)
}

func (s *Store) shoot(ctx context.Context, tenant muster.ID, keys *muster.Keys, of detail) (muster.Snapshot, error) {
	shot := snapshot{}
	known := false
	err := s.read(ctx, func(t *tx) error {
		t.rows(func(row scanner) error {
			var sequence int64
			known = true
			return scanUsage(row, &shot.Usage, &sequence)
		}, selectUsage, tenant)
		shot.queue(t, tenant, keys, of)
		if err := t.flush(); err != nil {
			return err
		}
		return shot.resolve(keys)
	})
	if err == nil && !known {
		err = &muster.Error{Kind: muster.KindNotFound, Detail: noTenant}
	}
	if err != nil {
		return muster.Snapshot{}, err
	}
	return shot.Snapshot, nil
}

// detail says how much of users is read: all, or what the indexes are of.
type detail struct {
	scan                        func(scanner, *muster.User) error
	byAccount, byPhone, byEmail statement
}

var (
	wholeUsers = detail{scanUser, selectUsersByAccount, selectUsersByPhone, selectUsersByEmail}
	outlines   = detail{scanOutline, outlineByAccount, outlineByPhone, outlineByEmail}
)

func scanOutline(row scanner, u *muster.User) error {
	u.Level = muster.LevelCommon
	return row.Scan(&u.ID, &u.AccountKey, &u.PhoneKey, &u.EmailKey)
}

// snapshot is a [muster.Snapshot] that is being read. Its usage comes from elsewhere.
type snapshot struct {
	muster.Snapshot
	seen        map[muster.ID]int // where in Users
	departments departmentFinder
}

// queue queues what there is to read, but for what resolve reads once that is known.
func (s *snapshot) queue(t *tx, tenant muster.ID, keys *muster.Keys, of detail) {
	s.seen = make(map[muster.ID]int)
	if keys.Homes {
		of = wholeUsers // of whom an outline leaves the department out
	}
	t.rows(func(row scanner) error {
		stored, err := scanTenant(row)
		if err == nil {
			s.Settings = &stored.Settings
		}
		return err
	}, selectTenant, tenant)
	if len(keys.IDs) > 0 {
		t.rows(s.add(scanUser), selectUsersByID, tenant, keys.IDs)
	}
	for _, l := range [...]struct {
		by   statement
		keys []string
	}{{of.byAccount, keys.Accounts}, {of.byPhone, keys.Phones}, {of.byEmail, keys.Emails}} {
		if len(l.keys) > 0 {
			t.rows(s.add(of.scan), l.by, tenant, l.keys)
		}
	}
	if len(keys.Roles) > 0 {
		roles := slices.Clone(keys.Roles) // of which many rows assign the same
		slices.Sort(roles)
		t.rows(func(row scanner) error {
			var id muster.ID
			err := row.Scan(&id)
			s.Roles = append(s.Roles, id)
			return err
		}, selectRolesByID, tenant, slices.Compact(roles))
	}
	s.departments = departmentFinder{tx: t, tenant: tenant}
	s.departments.bases(keys.Departments)
}

// resolve reads the departments that the users found are in, and that rows mean.
func (s *snapshot) resolve(keys *muster.Keys) error {
	if keys.Homes {
		homes := make([]int64, len(s.Users))
		for i := range s.Users {
			homes[i] = int64(s.Users[i].Department)
		}
		s.departments.find(selectDepartmentsByID, homes)
	}
	err := s.departments.resolve(keys.Departments)
	s.Departments = s.departments.found
	return err
}

// add takes in users, each once.
func (s *snapshot) add(scan func(scanner, *muster.User) error) func(scanner) error {
	return func(row scanner) error {
		var u muster.User
		if err := scan(row, &u); err != nil {
			return err
		}
		i, known := s.seen[u.ID]
		if !known {
			s.seen[u.ID] = len(s.Users)
			s.Users = append(s.Users, u)
			return nil
		}
		// An outline found by another key adds that key; of a whole user this changes nothing.
		user := &s.Users[i]
		user.AccountKey = cmp.Or(user.AccountKey, u.AccountKey)
		user.PhoneKey = cmp.Or(user.PhoneKey, u.PhoneKey)
		user.EmailKey = cmp.Or(user.EmailKey, u.EmailKey)
		return nil
	}
}

// scanUsage scans what a tenant has taken, and the last place in its order of acceptance.
func scanUsage(row scanner, u *muster.Usage, sequence *int64) error {
	return row.Scan(&u.Users, &u.CapacityGB, &u.SystemAdmins, &u.QueuedRows, &u.QueuedBytes, sequence)
}

func scanUser(row scanner, u *muster.User) error {
	return row.Scan(&u.ID, &u.Account, &u.AccountKey, &u.Phone, &u.PhoneKey, &u.Email,
		&u.EmailKey, &u.FirstName, &u.Surname, &u.DisplayName, &u.PasswordHash, &u.MustChangePassword,
		&u.TokenEpoch, &u.Level, &u.Disabled, &u.Department, &u.CapacityGB, &u.Roles, &u.Source, &u.CreatedAt, &u.UpdatedAt)
}

// userLists are the values of users, an array for each column of userList.
func userLists(users []muster.User) []any {
	n := len(users)
	texts := make([]string, 15*n)
	column := func(i int) []string { return texts[i*n : (i+1)*n : (i+1)*n] }
	account, accountKey, phone, phoneKey, email, emailKey := column(0), column(1), column(2), column(3), column(4), column(5)
	first, surname, display, hash, roles, source := column(6), column(7), column(8), column(9), column(10), column(11)
	displayKey, fullKey, surnameKey := column(12), column(13), column(14)
	ids, epochs, departments, capacities := make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n)
	levels, disabled, must := make([]int16, n), make([]bool, n), make([]bool, n)
	for i := range users {
		u := &users[i]
		ids[i], epochs[i], departments[i], capacities[i] = int64(u.ID), u.TokenEpoch, int64(u.Department), u.CapacityGB
		account[i], accountKey[i] = u.Account, u.AccountKey
		phone[i], phoneKey[i] = u.Phone, u.PhoneKey
		email[i], emailKey[i] = u.Email, u.EmailKey
		first[i], surname[i], display[i] = u.FirstName, u.Surname, u.DisplayName
		hash[i], roles[i], source[i] = u.PasswordHash, arrayLiteral(u.Roles), u.Source
		keys := u.NameKeys()
		displayKey[i], fullKey[i], surnameKey[i] = keys.Display, keys.Full, keys.Surname
		levels[i], disabled[i], must[i] = int16(u.Level), u.Disabled, u.MustChangePassword
	}
	return []any{
		ids, account, accountKey, phone, phoneKey, email, emailKey, first, surname, display, hash, must, epochs, levels, disabled,
		departments, capacities, roles, source, displayKey, fullKey, surnameKey,
	}
}

func insertAll(t *tx, tenant muster.ID, users []muster.User, created, updated time.Time) {
	args := append([]any{tenant}, userLists(users)...)
	t.exec(insertUsers, append(args, created, updated)...)
}

// writeUsers queues what brings the directory to the plan's final state. What is freed comes first, so that two users can
// swap their keys, and a key can pass from one who is deleted to one who is new.
//
// Of before, users as they are stored, it learns whose roles change.
func writeUsers(t *tx, tenant muster.ID, plan *muster.Planned, before []muster.User, now time.Time) {
	roles := roleChangesOf(plan, before)
	roles.release(t, tenant)
	endActivations(t, tenant, slices.Concat(plan.Password, plan.Delete))
	if len(plan.Delete) > 0 {
		t.exec(deleteUsers, tenant, plan.Delete)
	}
	if len(plan.Release) > 0 {
		t.exec(releaseKeys, tenant, plan.Release)
	}
	if len(plan.Update) > 0 {
		args := append([]any{tenant}, userLists(plan.Update)...)
		t.exec(updateUsers, append(args, now)...)
	}
	if len(plan.Insert) > 0 {
		insertAll(t, tenant, plan.Insert, now, now)
	}
	roles.assign(t, tenant)
}
