package access_test

import (
	"context"
	"time"

	"muster"
	"muster/access"
)

// sessionStore watches what is asked of a real one, and breaks it.
type sessionStore struct {
	access.SessionStore
	calls  []string
	failAt string
	err    error
}

func (s *sessionStore) call(name string) error {
	s.calls = append(s.calls, name)
	if name == s.failAt {
		return s.err
	}
	return nil
}

func (s *sessionStore) Token(ctx context.Context, hash [32]byte) (*access.Token, error) {
	if err := s.call("token"); err != nil {
		return nil, err
	}
	return s.SessionStore.Token(ctx, hash)
}

func (s *sessionStore) CreateTokens(ctx context.Context, tenant muster.ID, tokens ...*access.Token) error {
	if err := s.call("create"); err != nil {
		return err
	}
	return s.SessionStore.CreateTokens(ctx, tenant, tokens...)
}

func (s *sessionStore) RefusedAttempts(ctx context.Context, keys ...access.AttemptKey) ([]access.Attempts, error) {
	if err := s.call("attempts"); err != nil {
		return nil, err
	}
	return s.SessionStore.RefusedAttempts(ctx, keys...)
}

func (s *sessionStore) CountRefusedAttempt(ctx context.Context, window time.Duration, keys ...access.AttemptKey) error {
	if err := s.call("count"); err != nil {
		return err
	}
	return s.SessionStore.CountRefusedAttempt(ctx, window, keys...)
}

func (s *sessionStore) Snapshot(ctx context.Context, tenant muster.ID, keys muster.Keys) (muster.Snapshot, error) {
	if err := s.call("snapshot"); err != nil {
		return muster.Snapshot{}, err
	}
	return s.SessionStore.Snapshot(ctx, tenant, keys)
}

func (s *sessionStore) EnabledByEmail(ctx context.Context, tenant muster.ID, email string, limit int) ([]muster.User, error) {
	if err := s.call("e-mail"); err != nil {
		return nil, err
	}
	return s.SessionStore.EnabledByEmail(ctx, tenant, email, limit)
}

func (s *sessionStore) User(ctx context.Context, tenant, id muster.ID) (*muster.User, error) {
	if err := s.call("user"); err != nil {
		return nil, err
	}
	return s.SessionStore.User(ctx, tenant, id)
}

func (s *sessionStore) SignIn(ctx context.Context, tenant, user muster.ID) (*muster.SignIn, error) {
	if err := s.call("sign-in"); err != nil {
		return nil, err
	}
	return s.SessionStore.SignIn(ctx, tenant, user)
}

func (s *sessionStore) ChangeSignIns(ctx context.Context, tenant muster.ID, users []muster.ID, change func(*muster.SignIn) error) error {
	if err := s.call("change"); err != nil {
		return err
	}
	return s.SessionStore.ChangeSignIns(ctx, tenant, users, change)
}
