package crashtest

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	secretKills = 10

	masterKey = "master.key"
)

// secrets is what TestNoSecretAtRest looks for, and how that comes to be at hand.
type secrets struct {
	t       *testing.T
	in      *installation
	r       *rand.Rand
	loads   []*load
	marker  string // part of every password, and of every application's secret that was brought along
	visible string // a name that is stored in the clear, by which the search is seen to look in the right place

	outside  string     // a folder that nothing is searched in
	spare    account    // that no client uses
	third    account    // of the tenant whose user signs in
	hostile  caller     // sends what no client should
	needles  []needle   // of the marker, and of the secrets that the server made
	erased   []needle   // what batches were sealed under while they waited
	changing chan error // of a command that runs while the server is killed
	searches int
}

// TestNoSecretAtRest kills the server at random instants while passwords are in all of its hands, and each time searches
// what is on the disk: the data folder, the logs at the finest level, the temporary folder.
func TestNoSecretAtRest(t *testing.T) {
	t.Parallel()
	const users, passwords, longest = 400, 90, 100
	next := random(t)
	in := install(t)
	r := next()
	x := &secrets{t: t, in: in, r: r, marker: word(r, 20), visible: "Visible" + word(r, 20), outside: t.TempDir()}
	in.secret = x.marker
	second := x.tenant()
	x.people()
	for _, a := range []account{in.first, second} {
		x.made("an application's secret", a.AppSecret)
		m := newMaker(next(), passwords)
		m.firstname, m.marker, m.longest = x.visible, x.marker, longest
		x.loads = append(x.loads, newLoad(in, a, m.lists(users)))
	}
	x.needles = append(x.needles, forms("a password or a secret", x.marker)...)
	x.hostile = caller{in: in, account: in.first}
	s := &scenario{in: in, loads: x.loads, ends: secretKills, random: next, during: x.during, between: x.between}
	s.end = func(ctx context.Context, l *life, m moment) (bool, error) { return s.kill(ctx, r, l, m) }
	s.run(t)
	x.search()
	x.last()
	for _, l := range x.loads {
		l.verify(t, in.openDatabase(t))
	}
}

// tenant makes a second tenant, and a credential that no client uses; the one's secret is made, the other's brought along.
func (x *secrets) tenant() (second account) {
	x.t.Helper()
	ctx := x.t.Context()
	if err := x.in.command(ctx, &second, "tenant", "create", "second", "--output", "json"); err != nil {
		x.t.Fatal(err)
	}
	err := x.in.command(ctx, &x.spare, "credential", "create", "--tenant", "second", "--name", "spare",
		"--secret-file", x.brought(), "--output", "json")
	if err != nil {
		x.t.Fatal(err)
	}
	return second
}

// made adds a secret that the server made to what is looked for.
func (x *secrets) made(what, secret string) {
	x.needles = append(x.needles, forms(what, secret)...)
}

// brought is a file with a secret that has the marker in it.
func (x *secrets) brought() string {
	x.t.Helper()
	file := filepath.Join(x.outside, word(x.r, 10))
	if err := os.WriteFile(file, []byte(word(x.r, 8)+x.marker+"\n"), 0o600); err != nil {
		x.t.Fatal(err)
	}
	return file
}

// during is done in every life: a user signs in, secrets and keys change, and requests that are not in order bring passwords
// where they do not belong. One change is under way when the server is killed.
func (x *secrets) during(ctx context.Context) error {
	if err := x.misplace(ctx); err != nil {
		return err
	}
	if err := x.signIn(ctx); err != nil {
		return err
	}
	if x.searches == secretKills/2 {
		if err := x.rotateInUse(ctx); err != nil {
			return err
		}
	}
	changes := [][]string{
		{"credential", "rotate", x.spare.AppID, "--tenant", "second", "--secret-file", x.brought()},
		{"key", "rotate"},
		{"credential", "rotate", x.spare.AppID, "--tenant", "second", "--overlap", "0s", "--secret-file", x.brought()},
		{"key", "rotate", "--master"},
	}
	x.changing = make(chan error, 1)
	go func(args []string) { x.changing <- x.in.command(ctx, nil, args...) }(changes[x.r.IntN(len(changes))])
	return nil
}

// rotateInUse gives the credentials that clients use another secret, once: what was signed with the old one before is
// still on its way.
func (x *secrets) rotateInUse(ctx context.Context) error {
	for i, tenant := range []string{"main", "second"} {
		var issued struct {
			Secret string `json:"secret"`
		}
		c := x.loads[i].caller
		if err := x.in.command(ctx, &issued, "credential", "rotate", c.account.AppID, "--tenant", tenant, "--output", "json"); err != nil {
			return err
		}
		c.renew(issued.Secret)
		x.made("a rotated secret", issued.Secret)
	}
	return nil
}

// misplace sends requests that have passwords where they do not belong. Each is refused.
func (x *secrets) misplace(ctx context.Context) error {
	m := x.marker
	for name, send := range map[string]func() (*request, error){
		"a body cut off":           x.body(`{"userList":[{"firstname":"Ann","phone":"12345678","password":"` + m),
		"a name twice":             x.body(`{"userList":[{"password":"` + m + `","password":"` + m + `"}]}`),
		"no list":                  x.body(`{"` + m + `":"` + m + `"}`),
		"a list of passwords":      x.body(`{"userList":["` + m + `"]}`),
		"a body that is no object": x.body(`"` + m + `"`),
		"a body in UTF-16":         x.body(string(utf16Of(`{"userList":[{"password":"`+m+`"}]}`, 0, 1))),
		"a body too large":         x.body(`{"userList":[{"password":"` + strings.Repeat(m, 5<<20/len(m)) + `"}]}`),
		"a task":                   x.query("taskId=" + m),
		"a cursor":                 x.query("taskId=1505084218764547200&cursor=" + m),
		"another parameter":        x.query("taskId=1505084218764547200&password=" + m),
		"a wrong signature": func() (*request, error) {
			r, err := x.body(`{"userList":[{"firstname":"Ann","phone":"12345678","password":"` + m + `"}]}`)()
			r.body = bytes.Replace(r.body, []byte("Ann"), []byte("Bob"), 1)
			return r, err
		},
		"an authorization": func() (*request, error) {
			r, err := x.query("taskId=1505084218764547200")()
			r.header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("admin:"+m)))
			return r, err
		},
		"an AppId": func() (*request, error) {
			r, err := x.query("taskId=1505084218764547200")()
			r.header.Set("Authorization", strings.Replace(r.header.Get("Authorization"), x.in.first.AppID, m, 1))
			return r, err
		},
	} {
		r, err := send()
		if err != nil {
			return err
		}
		a, _, err := attempt(ctx, x.in, func(l *life) (*answer, error) { return l.send(ctx, r) })
		if err != nil {
			return err
		}
		if a.status < http.StatusBadRequest || a.status >= http.StatusInternalServerError {
			return fmt.Errorf("%s: status %d, want a refusal", name, a.status)
		}
	}
	return nil
}

func (x *secrets) body(text string) func() (*request, error) {
	return func() (*request, error) {
		return x.hostile.sign(anyScheme(x.r), http.MethodPost, createPath, "misplaced", []byte(text))
	}
}

func (x *secrets) query(text string) func() (*request, error) {
	return func() (*request, error) {
		return x.hostile.sign("", http.MethodGet, getPath+"?"+text, "misplaced", nil)
	}
}

// between searches what a killed server left.
func (x *secrets) between(context.Context) error {
	if x.changing != nil {
		<-x.changing // whether it got through or not: it may have met the kill
		x.changing = nil
	}
	x.search()
	return x.remember()
}

// search looks for the secrets in everything that the processes may have written, but the master key file; and for the
// master keys, which only that file may hold.
func (x *secrets) search() {
	x.t.Helper()
	x.searches++
	excepted := filepath.Join("data", masterKey)
	found, err := search(x.in.folder, slices.Concat(x.needles, x.masterKeys()), excepted, excepted+".new")
	if err != nil {
		x.t.Fatal(err)
	}
	for _, f := range found {
		x.t.Errorf("search %d found %s", x.searches, f)
	}
}

// masterKeys are the keys in the master key file, which nobody but its owner may read.
func (x *secrets) masterKeys() (keys []needle) {
	x.t.Helper()
	for _, name := range []string{masterKey, masterKey + ".new"} { // the latter if a change was cut off
		path := filepath.Join(x.in.data(), name)
		info, err := os.Stat(path)
		if os.IsNotExist(err) && name != masterKey {
			continue
		}
		if err != nil {
			x.t.Fatal(err)
		}
		if mode := info.Mode(); mode != 0o600 {
			x.t.Errorf("%s has mode %s", name, mode)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			x.t.Fatal(err)
		}
		for _, word := range strings.Fields(string(text)) {
			encoded, ok := strings.CutPrefix(word, "base64key://")
			if !ok {
				continue
			}
			key, err := base64.URLEncoding.DecodeString(encoded)
			if err != nil {
				x.t.Fatal(err)
			}
			keys = append(keys, needle{"a master key", key}, needle{"a master key, as in its file", []byte(encoded[:40])})
		}
	}
	if len(keys) == 0 {
		x.t.Error("the master key file has no key")
	}
	return keys
}

// remember reads, from a copy of what a killed server left, the sealed rows that wait, and the wrapped keys under which they
// are sealed. All of it is to be gone from the disk in the end.
func (x *secrets) remember() error {
	left := installation{folder: filepath.Join(x.outside, fmt.Sprint("left", x.searches))}
	if err := os.MkdirAll(left.data(), 0o700); err != nil {
		return err
	}
	for _, suffix := range []string{"", "-wal"} {
		if err := copyFile(left.database()+suffix, x.in.database()+suffix); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	db := left.openDatabase(x.t)
	for what, query := range map[string]string{
		"the key of a batch that waited": "SELECT payload_key FROM batches WHERE payload_key IS NOT NULL",
		"rows that waited":               "SELECT substr(payload, 1, 64) FROM payloads",
	} {
		each(x.t, db, query, nil, func(rows *sql.Rows) error {
			var sealed []byte
			err := rows.Scan(&sealed)
			x.erased = append(x.erased, needle{what, sealed})
			return err
		})
	}
	return db.Close()
}

func copyFile(to, from string) (err error) {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.Create(to)
	if err != nil {
		return err
	}
	defer func() {
		if closed := target.Close(); err == nil {
			err = closed
		}
	}()
	_, err = io.Copy(target, source)
	return err
}

// last looks at what the server left when everything was done.
func (x *secrets) last() {
	x.t.Helper()
	if n := x.in.leaks.Load(); n != 0 {
		x.t.Errorf("%d answers had a password in them", n)
	}
	if len(x.erased) == 0 {
		x.t.Error("no kill met a batch that waited")
	}
	found, err := search(x.in.data(), x.erased)
	if err != nil {
		x.t.Fatal(err)
	}
	for _, f := range found {
		x.t.Errorf("not erased: %s", f)
	}
	for place, text := range map[string]string{"data": x.visible, "log": trace(0)} {
		found, err := search(x.in.folder, []needle{{"what is no secret", []byte(text)}})
		if err != nil {
			x.t.Fatal(err)
		}
		if !slices.ContainsFunc(found, func(f string) bool { return strings.Contains(f, "secret: "+place) }) {
			x.t.Errorf("the search does not find in %s what must be there: %q", place, found)
		}
	}
	x.t.Logf("%d searches for %d forms; %d sealed texts that waited are erased", x.searches, len(x.needles), len(x.erased))
}
