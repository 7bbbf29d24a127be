package console_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"muster"
	"muster/directory"
	"muster/provision"
)

// drops drops a file on an element, as from a desktop.
func (tb *tab) drops(selector, name, content string) {
	tb.t.Helper()
	eval[bool](tb, fmt.Sprintf(`(() => {
		const data = new DataTransfer();
		data.items.add(new File([%s], %s, { type: "text/csv" }));
		for (const kind of ["dragenter", "dragover", "drop"]) {
			document.querySelector(%s).dispatchEvent(new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: data }));
		}
		return true;
	})()`, quoted(content), quoted(name), quoted(selector)))
}

// TestAFileIsDropped goes the way of a file with bad rows in a browser: dropped, understood but for a column, which is left out, checked,
// and committed.
func TestAFileIsDropped(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tb := b.tab(t)
	tb.signIn(b.operator(t, b.tenant.ID, muster.OperatorProvisioner))
	tb.click(`nav.side a[href="/console/import"]`)
	tb.sees("h1", "Import users")
	tb.accessible()
	if first := eval[string](tb, `document.querySelector("form#import .sheet h2").innerText`); first != "The users" {
		t.Errorf("the form begins with %q", first)
	}

	const probe = `<img src=x onerror=document.title='taken'>`
	tb.drops("#drop", "people.csv", "login,name,Shoe size,capacity\nann,Ann,38,0\nbob,Bob,44,ten\ncai,"+probe+",40\n,Nobody,1,1\n")
	tb.sees("#columns .hint", "4 rows.")
	tb.sees("#columns .fault", "No field is known by the name of column C")
	tb.sees("#columns mark", "ten")
	tb.accessible()

	// It cannot be checked like that; the file stays chosen, and the field that is typed into keeps what is typed.
	tb.click(".acts button.main")
	tb.sees(`#said a[href="#columns"]`, "Not all columns are understood")
	tb.waits(`!document.querySelector(".acts button").disabled`)
	tb.do(chromedp.SendKeys(chromedp.CSS("#column-C"), "Leave"))
	tb.waits(`!document.querySelector("#columns").innerText.includes("No field is known") && document.querySelector("#column-C").value === "-"`)

	tb.types("#department", "/Nowhere")
	tb.click(".acts button.main")
	tb.sees("#department-fault", "The department does not exist.")
	if file := eval[string](tb, `document.querySelector("#file").files[0].name`); file != "people.csv" {
		t.Errorf("the file is %q", file)
	}
	tb.types("#department", "/")
	tb.click(".acts button.main")
	tb.sees("h1", "people.csv")
	tb.sees("#live", "4 of 4 rows, 100%")
	if title := eval[string](tb, `document.title`); title == "taken" {
		t.Error("a cell's script ran")
	}
	list, err := b.store.Batches(t.Context(), b.tenant.ID, provision.BatchQuery{Limit: 10})
	must(t, err)
	if len(list) != 1 || list[0].Mode != muster.ModeDryRun || list[0].Total != 4 || list[0].Succeeded != 1 {
		t.Fatalf("there are %d batches, the last one %+v", len(list), list[0])
	}
	checked := eval[string](tb, `location.pathname`)
	eval[bool](tb, `Boolean(window.confirm = () => true)`)
	tb.click(`form[action$="/commit"] button`)
	tb.waits(`location.pathname !== ` + quoted(checked))
	tb.sees("#live .badge", "finished")
	tb.sees("#live", "4 of 4 rows, 100%")
	if found, err := b.store.SearchUsers(t.Context(), b.tenant.ID, directory.UserSearch{By: directory.SearchAccount, Prefix: "ann", Limit: 2}); err != nil || len(found.Users) != 1 {
		t.Errorf("%+v, %v", found, err)
	}

	// Rows are pasted as spreadsheets have them, under Chinese names, in a narrow window.
	tb.do(chromedp.EmulateViewport(narrow, 900))
	tb.open("/console/import")
	eval[bool](tb, `(() => {
		const pasted = document.querySelector("#pasted");
		pasted.value = `+quoted(strings.Join([]string{"账号\t姓名", "dan\tDan", "eve\tEve"}, "\n"))+`;
		return pasted.dispatchEvent(new Event("change", { bubbles: true }));
	})()`)
	tb.sees("#columns .hint", "2 rows.")
	tb.click(".acts button:nth-child(2)")
	tb.waits(`location.pathname.startsWith("/console/batches/")`)
	list, err = b.store.Batches(t.Context(), b.tenant.ID, provision.BatchQuery{Limit: 10})
	must(t, err)
	if len(list) != 3 || list[0].Mode != muster.ModeRun || list[0].Total != 2 {
		t.Fatalf("there are %d batches, the last one %+v", len(list), list[0])
	}
}
