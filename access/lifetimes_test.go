package access_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"muster"
	"muster/access"
)

// known is what a model knows of a session: the sign-in it descends from, when it began, and the epoch of its user.
type known struct {
	session   *access.Session
	family    int
	epoch     int
	issued    time.Time
	refreshed time.Time // when its refresh token was used first
}

// lifetimes is a model of one user's sessions beside the real ones.
type lifetimes struct {
	p       *people
	account string
	user    muster.ID

	sessions []*known
	ended    map[int]bool // families
	families int
	epoch    int
	disabled bool
}

// TestLifetimesProperty: whatever happens to a user in whatever order, exactly those tokens are good that should be.
func TestLifetimesProperty(t *testing.T) {
	t.Parallel()
	p := setupPeople(t)
	users := 0
	rapid.Check(t, func(r *rapid.T) {
		users++
		m := &lifetimes{p: p, account: fmt.Sprint("user", users), ended: map[int]bool{}}
		m.user = p.add(t, muster.User{Account: m.account}, rightPassword)
		r.Repeat(map[string]func(*rapid.T){
			"sign in": func(*rapid.T) { m.signIn(t) },
			"refresh": func(r *rapid.T) { m.refresh(r, t) },
			"wait": func(r *rapid.T) {
				steps := []time.Duration{time.Second, 29 * time.Second, 30 * time.Second, 10 * time.Minute, 1799 * time.Second, 8 * time.Hour}
				p.clock.Advance(rapid.SampledFrom(steps).Draw(r, "for"))
			},
			"disable or enable": func(*rapid.T) {
				if m.disabled = !m.disabled; m.disabled {
					m.epoch++
					p.act(t, muster.ActionDisable, m.user)
				} else {
					p.act(t, muster.ActionEnable, m.user)
				}
			},
			"reset": func(*rapid.T) {
				m.epoch++
				must(t, p.activations().Reset(t.Context(), p.tenant.ID, system, m.user, rightPassword, false))
			},
			"": m.check,
		})
	})
}

func (m *lifetimes) signIn(t *testing.T) {
	session, err := m.p.sessions().SignIn(t.Context(), m.p.request(m.account, rightPassword))
	if m.disabled {
		if muster.KindOf(err) != muster.KindOverloaded {
			refused(t, err, muster.KindUnauthenticated)
		}
		return
	}
	if muster.KindOf(err) == muster.KindOverloaded {
		m.p.clock.Advance(time.Minute)
		return
	}
	must(t, err)
	m.families++
	m.sessions = append(m.sessions, &known{session: session, family: m.families, epoch: m.epoch, issued: session.IssuedAt})
}

func (m *lifetimes) refresh(r *rapid.T, t *testing.T) {
	if len(m.sessions) == 0 {
		return
	}
	k := rapid.SampledFrom(m.sessions).Draw(r, "session")
	now := m.p.clock.Now()
	next, err := m.p.sessions().Refresh(t.Context(), access.TenantHint{}, k.session.RefreshToken)
	live := m.live(k) && now.Before(k.issued.Add(access.RefreshLife))
	late := !k.refreshed.IsZero() && !now.Before(k.refreshed.Add(access.RefreshGrace))
	if !live || late {
		if live {
			m.ended[k.family] = true
		}
		refused(t, err, muster.KindUnauthenticated)
		return
	}
	must(t, err)
	if k.refreshed.IsZero() {
		k.refreshed = now
	}
	m.sessions = append(m.sessions, &known{session: next, family: k.family, epoch: m.epoch, issued: next.IssuedAt})
}

func (m *lifetimes) live(k *known) bool {
	return !m.disabled && k.epoch == m.epoch && !m.ended[k.family]
}

func (m *lifetimes) check(r *rapid.T) {
	for i, k := range m.sessions {
		want := m.live(k) && m.p.clock.Now().Before(k.issued.Add(access.SessionLife))
		_, err := m.p.sessions().Authenticate(r.Context(), access.TenantHint{}, k.session.AccessToken)
		if got := err == nil; got != want || err != nil && muster.KindOf(err) != muster.KindUnauthenticated {
			r.Fatalf("session %d: good = %v (%v), want %v", i, got, err, want)
		}
	}
}
