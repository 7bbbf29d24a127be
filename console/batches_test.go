package console_test

import (
	"bufio"
	"fmt"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"testing"

	"muster"
	"muster/console"
	"muster/provision"
)

// users are rows that make users of the accounts. One that is "" makes none.
func users(accounts ...string) (rows []muster.Row) {
	for _, a := range accounts {
		r := muster.Row{
			Action: muster.ActionCreate, Match: muster.KeyAccount, Set: muster.FieldAccount | muster.FieldFirstName | muster.FieldPassword,
			Account: a, FirstName: "F" + a, Password: "Secret horse 77",
		}
		if a == "" {
			r.Set = muster.FieldFirstName
		}
		rows = append(rows, r)
	}
	return rows
}

// change is a row that gives a user another name; disable one that disables him.
func change(account string) muster.Row {
	return muster.Row{
		Action: muster.ActionUpdate, Match: muster.KeyAccount, Set: muster.FieldAccount | muster.FieldSurname, Account: account, Surname: "New",
	}
}

func disable(account string) muster.Row {
	return muster.Row{Action: muster.ActionDisable, Match: muster.KeyAccount, Set: muster.FieldAccount, Account: account}
}

// submit submits a batch, and gives the path of its page.
func (b *bundle) submit(t testing.TB, s provision.Submission) string {
	t.Helper()
	s.Contract, s.ActorLevel = muster.ContractNative, muster.LevelSystemAdmin
	if s.Tenant == 0 {
		s.Tenant = b.tenant.ID
	}
	receipt, err := b.engine.Submit(t.Context(), s)
	must(t, err)
	return "/console/batches/" + receipt.Batch.String()
}

// finish waits for the end of the batch whose page is at the path.
func (b *bundle) finish(t testing.TB, path string) *muster.Batch {
	t.Helper()
	id, err := muster.ParseID(path[strings.LastIndex(path, "/")+1:])
	must(t, err)
	for {
		batch, err := b.store.Batch(t.Context(), b.tenant.ID, id)
		must(t, err)
		if batch.Finished() {
			return batch
		}
		runtime.Gosched()
	}
}

func TestBatchesAreListed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	v := b.signedIn(t, b.tenant.ID, muster.OperatorViewer)
	v.get("/console/batches").is(http.StatusOK).has("There is no batch yet").hasNo("/console/import")
	b.signedIn(t, b.tenant.ID, muster.OperatorProvisioner).get("/console/batches").has(`href="/console/import"`)
	appID, _ := b.newCredential(t, b.tenant.ID, "Payroll <b>")
	first := b.submit(t, provision.Submission{Name: probe, AppID: appID, Rows: users("ann", "ann", "")})
	b.finish(t, first)
	dry := b.submit(t, provision.Submission{Name: "rehearsal", DryRun: true, Rows: users("bo")})
	b.finish(t, dry)
	foreign := b.submit(t, provision.Submission{Tenant: b.other.ID, Name: "foreign", Rows: users("ann")})
	defer b.gate.shut()()
	waiting := b.submit(t, provision.Submission{Name: "late", Rows: users("cy")})
	v.get("/console/").is(http.StatusOK).has(`href="`+waiting+`"`, `href="/console/batches"`)
	all := v.get("/console/batches").is(http.StatusOK).has(
		`href="`+waiting+`"`, `href="`+dry+`"`, `href="`+first+`"`, "&lt;script&gt;", "Payroll &lt;b&gt;", "Console or command line", "dry run", "0 of 1",
	).hasNo(foreign, "<script>alert")
	if strings.Index(all.body, waiting) > strings.Index(all.body, dry) || strings.Index(all.body, dry) > strings.Index(all.body, first) {
		t.Error("the newest is not the first")
	}
	v.get("/console/batches?state=waiting").has(waiting).hasNo(dry, first)
	v.get("/console/batches?state=finished").has(dry, first).hasNo(waiting)
	v.get("/console/batches?state=refused").is(http.StatusOK).has("There is no such batch.")
	v.get("/console/batches?state=odd").is(http.StatusNotFound)
	v.get("/console/batches?before=odd").is(http.StatusNotFound)
	v.header.Set("Accept-Language", "zh-CN")
	v.get("/console/batches").has("等待中", "试运行")
}

func TestBatchesComeInPages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	defer b.gate.shut()()
	var paths []string
	for i := range 51 {
		paths = append(paths, b.submit(t, provision.Submission{Name: fmt.Sprint("no ", i), Rows: users(fmt.Sprint("u", i))}))
	}
	v := b.signedIn(t, b.tenant.ID, muster.OperatorViewer)
	page := v.get("/console/batches?state=waiting").is(http.StatusOK).has(paths[50], paths[1]).hasNo(`"` + paths[0] + `"`)
	next := page.take(`rel="next" href="([^"]+)"`)
	v.get(strings.ReplaceAll(next, "&amp;", "&")).is(http.StatusOK).has(paths[0]).hasNo(paths[1], `rel="next"`)
}

// TestRowsAreFiltered: by result, by reason and by what they did, in pages, those that did not succeed as they were sent but without
// passwords.
func TestRowsAreFiltered(t *testing.T) {
	t.Parallel()
	b := setup(t)
	rows := append(users("ann", "bo", "bo", ""), change("ann"), disable("bo"), change("nobody"))
	rows[3].FirstName = probe
	for i := range 60 {
		rows = append(rows, users(fmt.Sprint("bad account ", i))...)
	}
	path := b.submit(t, provision.Submission{Name: "mixed", Rows: rows})
	b.finish(t, path)
	v := b.signedIn(t, b.tenant.ID, muster.OperatorViewer)
	page := v.get(path).is(http.StatusOK)
	page.has(
		"A field breaks a rule", ">61</a>", "Mend the marked field", "The user does not exist", "The user exists", "67 of 67 rows, 100%",
		"&lt;script&gt;", "It is missing, and is what tells who is meant.", "Spaces, control and text-direction characters are not accepted.",
		`<mark>bad account 0</mark>`, "mend this", "failures.csv", "failures.xlsx", "failures.ndjson",
	).hasNo("<script>alert", "Secret horse", "hx-sse:connect", "Retry what failed")
	next := strings.ReplaceAll(page.take(`rel="next" href="([^"]+)"`), "&amp;", "&")
	v.get(next).is(http.StatusOK).has("bad account 59").hasNo("bad account 0<", `rel="next"`)
	for query, want := range map[string]struct{ has, hasNo []string }{
		"?result=all":                       {[]string{`scope="row" class="number">1<`, ">created<", ">disabled<", "nobody"}, nil},
		"?result=succeeded":                 {[]string{">ann</a>", ">changed<"}, []string{"nobody", "bad account"}},
		"?result=succeeded&effect=disabled": {[]string{`class="number">6<`}, []string{`class="number">5<`, `class="number">1<`}},
		"?result=succeeded&effect=deleted":  {[]string{"No row ended so."}, nil},
		"?result=failed&reason=not-found":   {[]string{"nobody"}, []string{"bad account"}},
		"?result=skipped":                   {[]string{`class="number">3<`, "failures.csv?result=skipped", "The user already exists."}, []string{"nobody"}},
		"?result=cancelled":                 {[]string{"No row ended so."}, nil},
	} {
		v.get(path + query).is(http.StatusOK).has(want.has...).hasNo(want.hasNo...)
	}
	for _, odd := range []string{"?result=odd", "?reason=odd", "?effect=odd", "?from=0", "?from=x"} {
		v.get(path + odd).is(http.StatusNotFound)
	}
	v.header.Set("Accept-Language", "zh-CN")
	v.get(path).has("某个字段不符合规则", "不接受空格、控制字符和文字方向字符。", "缺少此项，而它用于确定所指的用户。")
}

func TestFailuresAreDownloaded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	path := b.submit(t, provision.Submission{Rows: users("ann", "ann", "a b")})
	b.finish(t, path)
	v := b.signedIn(t, b.tenant.ID, muster.OperatorViewer)
	file := v.get(path+"/failures.csv").is(http.StatusOK).has("muster_row", "a b", "invalid").hasNo("Secret horse", "exists")
	if got := file.header.Get("Content-Disposition"); !strings.HasPrefix(got, `attachment; filename="failures-`) || !strings.HasSuffix(got, `.csv"`) {
		t.Errorf("it is %s", got)
	}
	v.get(path + "/failures.ndjson?result=skipped").is(http.StatusOK).has(`"exists"`).hasNo("a b")
	if got := v.get(path + "/failures.xlsx").is(http.StatusOK).body; !strings.HasPrefix(got, "PK") {
		t.Error("it is no workbook")
	}
	v.get(path + "/failures.csv?result=succeeded").is(http.StatusNotFound)
	v.get(path + "/failures.pdf").is(http.StatusNotFound)
}

func TestABatchIsCancelledAndRetried(t *testing.T) {
	t.Parallel()
	b := setup(t)
	email := b.operator(t, b.tenant.ID, muster.OperatorProvisioner)
	v := b.visitor(t)
	v.signIn(email)
	open := b.gate.shut()
	path := b.submit(t, provision.Submission{Rows: users("ann", "bo")})
	v.get(path).is(http.StatusOK).has("It begins when it is its turn.", `hx-sse:connect="`+path+`/events"`, "0 of 2 rows, 0%").hasNo("Retry")
	v.submit(path, path+"/retry", url.Values{}).is(http.StatusConflict).has("The batch is not finished: retry it when it is.")
	v.submit(path, path+"/cancel", url.Values{}).leadsTo(path)
	v.get(path).has("being cancelled", "The batch is cancelled").hasNo(path + "/cancel")
	open()
	b.finish(t, path)
	v.get(path+"?result=cancelled").has("Cancelled before it was applied.", "Download these rows").hasNo(path + "/retry")
	v.get(path+"/failures.csv").has("ann", "cancelled")

	failed := b.submit(t, provision.Submission{Rows: append(users("cy"), change("late"))})
	b.finish(t, failed)
	b.finish(t, b.submit(t, provision.Submission{Rows: users("late")}))
	v.get(failed).has("Retry what failed")
	again := v.submit(failed, failed+"/retry", url.Values{}).is(http.StatusSeeOther).header.Get("Location")
	if batch := b.finish(t, again); batch.Total != 1 || batch.Succeeded != 1 {
		t.Errorf("the retry is %+v", batch)
	}
	v.get(again).has(`href="`+failed+`"`, "retry", b.byEmail(t, email).Name)
	v.get(failed).has(`href="` + again + `"`).hasNo(failed + "/retry")
	id := func(path string) string { return strings.TrimPrefix(path, "/console/batches/") }
	equal(t, b.trail(t, b.tenant.ID), []string{
		"retry-batch batch " + id(failed) + " batch " + id(again) + " of 1 row", "cancel-batch batch " + id(path),
	})
}

// TestADryRunIsCommitted says what would be done, does it, and is refused where something else would be done now, unless forced.
func TestADryRunIsCommitted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.finish(t, b.submit(t, provision.Submission{Rows: users("old", "gone", "same")}))
	v := b.signedIn(t, b.tenant.ID, muster.OperatorProvisioner)
	rows := append(users("ann", "old", "a b"), change("old"), disable("gone"), disable("gone"))
	dry := b.submit(t, provision.Submission{Name: "rehearsal", DryRun: true, Rows: rows})
	b.finish(t, dry)
	page := v.get(dry).is(http.StatusOK).has("can be committed until", `datetime="2026-01-03T03:04:05Z"`, "Commit</button>")
	for label, n := range map[string]string{
		"would be created": "1", "would be changed": "1", "would be disabled": "1", "would stay as they are": "1", "would be skipped": "1", "would fail": "1",
	} {
		if got := page.take(`<dt>` + label + `</dt>\s*<dd>\s*<a[^>]*>(\d+)</a>`); got != n {
			t.Errorf("%s are %s", label, got)
		}
	}
	v.get(dry+"?result=succeeded&effect=changed").has(">old</a>", "would be changed").hasNo(">ann<")

	// Meanwhile somebody else makes the user.
	b.finish(t, b.submit(t, provision.Submission{Rows: users("ann")}))
	refused := v.submit(dry, dry+"/commit", url.Values{}).is(http.StatusSeeOther).header.Get("Location")
	b.finish(t, refused)
	v.get(refused).is(http.StatusOK).has(
		"Nobody was changed: 1 row would not end as the dry run predicted.", "predicted that the row would succeed; now it would be skipped (exists).",
		"Commit anyway", `href="`+dry+`"`, `action="`+dry+`/commit"`,
	)
	forced := v.submit(refused, dry+"/commit", url.Values{"force": {"1"}}).is(http.StatusSeeOther).header.Get("Location")
	if batch := b.finish(t, forced); forced == refused || batch.Succeeded != 3 || batch.Skipped != 2 {
		t.Errorf("the commit is %+v", batch)
	}
	v.get(dry).has(`href="` + forced + `"`).hasNo("Commit</button>")
	v.submit(forced, forced+"/commit", url.Values{}).is(http.StatusConflict).has("Only a dry run can be committed.")

	late := b.submit(t, provision.Submission{DryRun: true, Rows: users("late")})
	b.finish(t, late)
	b.clock.Advance(muster.HeldFor)
	v.signIn(b.operator(t, b.tenant.ID, muster.OperatorProvisioner)) // the session is over, too
	v.get(late).has("no longer held").hasNo("Commit</button>")
}

// TestABatchIsFollowed by events, each of them the part of the page that changes.
func TestABatchIsFollowed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	v := b.signedIn(t, b.tenant.ID, muster.OperatorViewer)
	open := b.gate.shut()
	path := b.submit(t, provision.Submission{Rows: users("ann", "a b")})
	events := v.follow(path + "/events")
	if name, data := events.next(); name != "" || !strings.Contains(data, "0 of 2 rows, 0%") || strings.Contains(data, "<html") {
		t.Errorf("first comes %q: %s", name, data)
	}
	open()
	name, data := events.next()
	for ; name == "" && !strings.Contains(data, ">finished<"); name, data = events.next() {
	}
	if name != "" || !strings.Contains(data, "2 of 2 rows, 100%") || !strings.Contains(data, "A field breaks a rule") {
		t.Errorf("the last one is %q: %s", name, data)
	}
	if name, data = events.next(); name != "finished" || data != "" {
		t.Errorf("the end is %q: %s", name, data)
	}
	if events.lines.Scan() {
		t.Errorf("behind the end comes %q", events.lines.Text())
	}
}

// TestFollowingEndsWithTheServer, so that it can stop.
func TestFollowingEndsWithTheServer(t *testing.T) {
	t.Parallel()
	stopping := make(chan struct{})
	b := setup(t, func(c *console.Config) { c.Stopping = stopping })
	v := b.signedIn(t, b.tenant.ID, muster.OperatorViewer)
	defer b.gate.shut()()
	path := b.submit(t, provision.Submission{Rows: users("ann")})
	events := v.follow(path + "/events")
	events.next()
	close(stopping)
	for events.lines.Scan() {
		if strings.Contains(events.lines.Text(), "finished") {
			t.Error("the batch is said to be finished")
		}
	}
	must(t, events.lines.Err())

	// Who is signed out is told so with a status, which a script tries again.
	v.client.Jar = nil
	v.header.Set("HX-Request", "true")
	v.get(path + "/events").is(http.StatusUnauthorized).has("sign in again").hasNo("<html")
}

// events are those of a stream.
type events struct {
	t     testing.TB
	lines *bufio.Scanner
}

func (v *visitor) follow(path string) *events {
	v.t.Helper()
	r, err := http.NewRequestWithContext(v.t.Context(), http.MethodGet, v.at+path, nil)
	must(v.t, err)
	response, err := v.client.Do(r)
	must(v.t, err)
	v.t.Cleanup(func() { must(v.t, response.Body.Close()) })
	if kind := response.Header.Get("Content-Type"); kind != "text/event-stream" {
		v.t.Fatalf("it is %s", kind)
	}
	return &events{v.t, bufio.NewScanner(response.Body)}
}

// next reads an event.
func (e *events) next() (name, data string) {
	e.t.Helper()
	for e.lines.Scan() {
		switch line := e.lines.Text(); {
		case line == "":
			return name, data
		case strings.HasPrefix(line, "event: "):
			name = line[len("event: "):]
		case strings.HasPrefix(line, "data: "):
			data += line[len("data: "):] + "\n"
		}
	}
	e.t.Fatalf("the stream is over: %v", e.lines.Err())
	return "", ""
}

func TestBatchesAreOfTheirTenantAndRole(t *testing.T) {
	t.Parallel()
	b := setup(t)
	path := b.submit(t, provision.Submission{DryRun: true, Name: "theirs", Rows: append(users("ann"), change("nobody"))})
	b.finish(t, path)
	foreign := b.signedIn(t, b.other.ID, muster.OperatorAdministrator)
	for _, page := range []string{"", "?result=all", "?result=succeeded&effect=created", "/events", "/failures.csv", "/failures.xlsx", "/failures.ndjson"} {
		foreign.get(path+page).is(http.StatusNotFound).hasNo("theirs", "ann")
	}
	viewer := b.signedIn(t, b.tenant.ID, muster.OperatorViewer)
	viewer.get(path).is(http.StatusOK).hasNo(path+"/commit", path+"/cancel")
	for _, deed := range []string{"/commit", "/retry", "/cancel"} {
		foreign.submit("/console/batches", path+deed, url.Values{}).is(http.StatusNotFound)
		viewer.submit("/console/batches", path+deed, url.Values{}).is(http.StatusForbidden)
	}
	equal(t, b.trail(t, b.tenant.ID), nil)
	if batch := b.finish(t, path); batch.Mode != muster.ModeDryRun {
		t.Errorf("the batch is %+v", batch)
	}
}
