package storetest

import (
	"crypto/sha256"
	"errors"
	"time"

	"muster"
	"muster/access"
)

// operator makes an operator, whose every key is his own.
func (b *bundle) operator() *muster.Operator {
	id := b.id()
	hash := sha256.Sum256([]byte("invitation " + id.String()))
	return &muster.Operator{
		ID: id, Tenant: b.tenant, Name: "Olga O.", Email: "O" + id.String() + "@example.com", EmailKey: "o" + id.String() + "@example.com",
		Role: muster.OperatorProvisioner, PasswordHash: "$argon2id$" + id.String(), Invitation: &muster.Activation{Hash: hash[:]},
		Language: "zh-CN", Epoch: 1 << 40,
	}
}

func (b *bundle) createOperator(o *muster.Operator) *muster.Operator {
	b.Helper()
	b.ok(b.store.CreateOperator(b.Context(), o, live))
	return o
}

func testOperators(b *bundle) {
	ctx := b.Context()
	before := time.Now()
	one, bare := b.createOperator(b.operator()), b.createOperator(&muster.Operator{ID: b.id(), Name: "x", Role: muster.OperatorViewer, Subject: "https://id x"})
	if one.CreatedAt.Sub(before).Abs() > time.Minute || one.Invitation.ExpiresAt.Sub(one.CreatedAt) != live {
		b.Errorf("an operator made at %s is of %s, his invitation of %s until %s", before, one.CreatedAt, live, one.Invitation.ExpiresAt)
	}
	for _, want := range []*muster.Operator{one, bare} {
		got, err := b.store.Operator(ctx, want.ID)
		b.ok(err)
		b.same("operator", got, want)
	}
	got, err := b.store.OperatorByEmail(ctx, one.EmailKey)
	b.ok(err)
	b.same("operator by e-mail", got, one)
	got, err = b.store.OperatorBySubject(ctx, bare.Subject)
	b.ok(err)
	b.same("operator by subject", got, bare)
	got, err = b.store.OperatorByInvitation(ctx, [32]byte(one.Invitation.Hash))
	b.ok(err)
	b.same("operator by invitation", got, one)
	all, err := b.store.Operators(ctx)
	b.ok(err)
	b.same("operators", all, []muster.Operator{*one, *bare})
	for _, nobody := range []error{
		second(b.store.Operator(ctx, b.id())), second(b.store.OperatorByEmail(ctx, "")), second(b.store.OperatorByEmail(ctx, "o@example.com")),
		second(b.store.OperatorBySubject(ctx, "")), second(b.store.OperatorByInvitation(ctx, [32]byte{})),
	} {
		b.kind(nobody, muster.KindNotFound)
	}
}

func second[T any](_ T, err error) error { return err }

func testOperatorRefusals(b *bundle) {
	ctx := b.Context()
	one := b.createOperator(b.operator())
	elsewhere := b.createOperator(&muster.Operator{ID: b.id(), Role: muster.OperatorViewer, Subject: "https://id x"})
	twin := b.operator()
	twin.EmailKey = one.EmailKey
	if e := b.kind(b.store.CreateOperator(ctx, twin, live), muster.KindConflict); e.Field != "email" {
		b.Errorf("an e-mail address is taken, says field %q", e.Field)
	}
	twin = &muster.Operator{ID: b.id(), Role: muster.OperatorViewer, Subject: elsewhere.Subject}
	if e := b.kind(b.store.CreateOperator(ctx, twin, live), muster.KindConflict); e.Field != "subject" {
		b.Errorf("a subject is taken, says field %q", e.Field)
	}
	all, err := b.store.Operators(ctx)
	b.ok(err)
	b.same("operators", all, []muster.Operator{*one, *elsewhere})
	b.kind(second(b.store.ChangeOperator(ctx, b.id(), func(*muster.Operator, time.Time) error { return nil })), muster.KindNotFound)
	b.kind(b.store.DeleteOperator(ctx, b.id()), muster.KindNotFound)
}

func testOperatorChange(b *bundle) {
	ctx := b.Context()
	one, other := b.createOperator(b.operator()), b.createOperator(b.operator())
	want := *one
	want.Name, want.Email, want.Role, want.Disabled, want.PasswordHash, want.Language = "New", "new@example.com", muster.OperatorAdministrator, true, "", ""
	want.Epoch, want.Invitation, want.LastSeenAt = 7, nil, b.now
	got, err := b.store.ChangeOperator(ctx, one.ID, func(o *muster.Operator, now time.Time) error {
		b.same("operator to be changed", o, one)
		if skew := time.Since(now).Abs(); skew > time.Minute {
			b.Errorf("the time is %s, %s from now", now, skew)
		}
		*o = want
		o.ID, o.Tenant, o.EmailKey, o.Subject, o.CreatedAt = 1, 2, "another", "another", time.Time{}
		return nil
	})
	b.ok(err)
	b.same("changed operator", got, &want)
	refusal := errors.New("no")
	_, err = b.store.ChangeOperator(ctx, one.ID, func(o *muster.Operator, _ time.Time) error {
		o.Name = "never"
		return refusal
	})
	b.is(err, refusal)
	all, err := b.store.Operators(ctx)
	b.ok(err)
	b.same("operators", all, []muster.Operator{want, *other})
	b.kind(second(b.store.OperatorByInvitation(ctx, [32]byte(one.Invitation.Hash))), muster.KindNotFound)

	_, err = b.store.ChangeOperator(ctx, one.ID, func(o *muster.Operator, now time.Time) error {
		o.Invitation = &muster.Activation{Hash: one.Invitation.Hash, ExpiresAt: now.Add(-time.Millisecond)}
		return nil
	})
	b.ok(err)
	b.kind(second(b.store.OperatorByInvitation(ctx, [32]byte(one.Invitation.Hash))), muster.KindNotFound) // it has expired
}

// operatorSession makes a session; its operator need not exist.
func (b *bundle) operatorSession(operator muster.ID, plain string, idle, life time.Duration) *access.OperatorSession {
	b.Helper()
	s := &access.OperatorSession{Hash: sha256.Sum256([]byte(plain)), Operator: operator, Epoch: 3, Idle: idle, Life: life}
	b.ok(b.store.CreateOperatorSession(b.Context(), s))
	return s
}

// left fails the test unless the session is open for about so long, or if that is 0 it is not there.
func (b *bundle) left(s *access.OperatorSession, want time.Duration) {
	b.Helper()
	got, o, err := b.store.OperatorSession(b.Context(), s.Hash)
	if want == 0 {
		b.kind(err, muster.KindNotFound)
		return
	}
	b.ok(err)
	if got.Hash != s.Hash || got.Operator != s.Operator || got.Epoch != s.Epoch || o.ID != s.Operator || got.Left > want || got.Left < want-time.Minute {
		b.Errorf("the session is %+v of operator %s, want %s of %+v", got, o.ID, want, s)
	}
}

func testOperatorSessions(b *bundle) {
	ctx := b.Context()
	one, other := b.createOperator(b.operator()), b.createOperator(b.operator())
	idle := b.operatorSession(one.ID, "idle", live, 3*live)
	short := b.operatorSession(one.ID, "short", 3*live, live)
	foreign := b.operatorSession(other.ID, "foreign", live, live)
	over := b.operatorSession(one.ID, "over", 0, live)
	nobodys := b.operatorSession(b.id(), "nobody's", live, live)
	b.left(idle, live)
	b.left(short, live)
	b.left(over, 0)
	b.left(nobodys, 0)
	b.left(&access.OperatorSession{Hash: sha256.Sum256(nil)}, 0)
	seen, err := b.store.Operator(ctx, one.ID)
	b.ok(err)
	if skew := time.Since(seen.LastSeenAt).Abs(); skew > time.Minute {
		b.Errorf("the operator was seen at %s", seen.LastSeenAt)
	}

	for _, s := range []*access.OperatorSession{idle, short, over, nobodys} {
		b.ok(b.store.ExtendOperatorSession(ctx, s.Hash, 2*live))
	}
	b.left(idle, 2*live)
	b.left(short, live)
	b.left(over, 0)
	b.ok(b.store.ExtendOperatorSession(ctx, idle.Hash, 0))
	b.left(idle, 0)

	b.ok(b.store.DeleteOperatorSession(ctx, short.Hash))
	b.ok(b.store.DeleteOperatorSession(ctx, short.Hash))
	b.left(short, 0)
	b.left(foreign, live)
	b.ok(b.store.DeleteOperator(ctx, other.ID))
	b.left(foreign, 0)
	b.kind(second(b.store.Operator(ctx, other.ID)), muster.KindNotFound)

	for more := true; more; {
		more, err = b.store.Purge(ctx, b.tenant, b.now.Add(-live), 1)
		b.ok(err)
	}
	b.left(b.operatorSession(one.ID, "idle", live, live), live) // the expired one's row is gone, or this had no place
}
