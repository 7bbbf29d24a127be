package koodrive_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muster"
)

const row = muster.ID(1895065729401744000)

// documented is the batch of the document's own example.
func documented() muster.BatchPage {
	return muster.BatchPage{
		Batch: muster.Batch{ID: task, Total: 2, Succeeded: 1, Skipped: 1},
		Outcomes: []muster.Outcome{
			{Row: 0, ID: task, Result: muster.Succeeded, User: 1895065729401744000, Subject: "12345557"},
			{Row: 1, ID: task, Result: muster.Skipped, Reason: muster.ReasonExists, Detail: "The user exists.", User: 1844090530019957504, Subject: "12345557"},
		},
	}
}

func query(parameters string) string { return getPath + "?taskId=" + task.String() + parameters }

// TestGetGivesTheDocumentedExample holds the answer against the example of the contract's document, without its white space.
func TestGetGivesTheDocumentedExample(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.engine.page = documented()
	answer := b.do(b.request(t, http.MethodGet, query("&cursor=0&pageSize=2"), ""))
	body, err := io.ReadAll(answer.Body)
	must(t, err)
	const want = `{"data":{"taskInfo":{"taskId":"1895065728646757504","status":"2","totalCount":2,"successCount":1,"failCount":0,` +
		`"skipCount":1},"registerList":[{"id":"1895065728646757504","userId":"1895065729401744000","phone":"12345557"},` +
		`{"id":"1895065728646757504","userId":"1844090530019957504","phone":"12345557","code":"40000009",` +
		`"reason":"The user already exists."}],"code":0,"msg":"success"},"code":0,"msg":"Success"}`
	if diff := cmp.Diff(want, string(body)); diff != "" {
		t.Error(diff)
	}
}

func TestGetAnswers(t *testing.T) {
	t.Parallel()
	failed := func(i int, reason muster.Reason, field, detail string) muster.Outcome {
		return muster.Outcome{Row: i, ID: row + muster.ID(i), Result: muster.Failed, Reason: reason, Field: field, Detail: detail, Subject: fmt.Sprintf("+2710000000%d", i)}
	}
	reasons := []muster.Outcome{
		failed(0, muster.ReasonInvalid, "firstname", "1 to 64 characters are accepted."),
		failed(1, muster.ReasonInvalid, "phone", "phone must be a string or an integer without sign, fraction and exponent."),
		failed(2, muster.ReasonConflict, "email", "The email is held by another user."),
		failed(3, muster.ReasonNoSeat, "", "The tenant's user limit is reached."),
		failed(4, muster.ReasonNoCapacity, "personalCapacity", "The tenant's personal space has less left than the capacity asked for."),
		failed(5, muster.ReasonInternal, "", "This row could not be processed."),
		failed(6, muster.ReasonForbidden, "adminLevel", "An administrator cannot grant a level above his own."),
		failed(7, muster.ReasonLastAdmin, "", "The last system administrator cannot be disabled."),
		failed(8, muster.ReasonCancelled, "", "Cancelled."),
		failed(9, muster.Reason(200), "", "A reason of a later version."),
	}
	said := []muster.Outcome{
		{Row: 0, ID: row, Result: muster.Skipped, Reason: muster.ReasonExists, Detail: "The user already exists.", User: user, Subject: "1"},
		failed(1, muster.ReasonInvalid, "firstname", "1 to 64 characters are accepted."),
		failed(2, muster.ReasonInvalid, "phone", "phone must be a string or an integer without sign, fraction and exponent."),
		failed(3, muster.ReasonConflict, "email", "The email is held by another user."),
		failed(4, muster.ReasonNoSeat, "", "The tenant's user limit is reached: delete a user or raise the limit."),
		failed(5, muster.ReasonNoCapacity, "personalCapacity", "The tenant's personal space has less left than the capacity asked for."),
		failed(6, muster.ReasonNoDepartment, "department", "Sales/North"),
		failed(7, muster.ReasonAmbiguousDepartment, "department", "The user already exists."),
		failed(8, muster.ReasonCancelled, "", "Cancelled."),
		failed(9, muster.ReasonInvalid, "password", "It must have 8 to 128 characters."),
	}
	odd := []muster.Outcome{
		{Row: 0, ID: row, Result: muster.Failed, Reason: muster.ReasonInvalid, Field: "phone", Detail: "5 to 20 digits are accepted."},
		{Row: 1, ID: row + 1, Result: muster.Succeeded, User: user, Subject: "\"\\ \u202e\u2028<b>\t\x00é"},
	}
	for _, tc := range []struct {
		name, query, language string
		page                  muster.BatchPage
		err                   error
	}{
		{name: "get", page: documented()},
		{name: "get in Chinese", page: documented(), language: "zh-CN,zh;q=0.9,en;q=0.8"},
		{name: "get first page", query: "&pageSize=1", page: documented()},
		{name: "get second page", query: "&pageSize=1&cursor=" + nextCursor, page: documented()},
		{name: "get past the end", query: "&cursor=" + nextCursor, page: muster.BatchPage{Batch: muster.Batch{ID: task, Total: 2, Failed: 1}, Outcomes: documented().Outcomes[:1]}},
		{name: "get waiting", page: muster.BatchPage{Batch: muster.Batch{ID: task, Total: 3}}},
		{name: "get running", page: muster.BatchPage{Batch: muster.Batch{ID: task, Total: 3, Succeeded: 1}, Outcomes: documented().Outcomes[:1]}},
		{name: "get every reason", page: muster.BatchPage{Batch: muster.Batch{ID: task, Total: 10, Failed: 10}, Outcomes: reasons}},
		{name: "get reasons", page: muster.BatchPage{Batch: muster.Batch{ID: task, Total: 10, Skipped: 1, Failed: 9}, Outcomes: said}},
		{name: "get reasons in Chinese", page: muster.BatchPage{Batch: muster.Batch{ID: task, Total: 10, Skipped: 1, Failed: 9}, Outcomes: said}, language: "zh-CN"},
		{name: "get odd phones", page: muster.BatchPage{Batch: muster.Batch{ID: task, Total: 2, Failed: 1, Succeeded: 1}, Outcomes: odd}},
		{name: "get unknown task", err: &muster.Error{Kind: muster.KindNotFound, Detail: "The batch does not exist."}},
		{name: "get unknown task in Chinese", err: &muster.Error{Kind: muster.KindNotFound}, language: "zh-CN"},
		{name: "get broken", err: errors.New("the database's own words")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.engine.page, b.engine.err = tc.page, tc.err
			r := b.request(t, http.MethodGet, query(tc.query), "")
			if tc.language != "" {
				r.Header.Set("language", tc.language)
			}
			answer := b.do(r)
			golden(t, tc.name, answer)
			body := dump(t, b.do(b.request(t, http.MethodGet, query(tc.query), "")))
			if _, text, _ := strings.Cut(body, "\n\n"); !json.Valid([]byte(text)) {
				t.Error("the answer is not JSON")
			}
		})
	}
}

// nextCursor is the cursor of task's second row. That it stays so lets a client go on over an update of the server.
const nextCursor = "AAAAAb_su-eR"

func TestGetAsksForThePage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.engine.page = documented()
	for _, tc := range []struct {
		query       string
		from, limit int
	}{
		{"", 0, 1000},
		{"&cursor=", 0, 1000},
		{"&cursor=0&pageSize=1000", 0, 1000},
		{"&cursor", 0, 1000},
		{"&pageSize=1&cursor=" + nextCursor, 1, 1},
		{"&unknown=1&unknown=2&TASKID=x", 0, 1000},
	} {
		if answer := b.do(b.request(t, http.MethodGet, query(tc.query), "")); answer.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s", tc.query, dump(t, answer))
		}
		want := fmt.Sprintf("tenant %s batch %s contract 1 from %d limit %d", b.tenant.ID, task, tc.from, tc.limit)
		if got := b.engine.asked[len(b.engine.asked)-1]; got != want {
			t.Errorf("%s: asked for %s, want %s", tc.query, got, want)
		}
	}
}

func TestGetRefusesParameters(t *testing.T) {
	t.Parallel()
	b := setup(t)
	other := strings.Replace(query("&cursor="+nextCursor), task.String(), (task + 1).String(), 1)
	for _, tc := range []struct{ name, target string }{
		{"taskId missing", getPath + "?pageSize=1"},
		{"taskId empty", getPath + "?taskId="},
		{"taskId no number", getPath + "?taskId=abc"},
		{"taskId negative", getPath + "?taskId=-1"},
		{"taskId too large", getPath + "?taskId=9223372036854775808"},
		{"taskId twice", query("&taskId=1")},
		{"cursor twice", query("&cursor=0&cursor=0")},
		{"pageSize twice", query("&pageSize=1&pageSize=1")},
		{"pageSize empty", query("&pageSize=")},
		{"pageSize zero", query("&pageSize=0")},
		{"pageSize 1001", query("&pageSize=1001")},
		{"pageSize negative", query("&pageSize=-1")},
		{"pageSize with plus", query("&pageSize=+1")},
		{"pageSize no number", query("&pageSize=all")},
		{"pageSize huge", query("&pageSize=99999999999999999999")},
		{"cursor made up", query("&cursor=1")},
		{"cursor of another task", other},
		{"cursor altered", query("&cursor=B" + nextCursor[1:])},
		{"cursor with padding", query("&cursor=" + nextCursor + "=")},
		{"cursor with a line break", query("&cursor=" + nextCursor[:11] + "%0A")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			answer := b.do(b.request(t, http.MethodGet, tc.target, ""))
			golden(t, tc.name, answer)
			if answer.StatusCode != http.StatusBadRequest {
				t.Errorf("status = %d, want 400", answer.StatusCode)
			}
		})
	}
	t.Cleanup(func() {
		if len(b.engine.asked) != 0 {
			t.Errorf("the store was asked for %v", b.engine.asked)
		}
	})
}
