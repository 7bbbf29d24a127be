package sqlite

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
	err := s.writer.small(ctx, func(c *conn) error {
		ctx := context.Background()
		if o.EmailKey != "" {
			if _, err := scanOperator(c.row(ctx, selectOperatorByEmail, o.EmailKey)); !isRefusal(err) {
				return taken(err, "email", "An operator with this e-mail address exists.")
			}
		}
		if o.Subject != "" {
			if _, err := scanOperator(c.row(ctx, selectOperatorBySubject, o.Subject)); !isRefusal(err) {
				return taken(err, "subject", "An operator with this identity exists.")
			}
		}
		o.CreatedAt = timeOf(millis(s.now()))
		if o.Invitation != nil {
			o.Invitation.ExpiresAt = o.CreatedAt.Add(life)
		}
		hash, until := invitation(o)
		_, err := c.exec(insertOperator, int64(o.ID), int64(o.Tenant), o.Name, orNull(o.Email), orNull(o.EmailKey), int64(o.Role), o.Disabled,
			orNull(o.Subject), orNull(o.PasswordHash), orNull(o.Language), o.Epoch, hash, until, millis(o.CreatedAt), orNever(o.LastSeenAt))
		if err != nil {
			return err
		}
		return recordID(c, o.ID)
	})
	return explain("create an operator", err)
}

// invitation is how an operator's invitation is stored.
func invitation(o *muster.Operator) (hash, until any) {
	if o.Invitation == nil {
		return nil, nil
	}
	return o.Invitation.Hash, millis(o.Invitation.ExpiresAt)
}

// Operator is [access.OperatorStore.Operator].
func (s *Store) Operator(ctx context.Context, id muster.ID) (*muster.Operator, error) {
	return s.operatorBy(ctx, selectOperator, int64(id))
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
	return s.operatorBy(ctx, selectOperatorByInvitation, hash[:], millis(s.now()))
}

func (s *Store) operatorBy(ctx context.Context, by statement, args ...any) (o *muster.Operator, err error) {
	err = s.readers.read(ctx, func(q querier) error {
		o, err = scanOperator(q.row(ctx, by, args...))
		return exists(err, noOperator)
	})
	if err != nil {
		return nil, explain("read an operator", err)
	}
	return o, nil
}

// Operators is [access.OperatorStore.Operators].
func (s *Store) Operators(ctx context.Context) ([]muster.Operator, error) {
	var all []muster.Operator
	err := s.readers.read(ctx, func(q querier) error {
		rows, err := q.query(ctx, selectOperators)
		return collect(rows, err, func(row scanner) error {
			o, err := scanOperator(row)
			if err == nil {
				all = append(all, *o)
			}
			return err
		})
	})
	return all, explain("list operators", err)
}

// ChangeOperator is [access.OperatorStore.ChangeOperator].
func (s *Store) ChangeOperator(ctx context.Context, id muster.ID, change func(*muster.Operator, time.Time) error) (*muster.Operator, error) {
	var o *muster.Operator
	var refused error
	err := s.writer.small(ctx, func(c *conn) error {
		stored, err := scanOperator(c.row(context.Background(), selectOperator, int64(id)))
		if err != nil {
			return exists(err, noOperator)
		}
		next := *stored
		if refused = change(&next, timeOf(millis(s.now()))); refused != nil {
			return refused
		}
		next.ID, next.Tenant, next.EmailKey, next.Subject, next.CreatedAt = id, stored.Tenant, stored.EmailKey, stored.Subject, stored.CreatedAt
		hash, until := invitation(&next)
		o = &next
		_, err = c.exec(updateOperator, o.Name, orNull(o.Email), int64(o.Role), o.Disabled, orNull(o.PasswordHash), orNull(o.Language),
			o.Epoch, hash, until, orNever(o.LastSeenAt), int64(id))
		return err
	})
	switch {
	case err == nil:
		return o, nil
	case refused != nil:
		return nil, refused
	default:
		return nil, explain("change an operator", err)
	}
}

// DeleteOperator is [access.OperatorStore.DeleteOperator].
func (s *Store) DeleteOperator(ctx context.Context, id muster.ID) error {
	err := s.writer.small(ctx, func(c *conn) error {
		n, err := c.exec(deleteOperator, int64(id))
		switch {
		case err != nil:
			return err
		case n == 0:
			return &muster.Error{Kind: muster.KindNotFound, Detail: noOperator}
		}
		_, err = c.exec(deleteOperatorsSessions, int64(id))
		return err
	})
	return explain("delete an operator", err)
}

// CreateOperatorSession is [access.OperatorStore.CreateOperatorSession].
func (s *Store) CreateOperatorSession(ctx context.Context, session *access.OperatorSession) error {
	err := s.writer.small(ctx, func(c *conn) error {
		now := s.now()
		ends := now.Add(session.Life)
		expires := now.Add(min(session.Idle, session.Life))
		_, err := c.exec(insertOperatorSession, session.Hash[:], int64(session.Operator), session.Epoch, millis(expires), millis(ends))
		if err != nil {
			return err
		}
		_, err = c.exec(seeOperator, millis(now), int64(session.Operator))
		return err
	})
	return explain("create an operator's session", err)
}

// OperatorSession is [access.OperatorStore.OperatorSession].
func (s *Store) OperatorSession(ctx context.Context, hash [sha256.Size]byte) (*access.OperatorSession, *muster.Operator, error) {
	session := &access.OperatorSession{Hash: hash}
	var o *muster.Operator
	err := s.readers.read(ctx, func(q querier) error {
		now := s.now()
		var expires time.Time
		err := q.row(ctx, selectOperatorSession, hash[:], millis(now)).Scan(&session.Operator, &session.Epoch, moment{&expires})
		if err != nil {
			return exists(err, noOperatorSession)
		}
		session.Left = expires.Sub(timeOf(millis(now)))
		o, err = scanOperator(q.row(ctx, selectOperator, int64(session.Operator)))
		return exists(err, noOperatorSession)
	})
	if err != nil {
		return nil, nil, explain("read an operator's session", err)
	}
	return session, o, nil
}

// ExtendOperatorSession is [access.OperatorStore.ExtendOperatorSession].
func (s *Store) ExtendOperatorSession(ctx context.Context, hash [sha256.Size]byte, idle time.Duration) error {
	err := s.writer.small(ctx, func(c *conn) error {
		now := s.now()
		var operator muster.ID
		var expires time.Time
		var epoch int64
		err := c.row(context.Background(), selectOperatorSession, hash[:], millis(now)).Scan(&operator, &epoch, moment{&expires})
		if isRefusal(err) {
			return nil
		}
		if err != nil {
			return err
		}
		if _, err := c.exec(extendOperatorSession, millis(now.Add(idle)), hash[:]); err != nil {
			return err
		}
		_, err = c.exec(seeOperator, millis(now), int64(operator))
		return err
	})
	return explain("extend an operator's session", err)
}

// DeleteOperatorSession is [access.OperatorStore.DeleteOperatorSession].
func (s *Store) DeleteOperatorSession(ctx context.Context, hash [sha256.Size]byte) error {
	err := s.writer.small(ctx, func(c *conn) error {
		_, err := c.exec(deleteOperatorSession, hash[:])
		return err
	})
	return explain("delete an operator's session", err)
}

func scanOperator(row scanner) (*muster.Operator, error) {
	var o muster.Operator
	var hash []byte
	var until time.Time
	err := row.Scan(&o.ID, &o.Tenant, &o.Name, text{&o.Email}, text{&o.EmailKey}, &o.Role, &o.Disabled, text{&o.Subject}, text{&o.PasswordHash},
		text{&o.Language}, &o.Epoch, &hash, moment{&until}, moment{&o.CreatedAt}, moment{&o.LastSeenAt})
	if err != nil {
		return nil, err
	}
	if hash != nil {
		o.Invitation = &muster.Activation{Hash: hash, ExpiresAt: until}
	}
	return &o, nil
}
