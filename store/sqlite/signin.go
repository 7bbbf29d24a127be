package sqlite

import (
	"context"

	"muster"
)

// SignIn is [access.SignInStore.SignIn].
func (s *Store) SignIn(ctx context.Context, tenant, user muster.ID) (signIn *muster.SignIn, err error) {
	err = s.readers.read(ctx, func(q querier) error {
		found, err := s.signIns(ctx, q, tenant, []muster.ID{user})
		if signIn = found[user]; err == nil && signIn == nil {
			return &muster.Error{Kind: muster.KindNotFound, Detail: noUser}
		}
		return err
	})
	if err != nil {
		return nil, explain("read a sign-in", err)
	}
	return signIn, nil
}

// EnabledByEmail is [access.SignInStore.EnabledByEmail].
func (s *Store) EnabledByEmail(ctx context.Context, tenant muster.ID, email string, limit int) ([]muster.User, error) {
	var users []muster.User
	err := s.readers.read(ctx, func(q querier) error {
		rows, err := q.query(ctx, selectEnabledByEmail, int64(tenant), email, limit)
		return collect(rows, err, func(row scanner) error {
			var u muster.User
			err := scanUser(row, &u)
			users = append(users, u)
			return err
		})
	})
	return users, explain("read who has an e-mail address", err)
}

// ChangeSignIns is [access.SignInStore.ChangeSignIns].
func (s *Store) ChangeSignIns(ctx context.Context, tenant muster.ID, users []muster.ID, change func(*muster.SignIn) error) error {
	write := s.writer.large
	if len(users) == 1 { // somebody waits to be signed in
		write = s.writer.small
	}
	var refused error
	err := write(ctx, func(c *conn) error {
		ctx := context.Background()
		if _, err := scanTenant(c.row(ctx, selectTenant, int64(tenant))); err != nil {
			return exists(err, noTenant)
		}
		found, err := s.signIns(ctx, c, tenant, users)
		if err != nil {
			return err
		}
		for _, id := range users {
			next := found[id]
			if next == nil {
				continue
			}
			delete(found, id)
			before := next.User
			had := next.Activation != nil
			if refused = change(next); refused != nil {
				return refused
			}
			if err := writeSignIn(c, tenant, &before, next, had); err != nil {
				return err
			}
		}
		return nil
	})
	if refused != nil {
		return refused
	}
	return explain("change sign-ins", err)
}

// signIns reads those of the users that exist.
func (s *Store) signIns(ctx context.Context, q querier, tenant muster.ID, users []muster.ID) (map[muster.ID]*muster.SignIn, error) {
	list, now := string(jsonIDs(users)), timeOf(millis(s.now()))
	found := make(map[muster.ID]*muster.SignIn, len(users))
	rows, err := q.query(ctx, selectUsersByID, int64(tenant), list)
	err = collect(rows, err, func(row scanner) error {
		one := &muster.SignIn{Now: now}
		err := scanUser(row, &one.User)
		found[one.User.ID] = one
		return err
	})
	if err != nil {
		return nil, err
	}
	rows, err = q.query(ctx, selectActivations, int64(tenant), list)
	err = collect(rows, err, func(row scanner) error {
		var user muster.ID
		var a muster.Activation
		err := row.Scan(&user, &a.Hash, moment{&a.ExpiresAt})
		if one := found[user]; one != nil {
			one.Activation = &a
		}
		return err
	})
	return found, err
}

func writeSignIn(c *conn, tenant muster.ID, before *muster.User, next *muster.SignIn, had bool) error {
	u := &next.User
	if u.PasswordHash != before.PasswordHash || u.MustChangePassword != before.MustChangePassword || u.TokenEpoch != before.TokenEpoch {
		_, err := c.exec(updateSignIn, orNull(u.PasswordHash), u.MustChangePassword, u.TokenEpoch, int64(tenant), int64(before.ID))
		if err != nil {
			return err
		}
	}
	switch a := next.Activation; {
	case a != nil:
		_, err := c.exec(upsertActivation, int64(tenant), int64(before.ID), a.Hash, millis(a.ExpiresAt))
		return err
	case had:
		return endActivations(c, tenant, []muster.ID{before.ID})
	default:
		return nil
	}
}

// endActivations deletes the users' links.
func endActivations(c *conn, tenant muster.ID, users []muster.ID) error {
	if len(users) == 0 {
		return nil
	}
	_, err := c.exec(deleteActivations, int64(tenant), string(jsonIDs(users)))
	return err
}
