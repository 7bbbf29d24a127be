package console_test

import (
	"strings"
	"testing"

	"muster"
	"muster/provision"
)

// TestABatchIsWatchedAndMended in a browser: it goes on before one's eyes, says which rows failed and why, gives them as a file, and
// does them again.
func TestABatchIsWatchedAndMended(t *testing.T) {
	t.Parallel()
	b := setup(t)
	open := b.gate.shut()
	rows := append(users("anna.arendt", "bo.berg", "bad account", "", "bo.berg"), change("clara.cohn"))
	rows[2].Email, rows[2].Set = "bad@example.com", rows[2].Set|muster.FieldEmail
	path := b.submit(t, provision.Submission{Name: "new-staff.csv", Rows: rows})
	tb := b.tab(t)
	tb.signIn(b.operator(t, b.tenant.ID, muster.OperatorProvisioner))
	tb.open("/console/batches")
	tb.sees("tbody", "waiting")
	tb.accessible()
	tb.click(`tbody a[href="` + path + `"]`)
	tb.sees("h1", "new-staff.csv")
	tb.sees("#live", "0 of 6 rows")
	tb.accessible()
	eval[string](tb, `window.neverReloaded = "so"`)
	open()
	tb.sees("#live", "6 of 6 rows, 100%")
	tb.sees("#live .badge", "finished")
	tb.waits(`!document.querySelector("#batch").hasAttribute("hx-trigger")`)
	if kept := eval[string](tb, `window.neverReloaded ?? ""`); kept != "so" {
		t.Error("the page was loaded anew")
	}
	tb.sees(".wrong", "mend this")
	tb.accessible()
	tb.click(`#live a[href*="reason=not-found"]`)
	tb.sees(".wide", "clara.cohn")
	if shown := eval[string](tb, `document.querySelector(".wide").innerText`); strings.Contains(shown, "bad account") {
		t.Errorf("of that reason are\n%s", shown)
	}
	file := eval[string](tb, `fetch(document.querySelector('.files a[href*="failures.csv"]').href).then(r => r.text())`)
	if !strings.Contains(file, "bad account") || strings.Contains(file, "Secret horse") {
		t.Errorf("the file is\n%s", file)
	}

	b.finish(t, b.submit(t, provision.Submission{Rows: users("clara.cohn")}))
	eval[bool](tb, `Boolean(window.confirm = () => true)`)
	tb.click(`form[action$="/retry"] button`)
	tb.sees("[role=status]", "This batch does the rows again that failed.")
	tb.sees("#live .badge", "finished")
	tb.sees("#live", "3 of 3 rows, 100%")
	tb.sees("main", "To the batch whose rows failed")
	tb.open("/console/batches")
	tb.sees("tbody", "retry")
}
