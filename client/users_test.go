package client_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"muster/client"
)

func TestTheLifeOfAUser(t *testing.T) {
	t.Parallel()
	_, c := setup(t, nil)
	users := c.Users()
	made, err := users.Create(t.Context(), client.NewUser{Account: "ann", FirstName: "Ann", Phone: "+4915100000001"})
	if err != nil || made.ETag == "" || made.HasPassword || made.AdminLevel != 1 {
		t.Fatalf("%s, %v", made, err)
	}
	surname := "Smith"
	changed, err := users.Update(t.Context(), made.ID, client.UserChange{Surname: &surname, IfMatch: made.ETag})
	if err != nil || changed.Surname != surname || changed.ETag == made.ETag {
		t.Fatalf("%s, %v", changed, err)
	}
	_, err = users.Update(t.Context(), made.ID, client.UserChange{Surname: &surname, IfMatch: made.ETag})
	if p := problem(t, err); p.Status != http.StatusPreconditionFailed {
		t.Errorf("as he was: %v", err)
	}
	if disabled, err := users.Disable(t.Context(), made.ID); err != nil || !disabled.Disabled {
		t.Errorf("%s, %v", disabled, err)
	}
	if enabled, err := users.Enable(t.Context(), made.ID); err != nil || enabled.Disabled {
		t.Errorf("%s, %v", enabled, err)
	}
	found := 0
	for u, err := range users.List(t.Context(), client.UserQuery{Account: "AN"}) {
		if found++; err != nil || u.ID != made.ID {
			t.Errorf("%s, %v", u, err)
		}
	}
	if found != 1 {
		t.Errorf("found %d", found)
	}
	for _, err := range users.List(t.Context(), client.UserQuery{Account: "a", Phone: "1"}) {
		if p := problem(t, err); p.Status != http.StatusUnprocessableEntity {
			t.Error(err)
		}
	}
	var table bytes.Buffer
	if err := users.Export(t.Context(), &table, client.UserQuery{Keyword: "smith"}); err != nil || strings.Count(table.String(), "\n") != 2 || !strings.Contains(table.String(), "'+4915100000001") {
		t.Errorf("%v: %s", err, &table)
	}
	if _, err := users.Delete(t.Context(), made.ID, made.ETag); problem(t, err).Status != http.StatusPreconditionFailed {
		t.Error(err)
	}
	if gone, err := users.Delete(t.Context(), made.ID, ""); err != nil || gone.Surname != surname {
		t.Errorf("%s, %v", gone, err)
	}
	if _, err := users.Get(t.Context(), made.ID); problem(t, err).Status != http.StatusNotFound {
		t.Error(err)
	}
	if text := fmt.Sprintf("%v %+v %#v", made, client.NewUser{Account: "ann"}, client.UserChange{Surname: &surname}); strings.Contains(text, "ann") || strings.Contains(text, "Smith") {
		t.Error(text)
	}
}

// A user whose making is answered with nothing is not made twice without a word.
func TestAUserIsSentOnce(t *testing.T) {
	t.Parallel()
	f := &flaky{}
	_, c := setup(t, func(next http.Handler) http.Handler {
		f.next = next
		return f
	})
	f.busy.Store(2)
	if _, err := c.Users().Create(t.Context(), client.NewUser{Account: "ann", FirstName: "Ann"}); err != nil || f.requests.Load() != 3 {
		t.Errorf("while the server is busy: %v after %d requests", err, f.requests.Load())
	}
	f.requests.Store(0)
	f.lose.Store(1)
	if _, err := c.Users().Create(t.Context(), client.NewUser{Account: "bo", FirstName: "Bo"}); err == nil || f.requests.Load() != 1 {
		t.Errorf("its answer lost: %v after %d requests", err, f.requests.Load())
	}
	_, err := c.Users().Create(t.Context(), client.NewUser{Account: "bo", FirstName: "Bo"})
	if p := problem(t, err); p.Status != http.StatusConflict {
		t.Errorf("asked again: %v", err)
	}
}

// A user is changed only as he was read.
func ExampleUsers() {
	server, err := install(nil) // stands for a Muster server
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.stop()
	c, err := client.New(server.public.URL, client.Credentials{AppID: server.pair.AppID, Secret: server.pair.Secret})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	ann, err := c.Users().Create(ctx, client.NewUser{Account: "ann", FirstName: "Ann"})
	if err != nil {
		fmt.Println(err)
		return
	}
	surname := "Smith"
	changed, err := c.Users().Update(ctx, ann.ID, client.UserChange{Surname: &surname, IfMatch: ann.ETag})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(changed.FirstName, changed.Surname)
	for u, err := range c.Users().List(ctx, client.UserQuery{Name: "smi"}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("found", u.Account)
	}
	// Output:
	// Ann Smith
	// found ann
}
