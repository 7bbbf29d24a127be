package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// MaxPage is the largest page of rows that a server gives.
const MaxPage = 1000

// User is a person to be provisioned (KooDrive contract, section 1, which has each field's rule).
type User struct {
	FirstName string `json:"firstname"`
	Surname   string `json:"surname,omitempty"`
	Phone     string `json:"phone"`
	Email     string `json:"email,omitempty"`
	// Password in the clear; "" makes an account that must be activated before its first sign-in.
	Password string `json:"password,omitempty"`
}

// Format prints nothing of a person, whatever the verb, so that no log has a password or a phone by accident.
func (User) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[user]") }

// valid reports whether JSON can carry the user: what is not UTF-8, encoding/json would change without a word.
func (u *User) valid() bool {
	for _, field := range []string{u.FirstName, u.Surname, u.Phone, u.Email, u.Password} {
		if !utf8.ValidString(field) {
			return false
		}
	}
	return true
}

// Status is how far a task is.
type Status string

// The statuses of a task (KooDrive contract, section 2).
const (
	Waiting  Status = "0"
	Running  Status = "1"
	Finished Status = "2" // also when every row failed, and when the task was cancelled
)

// Task is a batch as its server counts it.
type Task struct {
	ID        string `json:"taskId"`
	Status    Status `json:"status"`
	Total     int    `json:"totalCount"`
	Succeeded int    `json:"successCount"`
	Failed    int    `json:"failCount"`
	Skipped   int    `json:"skipCount"`
}

// CodeExists is the code of a row whose user existed already.
const CodeExists = "40000009"

// Row is the outcome of one user.
type Row struct {
	ID     string `json:"id"`
	UserID string `json:"userId"` // the user made, or the one who existed; "" if there is none
	Phone  string `json:"phone"`  // as it was sent
	Code   string `json:"code"`   // "" if the row succeeded
	Reason string `json:"reason"` // for a person; "" if the row succeeded
}

// Succeeded reports whether the row made a user.
func (r Row) Succeeded() bool { return r.Code == "" }

// Skipped reports whether the row did nothing since its user existed; UserID names him.
func (r Row) Skipped() bool { return r.Code == CodeExists }

// Page is part of a task's rows, in list order, with the task's counters of the same moment.
type Page struct {
	Task Task  `json:"taskInfo"`
	Rows []Row `json:"registerList"`
	// Next is the cursor of the following page; "" if no further row has its outcome yet.
	Next string `json:"nextPageCursor"`
}

const (
	createPath = "/koodrive/ose/v1/user/batchRegister/create"
	getPath    = "/koodrive/ose/v1/user/batchRegister/get"
)

// CreateBatch hands in 1 to 1,000 users and returns the id of the task that provisions them. When it returns, the
// server has promised that every one gets his outcome. A refusal is an [*Error].
func (c *Client) CreateBatch(ctx context.Context, users []User) (taskID string, err error) {
	for i := range users {
		if !users[i].valid() {
			return "", fmt.Errorf("client: user %d of the list has a field that is not UTF-8", i+1)
		}
	}
	body, err := json.Marshal(struct {
		UserList []User `json:"userList"`
	}{users})
	if err != nil {
		return "", errors.New("client: the users cannot be written as JSON")
	}
	answer, err := c.Do(ctx, Request{Method: "POST", Target: createPath, Body: body})
	if err != nil {
		return "", err
	}
	if err := open(answer, &taskID); err != nil {
		return "", err
	}
	if taskID == "" {
		return "", fmt.Errorf("client: %w: the task's id is empty", errAnswer)
	}
	return taskID, nil
}

// Batch reads a page of a task: from cursor on, which is a [Page]'s Next or "" for the first page, at most pageSize rows
// (1 to [MaxPage], 0 for that). A refusal is an [*Error].
func (c *Client) Batch(ctx context.Context, taskID, cursor string, pageSize int) (*Page, error) {
	target := getPath + "?taskId=" + escape(taskID)
	if cursor != "" {
		target += "&cursor=" + escape(cursor)
	}
	if pageSize != 0 {
		target += "&pageSize=" + strconv.Itoa(pageSize)
	}
	answer, err := c.Do(ctx, Request{Method: "GET", Target: target})
	if err != nil {
		return nil, err
	}
	page := new(Page)
	if err := open(answer, page); err != nil {
		return nil, err
	}
	return page, nil
}

// escape writes a query value with %20 for a space: to the signature a plus is a plus.
func escape(value string) string { return strings.ReplaceAll(url.QueryEscape(value), "+", "%20") }

// Follow gives the task's rows in list order, each once, as they get their outcomes, and ends when all have one. An
// error ends it too, and comes with a zero Row.
func (c *Client) Follow(ctx context.Context, taskID string) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		cursor, seen := "", 0 // the page that is read, and how many of its rows were given
		pace := newPace()
		for {
			page, err := c.Batch(ctx, taskID, cursor, MaxPage)
			if err != nil {
				yield(Row{}, err)
				return
			}
			fresh := page.Rows[min(seen, len(page.Rows)):]
			for _, row := range fresh {
				if !yield(row, nil) {
					return
				}
			}
			seen += len(fresh)
			switch {
			case page.Next != "" && len(page.Rows) == 0:
				yield(Row{}, fmt.Errorf("client: %w: more rows are said to follow an empty page", errAnswer))
				return
			case page.Next != "":
				cursor, seen = page.Next, 0
				continue
			case page.Task.Status == Finished:
				return
			}
			if err := pace.wait(ctx, len(fresh) > 0); err != nil {
				yield(Row{}, err)
				return
			}
		}
	}
}

// Wait returns the task once every row has its outcome.
func (c *Client) Wait(ctx context.Context, taskID string) (*Task, error) {
	pace := newPace()
	decided := 0
	for {
		page, err := c.Batch(ctx, taskID, "", 1)
		if err != nil {
			return nil, err
		}
		task := page.Task
		if task.Status == Finished {
			return &task, nil
		}
		now := task.Succeeded + task.Failed + task.Skipped
		if err := pace.wait(ctx, now > decided); err != nil {
			return nil, err
		}
		decided = now
	}
}

// pace spaces polls: quick while rows come, ever slower while none do.
type pace struct{ pause time.Duration }

const (
	quickest = 50 * time.Millisecond
	slowest  = 2 * time.Second
)

func newPace() *pace { return &pace{pause: quickest} }

func (p *pace) wait(ctx context.Context, progress bool) error {
	if progress {
		p.pause = quickest
	}
	if err := sleep(ctx, p.pause); err != nil {
		return fmt.Errorf("client: %w", err)
	}
	p.pause = min(2*p.pause, slowest)
	return nil
}
