package federation_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"muster/access"
	"muster/provision"
)

// heldStore has every Accept wait for the test's word: nil lets it through to the database.
type heldStore struct {
	provision.Store
	entered chan chan<- error
}

func (s *heldStore) Accept(ctx context.Context, a *provision.Acceptance) (provision.Accepted, error) {
	word := make(chan error)
	s.entered <- word
	if err := <-word; err != nil {
		return provision.Accepted{}, err
	}
	return s.Store.Accept(ctx, a)
}

// heldCall is a createTask that is being accepted.
type heldCall struct {
	word   chan<- error
	answer <-chan string
}

// end lets the call go on to its end.
func (c heldCall) end(err error) (answer string) {
	c.word <- err
	return <-c.answer
}

// TestAFirstCallStillBeingAccepted: meanwhile the key is taken, for its tenant and credential alone; then it is free.
func TestAFirstCallStillBeingAccepted(t *testing.T) {
	t.Parallel()
	store := &heldStore{entered: make(chan chan<- error)}
	s := serveOver(t, false, func(below provision.Store) provision.Store { store.Store = below; return store })
	_, strangersToken := s.addTenant(t, "second", "stranger")
	const sibling = "sibling"
	_, err := s.access.CreateCredential(t.Context(), s.tenant.ID, access.NewCredential{AppID: sibling, Secret: appSecret})
	must(t, err)
	issued, err := s.tokens.Issue(t.Context(), access.TokenRequest{AppID: sibling, Secret: appSecret})
	must(t, err)
	begin := func(c caller, headers ...string) heldCall {
		answer := make(chan string, 1)
		go func() {
			_, body := s.post(t, c, createPath, documented, headers...)
			answer <- body
		}()
		return heldCall{<-store.entered, answer}
	}
	const name, accepted = "Idempotency-Key", `{"resultCode":"0",`

	first := begin(s.first(), name, "order-1")
	for _, body := range []string{documented, users(goodUser)} {
		for _, key := range []string{"order-1", `"order-1"`} {
			r := s.request(createPath, body)
			r.Header.Set(name, key)
			golden(t, "createTask while the first is being accepted", dump(t, s.do(r)))
		}
	}
	for what, other := range map[string]heldCall{
		"no key":                           begin(s.first()),
		"another key":                      begin(s.first(), name, "order-2"),
		"another credential of the tenant": begin(caller{sibling, issued.Token}, name, "order-1"),
		"another tenant":                   begin(caller{"stranger", strangersToken}, name, "order-1"),
	} {
		if answer := other.end(nil); !strings.HasPrefix(answer, accepted) {
			t.Errorf("%s: %s", what, answer)
		}
	}

	if answer := first.end(errors.New("the database is away")); !strings.HasPrefix(answer, `{"resultCode":"500",`) {
		t.Errorf("the first, which failed: %s", answer)
	}
	second := begin(s.first(), name, "order-1").end(nil)
	if !strings.HasPrefix(second, accepted) {
		t.Errorf("the key after the first failed: %s", second)
	}
	if third := begin(s.first(), name, "order-1").end(nil); third != second {
		t.Errorf("the key after the second was accepted: %s, want %s", third, second)
	}
	status, answer := s.post(t, s.first(), createPath, users(), name, "order-1")
	if status != http.StatusOK || !strings.Contains(answer, "100-102") {
		t.Errorf("a call that is rejected: %d %s", status, answer)
	}
}
