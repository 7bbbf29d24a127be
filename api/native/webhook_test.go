package native_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muster"
	"muster/api/native"
	"muster/webhook"
)

func TestTheLifeOfAWebhook(t *testing.T) {
	t.Parallel()
	in := setup(t)
	path := "/tenants/" + call[native.Tenant](in, 201, "POST", "/tenants", `{"name":"acme"}`).ID.String() + "/webhooks"
	if list := call[native.Webhooks](in, 200, "GET", path, ""); list.Webhooks == nil || len(list.Webhooks) != 0 {
		t.Errorf("of a new tenant: %+v", list)
	}
	made := call[native.Webhook](in, 201, "POST", path, `{"name":"HR","url":"https://example.com/hook","events":["users.changed"]}`)
	if !strings.HasPrefix(made.Secret, "whsec_") || len(made.Secrets) != 1 {
		t.Errorf("made with the secret %q of %d", made.Secret, len(made.Secrets))
	}
	one := path + "/" + made.ID.String()
	want := made
	want.Secret = ""
	if diff := cmp.Diff(want, call[native.Webhook](in, 200, "GET", one, "")); diff != "" {
		t.Errorf("read (-made +read):\n%s", diff)
	}
	changed := call[native.Webhook](in, 200, "PATCH", one, `{"name":"","url":"https://example.org/","events":[],"disabled":true}`)
	want.Name, want.URL, want.Events, want.Disabled = "", "https://example.org/", []string{}, true
	if diff := cmp.Diff(want, changed); diff != "" {
		t.Errorf("changed (-want +got):\n%s", diff)
	}
	call[any](in, 409, "POST", one+"/test", "")
	call[native.Webhook](in, 200, "PATCH", one, `{"disabled":false}`)
	rotated := call[native.Webhook](in, 200, "POST", one+"/secret", `{}`)
	if rotated.Secret == made.Secret || len(rotated.Secrets) != 2 || rotated.Secrets[1].ExpiresAt.Sub(rotated.Secrets[0].CreatedAt) != webhook.Overlap {
		t.Errorf("rotated to %+v", rotated.Secrets)
	}
	const brought = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	if again := call[native.Webhook](in, 200, "POST", one+"/secret", `{"secret":"`+brought+`"}`); again.Secret != "" {
		t.Errorf("a secret that was brought along is told: %s", again.Secret)
	}
	text, err := io.ReadAll(in.send("GET", path, "").Body)
	if err != nil || strings.Contains(string(text), "whsec") {
		t.Errorf("the list is %s, %v", text, err)
	}
	if r := in.send("DELETE", one, ""); r.StatusCode != http.StatusNoContent {
		t.Errorf("deleted: %d", r.StatusCode)
	}
	call[any](in, 404, "GET", one, "")
}

func TestWebhooksThatAreRefused(t *testing.T) {
	t.Parallel()
	in := setup(t)
	path := "/tenants/" + call[native.Tenant](in, 201, "POST", "/tenants", `{"name":"acme"}`).ID.String() + "/webhooks"
	for body, want := range map[string]string{
		`{}`:                                                               "url",
		`{"url":"http://example.com/"}`:                                    "--webhook-allow",
		`{"url":"https://127.0.0.1/"}`:                                     "public address",
		`{"url":"https://[::ffff:10.0.0.1]/"}`:                             "public address",
		`{"url":"https://u:p@example.com/"}`:                               "without user",
		`{"url":"https://e.com","events":["x"]}`:                           "batch.finished",
		`{"url":"https://e.com","events":[""]}`:                            "batch.finished",
		`{"url":"https://e.com","secret":"whsec_a"}`:                       "24 to 64 bytes",
		`{"url":"https://e.com","name":"` + strings.Repeat("n", 65) + `"}`: "64 characters",
		`{"url":"https://e.com","disabled":true}`:                          "unexpected property",
	} {
		r := in.send("POST", path, body)
		text, err := io.ReadAll(r.Body)
		if err != nil || r.StatusCode != 422 || !strings.Contains(string(text), want) || strings.Contains(string(text), "whsec_a") {
			t.Errorf("%s: %d %s, %v; want 422 with %q", body, r.StatusCode, text, err, want)
		}
	}
	for _, p := range []string{"/tenants/77/webhooks", path + "/77", path + "/77/deliveries"} {
		call[any](in, 404, "GET", p, "")
	}
	call[any](in, 404, "POST", "/tenants/77/webhooks", `{"url":"https://e.com"}`)
	for range webhook.MaxHooks {
		call[native.Webhook](in, 201, "POST", path, `{"url":"https://e.com"}`)
	}
	call[any](in, 409, "POST", path, `{"url":"https://e.com"}`)
}

// TestDeliveries compares the answers with ones that were agreed to.
func TestDeliveries(t *testing.T) {
	t.Parallel()
	in := setup(t)
	tenant := call[native.Tenant](in, 201, "POST", "/tenants", `{"name":"acme"}`).ID
	path := "/tenants/" + tenant.String() + "/webhooks"
	hook := call[native.Webhook](in, 201, "POST", path, `{"url":"https://example.com/"}`).ID
	one := path + "/" + hook.String()
	first := call[native.Delivery](in, 202, "POST", one+"/test", "")
	second := call[native.Delivery](in, 202, "POST", one+"/test", "")
	for _, end := range []webhook.Settlement{
		{State: webhook.Failed, Status: 500, Problem: "It answered with status 500, which is none from 200 to 299."}, {State: webhook.Delivered, Status: 204},
	} {
		c, err := in.store.ClaimDelivery(t.Context(), tenant, nil, webhook.Lease)
		if err != nil || c == nil {
			t.Fatalf("claimed %+v, %v", c, err)
		}
		if _, err := in.store.SettleDelivery(t.Context(), c, end); err != nil {
			t.Fatal(err)
		}
	}
	page := call[map[string]any](in, 200, "GET", one+"/deliveries?limit=1", "")
	if page["nextCursor"] != second.ID.String() {
		t.Errorf("the next page begins at %v", page["nextCursor"])
	}
	got := call[map[string]any](in, 200, "GET", one+"/deliveries", "")
	for _, d := range got["deliveries"].([]any) {
		d := d.(map[string]any)
		for _, name := range []string{"at", "lastAttemptAt"} {
			if d[name] == nil {
				t.Errorf("%v has no %s", d, name)
			}
			delete(d, name)
		}
	}
	text, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf(`{"deliveries":[`+
		`{"attempts":1,"event":"webhook.test","id":"%s","state":"delivered","status":204},`+
		`{"attempts":1,"event":"webhook.test","id":"%s","problem":"It answered with status 500, which is none from 200 to 299.","state":"failed","status":500}]}`,
		second.ID, first.ID)
	if string(text) != want {
		t.Errorf("deliveries are %s\nwant %s", text, want)
	}
	again := call[native.Delivery](in, 202, "POST", one+"/deliveries/"+first.ID.String()+"/resend", "")
	if again.State != "waiting" || again.Attempts != 0 || again.NextAt.IsZero() {
		t.Errorf("sent again: %+v", again)
	}
	call[any](in, 404, "POST", one+"/deliveries/77/resend", "")
}

func TestWebhooksPrintNoSecret(t *testing.T) {
	t.Parallel()
	const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		text := fmt.Sprintf(verb+verb+verb, native.NewWebhook{Secret: secret}, native.WebhookRotation{Secret: secret}, native.Webhook{ID: muster.ID(7), Secret: secret})
		if strings.Contains(text, secret) {
			t.Errorf("%s prints %s", verb, text)
		}
	}
}
