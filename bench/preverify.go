package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"muster"
)

// question is a pre-verification of 1,000 users, ready to be sent to one server again and again.
type question struct {
	server   *server
	token    string
	body     []byte
	accepted int // of its users
	times    []float64
}

const warming = 10 // requests before those that count

// preverify asks a server with a small directory and one with a large one the same sort of question in turns, so that a change
// of the machine's mood meets both.
func preverify(ctx context.Context, b *bench) error {
	return b.everywhere(ctx, func(at place) (err error) {
		var asked [2]*question
		for i, size := range []struct {
			shape
			users int
		}{{shape{areas: 2, divisions: 1, units: 1, teams: 2}, 1000}, {shape{areas: 10, divisions: 27, units: 4, teams: 8}, b.directory}} {
			server, err := at.install(ctx)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, at.remove(ctx, server)) }()
			if asked[i], err = b.directoryServer(ctx, server, size.shape, size.users); err != nil {
				return err
			}
			defer server.stop()
		}
		for i := range warming + b.requests {
			for _, q := range asked {
				took, err := q.ask(ctx)
				if err != nil {
					return err
				}
				if i >= warming {
					q.times = append(q.times, took.Seconds()*1000)
				}
			}
		}
		here, there := median(asked[0].times), median(asked[1].times)
		fmt.Printf("   %-10s  median of %d: small directory %.1f ms, %d users %.1f ms (goal 20), ratio %.2f; resident at most %.0f MB\n",
			at, b.requests, here, b.directory, there, there/here, asked[1].server.memory())
		return nil
	})
}

// directoryServer starts a server whose tenant has departments of the shape and users, and makes a question for it.
func (b *bench) directoryServer(ctx context.Context, server *server, s shape, users int) (*question, error) {
	var tenant struct {
		ID             muster.ID `json:"id"`
		RootDepartment muster.ID `json:"rootDepartmentId"`
	}
	if err := b.command(ctx, &tenant, append([]string{"tenant", "set", "--personal-space", "1000000"}, server.where...)...); err != nil {
		return nil, err
	}
	if err := fill(ctx, server, tenant.ID, s, users); err != nil {
		return nil, err
	}
	if err := server.start(ctx); err != nil {
		return nil, err
	}
	q := &question{server: server}
	token, err := server.token(ctx)
	if err != nil {
		return nil, err
	}
	q.token = token
	q.body, q.accepted, err = s.question(tenant.RootDepartment)
	return q, err
}

// token is an application's (KooDrive contract, section 5).
func (s *server) token(ctx context.Context) (string, error) {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {s.install.AppID}, "client_secret": {s.install.AppSecret}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/oauth2/token", strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	var issued struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&issued); err != nil {
		return "", fmt.Errorf("the token endpoint answered %s: %w", answer.Status, err)
	}
	if issued.Token == "" {
		return "", fmt.Errorf("the token endpoint answered %s", answer.Status)
	}
	return issued.Token, nil
}

// question asks about 1,000 users in random order: a fifth each for children of the root by name, for departments deep below it
// by name, by path, by a name that many have, and for what is not there. Names differ as far as the tree has others.
func (s shape) question(root muster.ID) (body []byte, accepted int, err error) {
	type user struct {
		Target   string `json:"targetDeptName"`
		Capacity int    `json:"personalCapacity"`
		Allocate bool   `json:"isAllocateCapacity"`
	}
	users := make([]user, 0, batchSize)
	for i := range batchSize / 5 {
		n := names(i%s.areas, i/s.areas%s.divisions, i/7%s.units, i%s.teams)
		for k, target := range []string{n[0], n[2], strings.Join(n[:], "/"), n[3], "Nowhere " + strconv.Itoa(i)} {
			users = append(users, user{Target: target, Capacity: i % 2, Allocate: i%2 == 1})
			if k < 3 {
				accepted++
			}
		}
	}
	rand.Shuffle(len(users), func(i, j int) { users[i], users[j] = users[j], users[i] })
	body, err = json.Marshal(map[string]any{"curDeptId": root, "users": users})
	return body, accepted, err
}

// ask sends the question and gives the time from the first byte sent to the last one received.
func (q *question) ask(ctx context.Context) (time.Duration, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, q.server.url+"/koodrive/ose/v1/users/batchimport/preverify", bytes.NewReader(q.body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "Bearer "+q.token)
	began := time.Now()
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	took := time.Since(began)
	if err != nil {
		return 0, err
	}
	if answer.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("pre-verification answered %s", answer.Status)
	}
	if n := bytes.Count(text, []byte(`"isSuccess":0`)); n != q.accepted {
		return 0, fmt.Errorf("pre-verification accepted %d users, want %d", n, q.accepted)
	}
	return took, nil
}
