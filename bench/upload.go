package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"muster/client"
)

// upload brings users in as one CSV file, at once and as a dry run that is then committed, and as batches of the KooDrive
// contract, each on a server of its own.
func upload(ctx context.Context, b *bench) error {
	users := people(b.uploaded, even, nil)
	file := filepath.Join(b.dir, "users.csv")
	if err := writeCSV(file, users); err != nil {
		return err
	}
	return b.everywhere(ctx, func(at place) error {
		batches, err := b.batches(ctx, at, users)
		if err != nil {
			return err
		}
		var whole, dry, commit float64
		var memory float64
		err = b.withToken(ctx, at, func(s *server, token string) (err error) {
			_, whole, err = s.uploaded(ctx, token, file, "", b.uploaded)
			memory = s.memory()
			return err
		})
		if err != nil {
			return err
		}
		err = b.withToken(ctx, at, func(s *server, token string) error {
			id, rate, err := s.uploaded(ctx, token, file, "&dryRun=true", b.uploaded)
			if err != nil {
				return err
			}
			dry = rate
			_, commit, err = s.rate(ctx, token, http.MethodPost, "/batches/"+id+"/commit", "application/json", strings.NewReader("{}"), b.uploaded)
			memory = max(memory, s.memory())
			return err
		})
		if err != nil {
			return err
		}
		fmt.Printf("   %-10s  %d users: batches of 1,000 %.0f users/s  file %.0f, ratio %.2f (goal 0.75)  "+
			"dry run %.0f, its commit %.0f, both together %.0f; resident at most %.0f MB (goal 400)\n",
			at, b.uploaded, batches, whole, whole/batches, dry, commit, 1/(1/dry+1/commit), memory)
		return nil
	})
}

func writeCSV(file string, users []client.User) (err error) {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriter(f)
	_, _ = w.WriteString("phone,email,firstName,surname\n")
	for i := range users {
		u := &users[i]
		_, _ = fmt.Fprintf(w, "%s,%s,%s,%s\n", u.Phone, u.Email, u.FirstName, u.Surname)
	}
	return w.Flush()
}

// batches is the rate of the same users as batches of 1,000.
func (b *bench) batches(ctx context.Context, at place, users []client.User) (rate float64, err error) {
	err = b.onServer(ctx, at, func(s *server) error {
		c, err := s.client(s.install)
		if err != nil {
			return err
		}
		rate, _, err = provision(ctx, c, users, b.clients)
		return err
	})
	return rate, err
}

// withToken has f use a new server and a token for it.
func (b *bench) withToken(ctx context.Context, at place, f func(s *server, token string) error) error {
	return b.onServer(ctx, at, func(s *server) error {
		token, err := s.token(ctx)
		if err != nil {
			return err
		}
		return f(s, token)
	})
}

func (s *server) uploaded(ctx context.Context, token, file, query string, users int) (id string, rate float64, err error) {
	f, err := os.Open(file)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	return s.rate(ctx, token, http.MethodPost, "/batches/upload?operation=create&match=phone"+query, "text/csv", f, users)
}

// standing is what the API says of a batch.
type standing struct {
	ID         string
	State      string
	Succeeded  int
	FinishedAt time.Time
}

// rate makes a batch and gives users/s, from the first byte sent until all are done.
func (s *server) rate(ctx context.Context, token, method, path, form string, body io.Reader, users int) (id string, rate float64, err error) {
	began := time.Now()
	var made standing
	if err := s.native(ctx, token, method, path, form, body, &made); err != nil {
		return "", 0, err
	}
	err = firstRows(ctx, 5*time.Millisecond, func() (int, error) {
		if err := s.native(ctx, token, http.MethodGet, "/batches/"+made.ID, "", http.NoBody, &made); err != nil || made.FinishedAt.IsZero() {
			return 0, err
		}
		if made.Succeeded != users {
			return 0, fmt.Errorf("%d of %d rows succeeded: %s", made.Succeeded, users, made.State)
		}
		return 1, nil
	})
	return made.ID, float64(users) / time.Since(began).Seconds(), err
}

// native calls Muster's own API.
func (s *server) native(ctx context.Context, token, method, path, form string, body io.Reader, answer any) error {
	req, err := http.NewRequestWithContext(ctx, method, s.url+"/api/v1"+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if form != "" {
		req.Header.Set("Content-Type", form)
	}
	got, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	if err == nil && got.StatusCode >= http.StatusBadRequest {
		err = fmt.Errorf("%s answered %s: %s", path, got.Status, text)
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(text, answer)
}
