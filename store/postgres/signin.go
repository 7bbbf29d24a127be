package postgres

import (
	"context"
	"time"

	"muster"
)

// SignIn is [access.SignInStore.SignIn].
func (s *Store) SignIn(ctx context.Context, tenant, user muster.ID) (*muster.SignIn, error) {
	var all signIns
	err := s.read(ctx, func(t *tx) error {
		all.queue(t, tenant, []muster.ID{user})
		return nil
	})
	if err != nil {
		return nil, explain("read a sign-in", err)
	}
	return found(all.take(user), noUser)
}

// EnabledByEmail is [access.SignInStore.EnabledByEmail].
func (s *Store) EnabledByEmail(ctx context.Context, tenant muster.ID, email string, limit int) ([]muster.User, error) {
	var users []muster.User
	err := s.read(ctx, func(t *tx) error {
		t.users(&users, selectEnabledByEmail, tenant, email, limit)
		return nil
	})
	return users, explain("read who has an e-mail address", err)
}

// ChangeSignIns is [access.SignInStore.ChangeSignIns].
func (s *Store) ChangeSignIns(ctx context.Context, tenant muster.ID, users []muster.ID, change func(*muster.SignIn) error) error {
	err := s.write(ctx, tenant, func(t *tx) error {
		var all signIns
		all.queue(t, tenant, users)
		if err := t.flush(); err != nil {
			return err
		}
		var w signInWrites
		for _, id := range users {
			next := all.take(id)
			if next == nil {
				continue
			}
			before := *next
			if err := edit(change, next); err != nil {
				return err
			}
			w.add(&before, next)
		}
		w.queue(t, tenant)
		return nil
	})
	return explainRefused("change sign-ins", err)
}

// signIns are sign-ins that are being read.
type signIns struct {
	now   time.Time
	users map[muster.ID]*muster.SignIn
}

// queue queues a look-up of those of the users that exist.
func (s *signIns) queue(t *tx, tenant muster.ID, users []muster.ID) {
	s.users = make(map[muster.ID]*muster.SignIn, len(users))
	t.row([]any{&s.now}, selectNow)
	t.rows(func(row scanner) error {
		one := new(muster.SignIn)
		err := scanUser(row, &one.User)
		s.users[one.User.ID] = one
		return err
	}, selectUsersByID, tenant, users)
	t.rows(func(row scanner) error {
		var user muster.ID
		var a muster.Activation
		err := row.Scan(&user, &a.Hash, &a.ExpiresAt)
		if one := s.users[user]; one != nil {
			one.Activation = &a
		}
		return err
	}, selectActivations, tenant, users)
}

// take gives a user's sign-in, once; nil if he does not exist.
func (s *signIns) take(user muster.ID) *muster.SignIn {
	one := s.users[user]
	if one != nil {
		delete(s.users, user)
		one.Now = stamp(s.now)
	}
	return one
}

// signInWrites are the changes to be written, as arrays.
type signInWrites struct {
	users  []int64
	hashes []string
	must   []bool
	epochs []int64

	linked  []int64
	links   [][]byte
	expires []time.Time

	ended []muster.ID // users whose links end
}

func (w *signInWrites) add(before, next *muster.SignIn) {
	id, u := before.User.ID, &next.User
	if u.PasswordHash != before.User.PasswordHash || u.MustChangePassword != before.User.MustChangePassword || u.TokenEpoch != before.User.TokenEpoch {
		w.users, w.hashes = append(w.users, int64(id)), append(w.hashes, u.PasswordHash)
		w.must, w.epochs = append(w.must, u.MustChangePassword), append(w.epochs, u.TokenEpoch)
	}
	switch a := next.Activation; {
	case a != nil:
		w.linked, w.links, w.expires = append(w.linked, int64(id)), append(w.links, a.Hash), append(w.expires, a.ExpiresAt)
	case before.Activation != nil:
		w.ended = append(w.ended, id)
	}
}

func (w *signInWrites) queue(t *tx, tenant muster.ID) {
	if len(w.users) > 0 {
		t.exec(updateSignIns, tenant, w.users, w.hashes, w.must, w.epochs)
	}
	if len(w.linked) > 0 {
		t.exec(upsertActivations, tenant, w.linked, w.links, w.expires)
	}
	endActivations(t, tenant, w.ended)
}

// endActivations queues what deletes the users' links.
func endActivations(t *tx, tenant muster.ID, users []muster.ID) {
	if len(users) > 0 {
		t.exec(deleteActivations, tenant, users)
	}
}
