package console_test

import (
	"net/http"
	"strings"
	"testing"

	"muster"
	"muster/webhook"
)

// TestAnAdministratorGivesAccess in a browser: makes a credential, sees its secret once, replaces and disables it, mends a
// setting that was refused, and finds all of that in the trail.
func TestAnAdministratorGivesAccess(t *testing.T) {
	t.Parallel()
	b := setup(t)
	h, _ := b.newWebhook(t, b.tenant.ID, "HR")
	_, err := b.store.TestWebhook(t.Context(), b.tenant.ID, h.ID)
	must(t, err)
	b.settle(t, b.tenant.ID, webhook.Settlement{State: webhook.Failed, Status: http.StatusBadGateway, Problem: "It answered with status 502, which is none from 200 to 299."})
	tb := b.tab(t)
	tb.signIn(b.operator(t, 0, muster.OperatorAdministrator))
	tb.click(`nav.side a[href="/console/credentials"]`)
	tb.sees(".empty", "make its first credential")
	const name = `Payroll <i>"A&B"</i>`
	tb.types("#name", name)
	tb.click("section button.main")
	tb.sees("h1", "Secret of")
	tb.accessible()
	secret, appID := eval[string](tb, `document.querySelector("#secret").innerText`), eval[string](tb, `document.querySelector("#app-id").innerText`)
	if made := eval[string](tb, `document.body.innerText`); len(secret) != 40 || strings.Count(made, secret) != 1 {
		t.Errorf("the secret of %d characters is there %d times", len(secret), strings.Count(made, secret))
	}
	tb.click("p.acts a.button")
	tb.sees("table th", appID)
	tb.accessible()
	if eval[bool](tb, `document.documentElement.outerHTML.includes(`+quoted(secret)+`)`) {
		t.Error("the list has the secret")
	}
	tb.click("table th a")
	tb.sees("dd", name)
	tb.accessible()
	tb.types("#overlap", "2161")
	tb.click("section[aria-labelledby=rotate] button.main")
	tb.sees("#overlap-fault", "from 0 to 2160")
	tb.types("#overlap", "48")
	tb.click("section[aria-labelledby=rotate] button.main")
	tb.sees(".notice", "The secret before works until")
	if another := eval[string](tb, `document.querySelector("#secret").innerText`); another == secret {
		t.Error("the secret is the one before")
	}
	tb.click(`.way a[href$="` + appID + `"]`)
	tb.sees("dd", "the one before until")
	tb.click("main button.bad")
	tb.sees("[role=status]", "The credential is disabled")

	tb.click(`nav.side a[href="/console/settings"]`)
	tb.sees("legend", "Passwords")
	tb.types(`[name="password.minLength"]`, "65")
	tb.types("#userLimit", "5000")
	tb.click("form.sheet button.main")
	tb.sees(".fault", "from 1 to 64 characters")
	tb.accessible()
	if typed, focused := eval[string](tb, `document.querySelector("#userLimit").value`), eval[string](tb, `document.activeElement.id`); typed != "5000" || focused != "password.minLength" {
		t.Errorf("the limit is %q and the focus on %q", typed, focused)
	}
	tb.types(`[name="password.minLength"]`, "12")
	tb.click("form.sheet button.main")
	tb.sees("[role=status]", "The settings are changed.")

	tb.open("/console/webhooks/" + h.ID.String())
	tb.sees("td", "status 502")
	tb.accessible()
	tb.open("/console/webhooks")
	tb.accessible()
	tb.click(`nav.side a[href="/console/audit"]`)
	tb.sees("td", "settings.userLimit, settings.password")
	tb.accessible()
	tb.types("#action", "rotate-credential")
	tb.click(".filter button.main")
	tb.waits(`document.querySelectorAll("tbody tr").length === 1`)
	tb.sees("td", "appId "+appID)
}
