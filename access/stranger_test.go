package access_test

import (
	"testing"
	"time"

	"muster"
	"muster/access"
)

// FuzzStrangers: whatever a stranger signs in as, or shows as token or link, is a refusal of its kind, never a fault.
func FuzzStrangers(f *testing.F) {
	for _, seed := range []string{
		"", "ann", "+27 100-000 001", "0027", "a@b.example", "\"a b\"@c", "a\x00b", "\xff", "-", "1-x", "9223372036854775808-x", "ß@ﬁ", "\u2066a",
	} {
		f.Add(seed)
	}
	p := setupPeople(f)
	sessions, activations := p.sessions(), p.activations()
	f.Fuzz(func(t *testing.T, text string) {
		p.clock.Advance(time.Minute)
		_, err := sessions.SignIn(t.Context(), p.request(text, text))
		refused(t, err, muster.KindUnauthenticated)
		_, err = sessions.Authenticate(t.Context(), access.TenantHint{Host: text, ID: text}, text)
		refused(t, err, muster.KindUnauthenticated)
		_, err = sessions.Refresh(t.Context(), access.TenantHint{Host: text}, text)
		refused(t, err, muster.KindUnauthenticated)
		_, err = activations.Look(t.Context(), p.tenant.ID, text, here)
		refused(t, err, muster.KindUnauthenticated)
		if _, err := sessions.TenantOf(t.Context(), access.TenantHint{Host: text, ID: text}); err != nil {
			refused(t, err, muster.KindInvalid)
		}
	})
}
