package postgres

import (
	"context"
	"crypto/sha256"
	"time"

	"muster"
	"muster/access"
)

const (
	noOperator        = "The operator does not exist."
	noOperatorSession = "The session does not exist, or has expired."
)

// CreateOperator is [access.OperatorStore.CreateOperator].
func (s *Store) CreateOperator(ctx context.Context, o *muster.Operator, life time.Duration) error {
	err := s.writeOutside(ctx, func(t *tx) error {
		var hash []byte
		if o.Invitation != nil {
			hash = o.Invitation.Hash
		}
		made := false
		var until time.Time
		t.rows(func(row scanner) error {
			made = true
			return row.Scan(&o.CreatedAt, &until)
		}, insertOperator, o.ID, o.Tenant, o.Name, o.Email, o.EmailKey, int16(o.Role), o.Disabled, o.Subject, o.PasswordHash, o.Language, o.Epoch,
			hash, life.Microseconds(), orNull(o.LastSeenAt))
		var namesake *muster.Operator
		t.operator(&namesake, selectOperatorByEmail, o.EmailKey)
		if err := t.flush(); err != nil {
			return err
		}
		switch {
		case made && o.Invitation != nil:
			o.Invitation.ExpiresAt = until
			return nil
		case made:
			return nil
		case namesake != nil:
			return conflict("email", "An operator with this e-mail address exists.")
		default:
			return conflict("subject", "An operator with this identity exists.")
		}
	})
	return explain("create an operator", err)
}

// operator queues a look-up of an operator, and leaves nil where there is none.
func (t *tx) operator(o **muster.Operator, by statement, args ...any) {
	t.rows(func(row scanner) (err error) {
		*o, err = scanOperator(row)
		return err
	}, by, args...)
}

// Operator is [access.OperatorStore.Operator].
func (s *Store) Operator(ctx context.Context, id muster.ID) (*muster.Operator, error) {
	return s.operatorBy(ctx, selectOperator, id)
}

// OperatorByEmail is [access.OperatorStore.OperatorByEmail].
func (s *Store) OperatorByEmail(ctx context.Context, emailKey string) (*muster.Operator, error) {
	return s.operatorBy(ctx, selectOperatorByEmail, emailKey)
}

// OperatorBySubject is [access.OperatorStore.OperatorBySubject].
func (s *Store) OperatorBySubject(ctx context.Context, subject string) (*muster.Operator, error) {
	return s.operatorBy(ctx, selectOperatorBySubject, subject)
}

// OperatorByInvitation is [access.OperatorStore.OperatorByInvitation].
func (s *Store) OperatorByInvitation(ctx context.Context, hash [sha256.Size]byte) (*muster.Operator, error) {
	return s.operatorBy(ctx, selectOperatorByInvitation, hash[:])
}

func (s *Store) operatorBy(ctx context.Context, by statement, args ...any) (*muster.Operator, error) {
	var o *muster.Operator
	err := s.read(ctx, func(t *tx) error {
		t.operator(&o, by, args...)
		return nil
	})
	if err != nil {
		return nil, explain("read an operator", err)
	}
	return found(o, noOperator)
}

// Operators is [access.OperatorStore.Operators].
func (s *Store) Operators(ctx context.Context) ([]muster.Operator, error) {
	var all []muster.Operator
	err := s.read(ctx, func(t *tx) error {
		t.rows(func(row scanner) error {
			o, err := scanOperator(row)
			if err == nil {
				all = append(all, *o)
			}
			return err
		}, selectOperators)
		return nil
	})
	return all, explain("list operators", err)
}

// ChangeOperator is [access.OperatorStore.ChangeOperator].
func (s *Store) ChangeOperator(ctx context.Context, id muster.ID, change func(*muster.Operator, time.Time) error) (*muster.Operator, error) {
	var o *muster.Operator
	err := s.writeOutside(ctx, func(t *tx) error {
		var stored *muster.Operator
		t.operator(&stored, lockOperator, id)
		if err := t.flush(); err != nil {
			return err
		}
		if _, err := found(stored, noOperator); err != nil {
			return err
		}
		var now time.Time
		t.row([]any{&now}, selectNow) // it may have waited for the lock
		if err := t.flush(); err != nil {
			return err
		}
		next := *stored
		if err := edit(func(o *muster.Operator) error { return change(o, stamp(now)) }, &next); err != nil {
			return err
		}
		next.ID, next.Tenant, next.EmailKey, next.Subject, next.CreatedAt = id, stored.Tenant, stored.EmailKey, stored.Subject, stored.CreatedAt
		var hash []byte
		var until any
		if next.Invitation != nil {
			hash, until = next.Invitation.Hash, next.Invitation.ExpiresAt
		}
		o = &next
		t.exec(updateOperator, id, o.Name, o.Email, int16(o.Role), o.Disabled, o.PasswordHash, o.Language, o.Epoch, hash, until, orNull(o.LastSeenAt))
		return nil
	})
	if err != nil {
		return nil, explainRefused("change an operator", err)
	}
	return o, nil
}

// DeleteOperator is [access.OperatorStore.DeleteOperator].
func (s *Store) DeleteOperator(ctx context.Context, id muster.ID) error {
	err := s.writeOutside(ctx, func(t *tx) error {
		var n int64
		t.count(&n, deleteOperator, id)
		t.exec(deleteOperatorsSessions, id)
		if err := t.flush(); err != nil {
			return err
		}
		if n == 0 {
			return &muster.Error{Kind: muster.KindNotFound, Detail: noOperator}
		}
		return nil
	})
	return explain("delete an operator", err)
}

// CreateOperatorSession is [access.OperatorStore.CreateOperatorSession].
func (s *Store) CreateOperatorSession(ctx context.Context, session *access.OperatorSession) error {
	err := s.writeOutside(ctx, func(t *tx) error {
		t.exec(insertOperatorSession, session.Hash[:], session.Operator, session.Epoch, session.Idle.Microseconds(), session.Life.Microseconds())
		t.exec(seeOperator, session.Operator)
		return nil
	})
	return explain("create an operator's session", err)
}

// OperatorSession is [access.OperatorStore.OperatorSession].
func (s *Store) OperatorSession(ctx context.Context, hash [sha256.Size]byte) (*access.OperatorSession, *muster.Operator, error) {
	session := &access.OperatorSession{Hash: hash}
	var o *muster.Operator
	err := s.read(ctx, func(t *tx) error {
		t.operatorSession(session, hash)
		if err := t.flush(); err != nil || session.Operator == 0 {
			return err
		}
		t.operator(&o, selectOperator, session.Operator)
		return nil
	})
	if err == nil {
		_, err = found(o, noOperatorSession)
	}
	if err != nil {
		return nil, nil, explain("read an operator's session", err)
	}
	return session, o, nil
}

// operatorSession queues a look-up of a session, and leaves its operator 0 where there is none.
func (t *tx) operatorSession(session *access.OperatorSession, hash [sha256.Size]byte) {
	t.rows(func(row scanner) error {
		var left int64
		err := row.Scan(&session.Operator, &session.Epoch, &left)
		session.Left = time.Duration(left) * time.Microsecond
		return err
	}, selectOperatorSession, hash[:])
}

// ExtendOperatorSession is [access.OperatorStore.ExtendOperatorSession].
func (s *Store) ExtendOperatorSession(ctx context.Context, hash [sha256.Size]byte, idle time.Duration) error {
	err := s.writeOutside(ctx, func(t *tx) error {
		var session access.OperatorSession
		t.operatorSession(&session, hash)
		if err := t.flush(); err != nil || session.Operator == 0 {
			return err
		}
		t.exec(extendOperatorSession, hash[:], idle.Microseconds())
		t.exec(seeOperator, session.Operator)
		return nil
	})
	return explain("extend an operator's session", err)
}

// DeleteOperatorSession is [access.OperatorStore.DeleteOperatorSession].
func (s *Store) DeleteOperatorSession(ctx context.Context, hash [sha256.Size]byte) error {
	err := s.writeOutside(ctx, func(t *tx) error {
		t.exec(deleteOperatorSession, hash[:])
		return nil
	})
	return explain("delete an operator's session", err)
}

func scanOperator(row scanner) (*muster.Operator, error) {
	var o muster.Operator
	var hash []byte
	var until time.Time
	err := row.Scan(&o.ID, &o.Tenant, &o.Name, &o.Email, &o.EmailKey, &o.Role, &o.Disabled, &o.Subject, &o.PasswordHash, &o.Language, &o.Epoch,
		&hash, &until, &o.CreatedAt, &o.LastSeenAt)
	if err == nil && hash != nil {
		o.Invitation = &muster.Activation{Hash: hash, ExpiresAt: until}
	}
	return &o, err
}
