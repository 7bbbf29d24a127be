package federation_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muster"
	"muster/provision"
)

func TestQueryTheDocumentsTask(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.engine.batch = muster.Batch{Total: 3, Succeeded: 3}
	golden(t, "queryTask of the document", dump(t, b.do(b.request(queryPath, documentedQuery))))
	want := []string{fmt.Sprintf("tenant %s batch 1659446191820726274 contract 2 from 0 limit 100", b.tenant.ID)}
	if diff := cmp.Diff(want, b.engine.asked); diff != "" {
		t.Error(diff)
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, tc := range []struct {
		batch muster.Batch
		want  string
	}{
		{muster.Batch{Total: 3}, "TODO"},
		{muster.Batch{Total: 3, Succeeded: 1}, "DOING"},
		{muster.Batch{Total: 3, Failed: 2}, "DOING"},
		{muster.Batch{Total: 3, Succeeded: 1, Failed: 2}, "DONE"},
		{muster.Batch{Total: 3, Failed: 3}, "DONE"},
	} {
		b.engine.batch = tc.batch
		_, body := b.send(t, queryPath, documentedQuery)
		if want := `{"failDataList":[],"resultCode":"0","taskInfo":{"remark":"","status":"` + tc.want + `"},"resultMessage":"The query is successful."}`; body != want {
			t.Errorf("%+v: %s", tc.batch, body)
		}
	}
}

// TestFailCodes has every reason that a row may have, and so every code of the table.
func TestFailCodes(t *testing.T) {
	t.Parallel()
	outcome := func(reason muster.Reason, field, detail string) muster.Outcome {
		return muster.Outcome{Result: muster.Failed, Reason: reason, Field: field, Detail: detail, Subject: "test0616"}
	}
	cases := []struct {
		name, code string
		outcome    muster.Outcome
	}{
		{"no reason", "60101900002", outcome(muster.ReasonNone, "", "")},
		{"a reason to come", "60101900002", outcome(99, "", "Something new.")},
		{"exists", "60101000108", outcome(muster.ReasonExists, "", "The user exists.")},
		{"does not exist", "60101060007", outcome(muster.ReasonNotFound, "", "There is no such user.")},
		{"refused by the tenant's policy", "60101040050", outcome(muster.ReasonInvalid, "userName", "1 to 64 characters are accepted.")},
		{"e-mail of another user", "60101040050", outcome(muster.ReasonConflict, "email", "The email is held by another user.")},
		{"account of another user", "60101040050", outcome(muster.ReasonConflict, "account", "The account is held by another user.")},
		{"no seat", "60101040050", outcome(muster.ReasonNoSeat, "", "The tenant's user limit is reached.")},
		{"no capacity", "60101040050", outcome(muster.ReasonNoCapacity, "", "The tenant's personal space is used up.")},
		{"forbidden", "60101040050", outcome(muster.ReasonForbidden, "adminLevel", "Nobody grants a level above his own.")},
		{"last administrator", "60101040050", outcome(muster.ReasonLastAdmin, "", "The last administrator cannot be disabled.")},
		{"display name", "60101040050", outcome(muster.ReasonInvalid, "displayName", "It is too long.")},
		{"roles", "60101040050", outcome(muster.ReasonInvalid, "roles", "They are too many.")},
		{"internal", "60101900002", outcome(muster.ReasonInternal, "", "The row cannot be processed.")},
		{"cancelled", "60101900002", outcome(muster.ReasonCancelled, "", "Cancelled before it was applied.")},
		{"role", "60101030013", outcome(muster.ReasonRoleNotFound, "roleIds", "1672380646005741634")},
		{"account's length", "60101020076", outcome(muster.ReasonAccountLength, "userAccount", "6 to 50 characters are accepted.")},
		{"account's characters", "60101020085", outcome(muster.ReasonAccountCharacters, "userAccount", "@.")},
		{"not admitted", "60101060003", outcome(muster.ReasonNotAdmitted, "", "The condition does not hold.")},
		{"mapping", "60101000109", outcome(muster.ReasonMapping, "", "The result is no valid user.")},
		{"no mapping", "60101000101", outcome(muster.ReasonNoMapping, "", "")},
		{"no system", "60101000102", outcome(muster.ReasonNoSystem, "", "")},
		{"source unreadable", "60101000100", outcome(muster.ReasonSourceUnreadable, "", "")},
		{"source empty", "60101000103", outcome(muster.ReasonSourceEmpty, "", "")},
		{"source's roles", "60101000104", outcome(muster.ReasonSourceRoles, "", "")},
		{"source gave no id", "60101000105", outcome(muster.ReasonSourceNoID, "", "")},
		{"an account with braces", "60101020085", muster.Outcome{Reason: muster.ReasonAccountCharacters, Subject: "{invalidChars}", Detail: "{loginId}"}},
	}
	b := setup(t)
	b.engine.batch = muster.Batch{Total: len(cases), Failed: len(cases)}
	for i := range cases {
		b.engine.failures = append(b.engine.failures, provision.Failure{
			Outcome: cases[i].outcome,
			Row:     muster.Row{Action: muster.ActionDisable, Set: muster.FieldAccount, Account: fmt.Sprint("user", i)},
		})
	}
	_, body := b.send(t, queryPath, documentedQuery)
	var answer struct {
		FailDataList []struct{ FailCode, FailMessage string }
	}
	must(t, json.Unmarshal([]byte(body), &answer))
	if len(answer.FailDataList) != len(cases) {
		t.Fatalf("%d failures, want %d", len(answer.FailDataList), len(cases))
	}
	var all strings.Builder
	seen := map[muster.Reason]bool{}
	for i, f := range answer.FailDataList {
		if f.FailCode != cases[i].code {
			t.Errorf("%s: code %s, want %s", cases[i].name, f.FailCode, cases[i].code)
		}
		seen[cases[i].outcome.Reason] = true
		fmt.Fprintf(&all, "%s\n\t%s %s\n", cases[i].name, f.FailCode, f.FailMessage)
	}
	for reason := range muster.ReasonSourceNoID + 1 {
		if !seen[reason] {
			t.Errorf("no case has reason %s", reason)
		}
	}
	golden(t, "queryTask codes", all.String())
}

// TestFailuresEchoTheRow: the fields that were sent, as they were, and no others.
func TestFailuresEchoTheRow(t *testing.T) {
	t.Parallel()
	b := setup(t)
	all := muster.FieldAccount | muster.FieldDisplayName | muster.FieldEmail | muster.FieldRoles
	rows := []muster.Row{
		{
			Action: muster.ActionCreate, Set: all, Account: "Test.0616", DisplayName: "张 \"<&>\u2028", Email: "Ada@Example.org",
			Roles: []string{"0012", "12", "12"},
		},
		{Action: muster.ActionUpdate, Set: muster.FieldAccount | muster.FieldRoles, Account: "test0616"},
		{Action: muster.ActionUpdate, Set: muster.FieldAccount | muster.FieldEmail, Account: "test0616", Email: "a@b.c"},
		{Action: muster.ActionDisable, Set: muster.FieldAccount, Account: "test0616"},
	}
	for i := range rows {
		b.engine.failures = append(b.engine.failures, provision.Failure{
			Outcome: muster.Outcome{Row: i, Result: muster.Failed, Reason: muster.ReasonNotFound}, Row: rows[i],
		})
	}
	b.engine.batch = muster.Batch{Total: 9, Failed: 4}
	golden(t, "queryTask with failures", dump(t, b.do(b.request(queryPath, documentedQuery))))
}

func TestTasksThatAreNone(t *testing.T) {
	t.Parallel()
	none := setup(t)
	none.engine.err = &muster.Error{Kind: muster.KindNotFound, Detail: "There is no batch 42 of the tenant."}
	for _, tc := range []struct{ name, body string }{
		{"empty taskId", `{"taskId":""}`},
		{"null taskId", `{"taskId":null}`},
		{"no taskId", `{}`},
		{"unknown taskId", `{"taskId":"42"}`},
		{"taskId that is no id", `{"taskId":"' OR 1=1 --"}`},
		{"negative taskId", `{"taskId":"-1"}`},
		{"taskId of 40 digits", `{"taskId":"` + strings.Repeat("1", 40) + `"}`},
		{"taskId that is a number", `{"taskId":1659446191820726274}`},
		{"taskId in another case", `{"taskid":"42"}`},
		{"taskId twice", `{"taskId":"42","taskId":"43"}`},
		{"body that is an array", `["42"]`},
		{"body that is cut off", `{"taskId":"42"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			golden(t, "queryTask with "+tc.name, dump(t, none.do(none.request(queryPath, tc.body))))
			if none.logs.String() != "" {
				t.Errorf("logged %q", none.logs.String())
			}
		})
	}
	b := setup(t)
	unknown := func(id string) string {
		b.engine.err = &muster.Error{Kind: muster.KindNotFound}
		_, body := b.send(t, queryPath, `{"taskId":"`+id+`"}`)
		return body
	}
	if unknown("42") != unknown("no id") {
		t.Error("an unknown id and none at all have two answers")
	}
	b.engine.err = errors.New("the disk is on fire")
	if status, body := b.send(t, queryPath, documentedQuery); status != http.StatusInternalServerError || strings.Contains(body, "fire") {
		t.Errorf("%d %s", status, body)
	}
}
