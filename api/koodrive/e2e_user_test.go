package koodrive_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"muster"
	"muster/client"
)

// send sends a request with an Authorization header, "" for none, over the wire.
func (s *server) send(t *testing.T, authorization, method, target, body string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.url+target, strings.NewReader(body))
	must(t, err)
	r.Header.Set("X-Traceid", trace)
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	answer, err := http.DefaultClient.Do(r)
	must(t, err)
	t.Cleanup(func() { _, _ = io.Copy(io.Discard, answer.Body); must(t, answer.Body.Close()) })
	return answer
}

// TestAProvisionedUserIsReal: a batch makes him, he signs in by his phone, sees who he is, goes on with another token, and
// is out at once when he is disabled.
func TestAProvisionedUserIsReal(t *testing.T) {
	t.Parallel()
	s := serve(t, true)
	c := s.client(t, s.signer)
	const password = "Q!@1assword"
	task, err := c.CreateBatch(t.Context(), []client.User{{FirstName: "1204", Surname: "1204", Phone: "1884609076404", Email: "1024@12.com", Password: password}})
	must(t, err)
	rows := follow(t, c, task)
	if len(rows) != 1 || !rows[0].Succeeded() {
		t.Fatalf("rows = %+v", rows)
	}
	first := sessionOf(t, s.send(t, "", http.MethodPost, loginPath, credentials("1884609076404", password)))
	want := `{"data":{"userId":"` + rows[0].UserID + `","firstname":"1204","surname":"1204","phone":"1884609076404","email":"1024@12.com"},"code":0,"msg":"Success"}`
	info := func(token string, status int) string {
		t.Helper()
		answer := s.send(t, token, http.MethodGet, infoPath, "")
		body := text(t, answer)
		if answer.StatusCode != status {
			t.Fatalf("status %d, want %d: %s", answer.StatusCode, status, body)
		}
		return body
	}
	if got := info(first.AccessToken, http.StatusOK); got != want {
		t.Errorf("info %s, want %s", got, want)
	}
	second := sessionOf(t, s.send(t, "", http.MethodPost, refreshPath, `{"refreshToken":"`+first.RefreshToken+`"}`))
	if got := info("Bearer+"+strings.TrimPrefix(second.AccessToken, "AT "), http.StatusOK); got != want {
		t.Errorf("info %s, want %s", got, want)
	}
	administrator := s.administrator(t, s.tenant, muster.LevelSystemAdmin, 0)
	if answer := s.send(t, "AT "+administrator, http.MethodPut, prefix+"/users/"+rows[0].UserID, `{"status":1}`); answer.StatusCode != http.StatusOK {
		t.Fatal(text(t, answer))
	}
	for _, token := range []string{first.AccessToken, second.AccessToken} {
		info(token, http.StatusUnauthorized)
	}
	for path, body := range map[string]string{refreshPath: `{"refreshToken":"` + second.RefreshToken + `"}`, loginPath: credentials("1884609076404", password)} {
		if answer := s.send(t, "", http.MethodPost, path, body); answer.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s of a disabled user: %s", path, text(t, answer))
		}
	}
	if logs := s.logs.String(); logs != "" {
		t.Errorf("logged %s", logs)
	}
}
