package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"muster/client"
)

// signin times a user's sign-in while a tenant imports passwords.
func signin(ctx context.Context, b *bench) error {
	return b.newServers(ctx, func(at place, s *server, c *client.Client) error {
		users := people(1, odd, secretOf)
		if _, _, err := provision(ctx, c, users, 1); err != nil {
			return err
		}
		body, err := json.Marshal(map[string]string{"account": users[0].Phone, "authType": "1", "password": users[0].Password})
		if err != nil {
			return err
		}
		measure := func() (times []float64, err error) {
			for i := range warming + b.requests {
				began := time.Now()
				if err := s.login(ctx, body); err != nil {
					return nil, err
				}
				if took := time.Since(began); i >= warming {
					times = append(times, took.Seconds()*1000)
				}
			}
			return times, nil
		}
		idle, err := measure()
		if err != nil {
			return err
		}
		tasks, err := submit(ctx, c, people(20*b.passwords, even, secretOf), b.clients)
		if err != nil {
			return err
		}
		busy, err := measure()
		if err != nil {
			return err
		}
		page, err := c.Batch(ctx, tasks[len(tasks)-1], "", 1)
		if err != nil {
			return err
		}
		if page.Task.Succeeded == page.Task.Total {
			return errors.New("the import ended before the last sign-in")
		}
		fmt.Printf("   %-10s  idle: median %.0f ms, p99 %.0f   during an import of passwords: median %.0f ms, p99 %.0f (goal 1000)\n",
			at, median(idle), percentile(idle, 99), median(busy), percentile(busy, 99))
		return nil
	})
}

func (s *server) login(ctx context.Context, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/koodrive/ose/v1/auth/login", bytes.NewReader(body))
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("sign-in answered %s", answer.Status)
	}
	return nil
}
