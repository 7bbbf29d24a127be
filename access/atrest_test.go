package access_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"muster"
	"muster/access"
)

// TestNoSecretOfASignInIsStored: of passwords, tokens and links nothing lies in the data folder, in whatever form, from
// which they could be had.
func TestNoSecretOfASignInIsStored(t *testing.T) {
	t.Parallel()
	p := setupPeople(t)
	ann := p.add(t, muster.User{Account: "visible account"}, "")
	link := p.link(t, ann)
	must(t, p.setPassword(t, link, chosen))
	session := p.signIn(t, "visible account", chosen)
	next := p.refresh(t, session.RefreshToken)
	unused := p.link(t, ann)
	app := p.issue(t)
	_, err := p.sessions().SignIn(t.Context(), p.request("visible account", "A guessed horse 7"))
	refused(t, err, muster.KindUnauthenticated)
	must(t, p.activations().Reset(t.Context(), p.tenant.ID, system, p.add(t, muster.User{Account: "b"}, ""), "A temporary horse 8", true))
	_, err = p.sessions().SignIn(t.Context(), p.request("b", "A temporary horse 8"))
	var change *access.MustChangeError
	if !errors.As(err, &change) {
		t.Fatal(err)
	}

	secrets := map[string]string{
		"a password set by link": chosen, "a wrong password": "A guessed horse 7", "a temporary password": "A temporary horse 8",
		"an access token": session.AccessToken, "a refreshed one": next.AccessToken,
		"a used refresh token": session.RefreshToken, "a refresh token": next.RefreshToken, "an application's token": app.Token,
	}
	for what, l := range map[string]access.Link{"a used link": link, "a link": unused, "a link to change a password": change.Link} {
		_, secrets[what], _ = strings.Cut(l.Secret, "-") // the user's id is none
	}
	needles := map[string][]byte{}
	for what, text := range secrets {
		needles[what] = []byte(text)
		if raw, err := hex.DecodeString(text); err == nil {
			needles[what+", decoded"] = raw
		} else if raw, err := base64.RawURLEncoding.DecodeString(text); err == nil {
			needles[what+", decoded"] = raw
		}
	}
	stored := sha256.Sum256([]byte(unused.Secret))
	for what, found := range p.find(t, needles, map[string][]byte{"an account": []byte("visible account"), "a hash": stored[:]}) {
		t.Errorf("%s lies in %s", what, found)
	}
}

// find searches the data folder, in which what is visible must be found, for the needles.
func (p *people) find(t *testing.T, needles, visible map[string][]byte) (found map[string]string) {
	t.Helper()
	found = map[string]string{}
	seen := map[string]bool{}
	must(t, filepath.WalkDir(p.dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(name)
		for what, needle := range needles {
			if bytes.Contains(content, needle) {
				found[what] = filepath.Base(name)
			}
		}
		for what, text := range visible {
			seen[what] = seen[what] || bytes.Contains(content, text)
		}
		return err
	}))
	for what := range visible {
		if !seen[what] {
			t.Errorf("the search does not find %s, which must be there", what)
		}
	}
	return found
}
