package crashtest

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
)

const (
	loginPath   = "/koodrive/ose/v1/auth/login"
	refreshPath = "/koodrive/ose/v1/auth/refreshToken"
	grantPath   = "/oauth2/token"

	jsonType = "application/json"
	formType = "application/x-www-form-urlencoded"

	signer = "signer" // the account of who signs in
)

// people makes a tenant with a user who has no password.
func (x *secrets) people() {
	x.t.Helper()
	file := filepath.Join(x.outside, "people.json")
	if err := os.WriteFile(file, []byte(`[{"account":"`+signer+`","firstName":"Ann"}]`), 0o600); err != nil {
		x.t.Fatal(err)
	}
	for _, step := range []struct {
		answer any
		args   []string
	}{
		{&x.third, []string{"tenant", "create", "third", "--output", "json"}},
		{nil, []string{"import", file, "--tenant", "third", "--match", "account", "--output", "json"}},
	} {
		if err := x.in.command(x.t.Context(), step.answer, step.args...); err != nil {
			x.t.Fatal(err)
		}
	}
	x.made("an application's secret", x.third.AppSecret)
}

// signIn goes through what a user's password goes through: a link that is replaced, one by which he sets a password, a
// sign-in, a refresh, a reset, and the link that he gets to change what he was given; and gets an application's token. All
// secrets of these are looked for from then on.
func (x *secrets) signIn(ctx context.Context) error {
	if _, err := x.link(ctx); err != nil {
		return err
	}
	link, err := x.link(ctx)
	if err != nil {
		return err
	}
	chosen := word(x.r, 8) + x.marker
	if _, err := x.post(ctx, link, formType, url.Values{"password": {chosen}, "again": {chosen}}.Encode(), http.StatusOK); err != nil {
		return err
	}
	refreshToken, err := x.session(ctx, loginPath, map[string]string{"account": signer, "authType": "1", "password": chosen})
	if err != nil {
		return err
	}
	if _, err := x.session(ctx, refreshPath, map[string]string{"refreshToken": refreshToken}); err != nil {
		return err
	}
	if err := x.grant(ctx); err != nil {
		return err
	}
	return x.mustChange(ctx)
}

// link makes a link for the user and gives its path.
func (x *secrets) link(ctx context.Context) (string, error) {
	var made struct {
		Link string `json:"link"`
	}
	err := x.in.command(ctx, &made, "user", "link", signer, "--tenant", "third", "--output", "json")
	if err != nil {
		return "", err
	}
	return x.madeLink(made.Link)
}

func (x *secrets) madeLink(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	_, random, ok := strings.Cut(path.Base(u.Path), "-")
	if !ok {
		return "", errors.New("a link has no secret")
	}
	x.made("a link", random)
	return u.Path, nil
}

// session gets a session and gives its refresh token.
func (x *secrets) session(ctx context.Context, path string, body map[string]string) (string, error) {
	var answer envelope[struct {
		Session struct {
			AccessToken  string `json:"accessToken"`
			RefreshToken string `json:"refreshToken"`
		} `json:"sessionInfo"`
	}]
	if err := x.call(ctx, path, body, http.StatusOK, &answer); err != nil {
		return "", err
	}
	session := answer.Data.Session
	for what, token := range map[string]string{
		"an access token": strings.TrimPrefix(session.AccessToken, "AT "), "a refresh token": session.RefreshToken,
	} {
		raw, err := hex.DecodeString(token)
		if err != nil || len(raw) == 0 {
			return "", fmt.Errorf("%s: %s is not in hexadecimal", path, what)
		}
		x.made(what, token)
		x.needles = append(x.needles, needle{what + ", decoded", raw})
	}
	return session.RefreshToken, nil
}

// grant gets an application's token by client credentials.
func (x *secrets) grant(ctx context.Context) error {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {x.third.AppID}, "client_secret": {x.third.AppSecret}}
	a, err := x.post(ctx, grantPath, formType, form.Encode(), http.StatusOK)
	if err != nil {
		return err
	}
	var granted struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal(a.body, &granted); err != nil || granted.Token == "" {
		return fmt.Errorf("%s: no token: %w", grantPath, err)
	}
	x.made("an application's token", granted.Token)
	return nil
}

// mustChange gives the user a password that only serves to set another, and signs in with it.
func (x *secrets) mustChange(ctx context.Context) error {
	file := x.brought()
	err := x.in.command(ctx, nil, "user", "reset", signer, "--tenant", "third", "--must-change", "--password-file", file, "--output", "json")
	if err != nil {
		return err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var answer envelope[struct {
		Link string `json:"passwordUrl"`
	}]
	given := map[string]string{"account": signer, "authType": "1", "password": strings.TrimSpace(string(text))}
	if err := x.call(ctx, loginPath, given, http.StatusForbidden, &answer); err != nil {
		return err
	}
	_, err = x.madeLink(answer.Data.Link)
	return err
}

func (x *secrets) call(ctx context.Context, path string, body map[string]string, want int, into any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	a, err := x.post(ctx, path, jsonType, string(text), want)
	if err != nil {
		return err
	}
	return json.Unmarshal(a.body, into)
}

func (x *secrets) post(ctx context.Context, path, contentType, body string, want int) (*answer, error) {
	r := &request{
		method: http.MethodPost, url: "http://" + host + path, body: []byte(body),
		header: http.Header{"Content-Type": {contentType}, "X-Tenant-Id": {x.third.TenantID}},
	}
	a, _, err := attempt(ctx, x.in, func(l *life) (*answer, error) { return l.send(ctx, r) })
	if err == nil && a.status != want {
		return nil, fmt.Errorf("%s: status %d, want %d", path, a.status, want)
	}
	return a, err
}
