package access_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"muster"
	"muster/access"
	"muster/access/signature"
)

func TestCreateCredentialMakesAPair(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.clock.Advance(time.Second)
	made, err := b.service.CreateCredential(t.Context(), b.tenant.ID, access.NewCredential{Name: "HR system"})
	must(t, err)
	if !regexp.MustCompile(`^[A-Z0-9]{20}$`).MatchString(made.Credential.AppID) {
		t.Errorf("AppId %q is not 20 capital letters and digits", made.Credential.AppID)
	}
	if !regexp.MustCompile(`^[A-Za-z0-9_-]{40}$`).MatchString(made.Secret) {
		t.Error("the secret is not 40 URL-safe characters")
	}
	other, err := b.service.CreateCredential(t.Context(), b.tenant.ID, access.NewCredential{})
	must(t, err)
	if other.Secret == made.Secret || other.Credential.AppID == made.Credential.AppID {
		t.Error("two credentials share a secret or an AppId")
	}
	s := withSecret(withAppID(b.signer, made.Credential.AppID), made.Secret)
	caller, err := verify(b.verifier, b.signed(t, s, "x"), "x")
	must(t, err)
	if caller.Tenant.ID != b.tenant.ID || caller.AppID != made.Credential.AppID {
		t.Errorf("caller = %+v", caller)
	}
	list, err := b.service.Credentials(t.Context(), b.tenant.ID)
	must(t, err)
	if len(list) != 3 || list[0].AppID != broughtAppID {
		t.Errorf("%d credentials listed, want 3 by creation", len(list))
	}
}

func TestCreateCredentialRefuses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	other, _, err := b.service.CreateTenant(t.Context(), access.NewTenant{Name: "second"})
	must(t, err)
	for _, tc := range []struct {
		name, field string
		kind        muster.Kind
		tenant      muster.ID
		credential  access.NewCredential
	}{
		{"an AppId with a space", "appId", muster.KindInvalid, b.tenant.ID, access.NewCredential{AppID: "a b"}},
		{"an AppId with a comma", "appId", muster.KindInvalid, b.tenant.ID, access.NewCredential{AppID: "a,b"}},
		{"a long AppId", "appId", muster.KindInvalid, b.tenant.ID, access.NewCredential{AppID: strings.Repeat("a", 129)}},
		{"another tenant's AppId", "appId", muster.KindConflict, other.ID, access.NewCredential{AppID: broughtAppID}},
		{"a short secret", "secret", muster.KindInvalid, b.tenant.ID, access.NewCredential{Secret: "1234567"}},
		{"a long secret", "secret", muster.KindInvalid, b.tenant.ID, access.NewCredential{Secret: strings.Repeat("s", 257)}},
		{"a line break in the secret", "secret", muster.KindInvalid, b.tenant.ID, access.NewCredential{Secret: "12345678\n"}},
		{"a secret not in ASCII", "secret", muster.KindInvalid, b.tenant.ID, access.NewCredential{Secret: "12345678é"}},
		{"a control character in the name", "name", muster.KindInvalid, b.tenant.ID, access.NewCredential{Name: "a\x00"}},
		{"an unknown tenant", "", muster.KindNotFound, 1, access.NewCredential{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			_, err := b.service.CreateCredential(t.Context(), tc.tenant, tc.credential)
			if e := refused(t, err, tc.kind); e.Field != tc.field {
				t.Errorf("field = %q, want %q", e.Field, tc.field)
			}
			if s := tc.credential.Secret; s != "" && strings.Contains(err.Error(), s) {
				t.Error("the error holds the secret")
			}
		})
	}
}

func TestBoundsOfBroughtPairsAreAccepted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for i, n := range []access.NewCredential{
		{AppID: "a", Secret: "12345678"},
		{AppID: strings.Repeat("Z", 128), Secret: strings.Repeat("~", 256)},
		{AppID: "w.i_t-h", Secret: "a b c d e"},
	} {
		issued, err := b.service.CreateCredential(t.Context(), b.tenant.ID, n)
		must(t, err)
		if issued.Secret != n.Secret || issued.Credential.AppID != n.AppID {
			t.Errorf("%d: the pair is not the one brought along", i)
		}
		if _, err := verify(b.verifier, b.signed(t, withSecret(withAppID(b.signer, n.AppID), n.Secret), ""), ""); err != nil {
			t.Errorf("%d: %v", i, err)
		}
	}
}

func TestSecretsAreStoredSealedAndBound(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c, err := b.store.Credential(t.Context(), broughtAppID)
	must(t, err)
	sealed := c.Secrets[0].Sealed
	if bytes.Contains(sealed, []byte(broughtSecret)) {
		t.Fatal("the stored secret is in the clear")
	}
	plain, err := b.keyring.OpenSecret(sealed, access.SecretBinding(b.tenant.ID, broughtAppID))
	if err != nil || string(plain) != broughtSecret {
		t.Fatalf("the sealed secret does not open under its binding: %v", err)
	}
	for name, binding := range map[string][]byte{
		"another tenant": access.SecretBinding(b.tenant.ID+1, broughtAppID),
		"another AppId":  access.SecretBinding(b.tenant.ID, "other"),
	} {
		if _, err := b.keyring.OpenSecret(sealed, binding); err == nil {
			t.Errorf("the secret opens as that of %s", name)
		}
	}
}

func TestIssuedPrintsWithoutItsSecret(t *testing.T) {
	t.Parallel()
	b := setup(t)
	issued, err := b.service.CreateCredential(t.Context(), b.tenant.ID, access.NewCredential{AppID: "printed"})
	must(t, err)
	var out bytes.Buffer
	fmt.Fprintf(&out, "%v %+v %#v %s %q %d", issued, issued, issued, issued, issued, issued)
	slog.New(slog.NewTextHandler(&out, nil)).Info("issued", "value", issued)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("issued", "value", issued)
	if strings.Contains(out.String(), issued.Secret) {
		t.Error("a printed credential shows its secret")
	}
	if !strings.Contains(out.String(), "printed") {
		t.Errorf("a printed credential does not say which it is: %s", out.String())
	}
	list, err := json.Marshal(issued.Credential)
	must(t, err)
	if bytes.Contains(list, []byte("ealed")) {
		t.Errorf("a credential in JSON shows sealed secrets: %s", list)
	}
}

func TestRotationRefuses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := t.Context()
	_, err := b.service.RotateCredential(ctx, b.tenant.ID, broughtAppID, -time.Second, "")
	refused(t, err, muster.KindInvalid)
	_, err = b.service.RotateCredential(ctx, b.tenant.ID, broughtAppID, access.MaxOverlap+1, "")
	refused(t, err, muster.KindInvalid)
	_, err = b.service.RotateCredential(ctx, b.tenant.ID, broughtAppID, 0, "short")
	refused(t, err, muster.KindInvalid)
	_, err = b.service.RotateCredential(ctx, b.tenant.ID, "unknown", 0, "")
	refused(t, err, muster.KindNotFound)
	_, err = b.service.RotateCredential(ctx, b.tenant.ID+1, broughtAppID, 0, "")
	refused(t, err, muster.KindNotFound)
	_, err = b.service.ChangeCredential(ctx, b.tenant.ID+1, broughtAppID, access.CredentialChange{Disabled: new(true)})
	refused(t, err, muster.KindNotFound)
	if _, err := verify(b.verifier, b.signed(t, b.signer, ""), ""); err != nil {
		t.Errorf("after refused rotations the secret does not work: %v", err)
	}
}

// TestRotationProperty holds rotation against a model: which of all secrets ever issued are live.
func TestRotationProperty(t *testing.T) {
	t.Parallel()
	b := setup(t)
	issued := 0
	rapid.Check(t, func(t *rapid.T) {
		issued++
		appID := fmt.Sprintf("rotated-%d", issued)
		first, err := b.service.CreateCredential(t.Context(), b.tenant.ID, access.NewCredential{AppID: appID})
		if err != nil {
			t.Fatal(err)
		}
		m := &rotationModel{bundle: b, appID: appID, secrets: []modelSecret{{plain: first.Secret}}}
		t.Repeat(map[string]func(*rapid.T){
			"rotate": m.rotate,
			"wait": func(t *rapid.T) {
				b.clock.Advance(time.Duration(rapid.IntRange(1, 40).Draw(t, "hours")) * time.Hour)
			},
			"toggle": m.toggle,
			"":       m.check,
		})
	})
}

type modelSecret struct {
	plain string
	end   time.Time // zero: none
}

type rotationModel struct {
	*bundle
	appID    string
	disabled bool
	secrets  []modelSecret // the newest first
}

func (m *rotationModel) rotate(t *rapid.T) {
	overlap := rapid.SampledFrom([]time.Duration{0, time.Hour, access.DefaultOverlap, access.MaxOverlap}).Draw(t, "overlap")
	next, err := m.service.RotateCredential(t.Context(), m.tenant.ID, m.appID, overlap, "")
	if err != nil {
		t.Fatal(err)
	}
	now := m.clock.Now()
	for i := range m.secrets {
		s := &m.secrets[i]
		switch {
		case i > 0: // a third secret ends the oldest
			s.end = now
		case s.end.IsZero():
			s.end = now.Add(overlap)
		}
	}
	m.secrets = append([]modelSecret{{plain: next.Secret}}, m.secrets...)
}

func (m *rotationModel) toggle(t *rapid.T) {
	m.disabled = !m.disabled
	c, err := m.service.ChangeCredential(t.Context(), m.tenant.ID, m.appID, access.CredentialChange{Disabled: new(m.disabled)})
	if err != nil || c.Disabled != m.disabled {
		t.Fatal(c, err)
	}
}

func (m *rotationModel) check(t *rapid.T) {
	now := m.clock.Now()
	for i, s := range m.secrets[:min(4, len(m.secrets))] { // two that may live, and two that have ended
		live := !m.disabled && (s.end.IsZero() || now.Before(s.end))
		signer := signature.Signer{AppID: m.appID, Secret: []byte(s.plain), UserID: m.admin.ID.String()}
		r := newSigned(signer, now)
		_, err := verify(m.verifier, r, "")
		if live && err != nil {
			t.Fatalf("secret %d of %d is live and refused: %v", i, len(m.secrets), err)
		}
		var e *muster.Error
		if !live && (!errors.As(err, &e) || e.Kind != muster.KindUnauthenticated) {
			t.Fatalf("secret %d of %d has ended and gives %v", i, len(m.secrets), err)
		}
	}
}
