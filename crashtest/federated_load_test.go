package crashtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	tokenPath      = "/apigovernance/api/oauth/tokenByAkSk"
	createTaskPath = "/apiaccess/rest/cc-management/v1/federationUserMgmt/createTask"
	queryTaskPath  = "/apiaccess/rest/cc-management/v1/federationUserMgmt/queryTask"
)

// federatedLoad is a tenant's tasks and the client that hands them in, one after the other, and follows them.
type federatedLoad struct {
	in      target
	account account
	tasks   []federatedTask
	model   federatedModel // what the tasks must leave

	token string // set before the client begins

	mu       sync.Mutex
	released int           // tasks that may be handed in
	ids      []string      // of the tasks that were acknowledged, in order
	done     int           // tasks that were seen done, in order
	lost     int           // attempts to hand in that got no answer, or errLater
	longest  time.Duration // from the first attempt to hand in a task to its acknowledgement
	progress chan struct{} // closed and made anew when released, ids or done grow
}

func newFederatedLoad(in target, a account, tasks []federatedTask, model federatedModel) *federatedLoad {
	return &federatedLoad{in: in, account: a, tasks: tasks, model: model, released: len(tasks), progress: make(chan struct{})}
}

// note changes what is known of the tasks, and tells who waits for it.
func (l *federatedLoad) note(change func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change()
	close(l.progress)
	l.progress = make(chan struct{})
}

// state is how many tasks were acknowledged and seen done, and what is closed when that changes.
func (l *federatedLoad) state() (acknowledged, done int, change <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.ids), l.done, l.progress
}

// unfinished reports whether there is a task that was not seen done.
func (l *federatedLoad) unfinished() bool {
	_, done, _ := l.state()
	return done < len(l.tasks)
}

// await waits until so many tasks were acknowledged.
func (l *federatedLoad) await(ctx context.Context, tasks int) error {
	return l.until(ctx, func() bool { return len(l.ids) >= tasks })
}

// until waits for a state of the load.
func (l *federatedLoad) until(ctx context.Context, reached func() bool) error {
	for {
		l.mu.Lock()
		done, change := reached(), l.progress
		l.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-change:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// release lets the client hand in the tasks up to a share of them all, and no more.
func (l *federatedLoad) release(part, of int) {
	l.note(func() { l.released = share(len(l.tasks)*part, of) })
}

// run begins the client.
func (l *federatedLoad) run(ctx context.Context, group *errgroup.Group) {
	group.Go(func() error {
		if err := l.logIn(ctx); err != nil {
			return fmt.Errorf("tokenByAkSk: %w", err)
		}
		group.Go(func() error { return l.follow(ctx) })
		return l.submit(ctx)
	})
}

// errLater is an answer after which the same request is to be sent again: the first one is still being accepted.
var errLater = errors.New("the request is to be sent again")

// post calls until an answer comes that is not "later", and reads it.
func (l *federatedLoad) post(ctx context.Context, path, key string, body []byte, into any) (lost int, err error) {
	r := &request{method: http.MethodPost, url: "http://" + host + path, header: http.Header{"Content-Type": {"application/json"}}, body: body}
	r.writes = path != queryTaskPath
	if l.token == "" {
		r.header.Set("X-Token-Expire", "3600")
	} else {
		r.header.Set("X-App-Key", l.account.AppID)
		r.header.Set("Authorization", "Bearer "+l.token)
	}
	if key != "" {
		r.header.Set("Idempotency-Key", key)
	}
	a, lost, err := attempt(ctx, l.in, func(life *life) (*answer, error) {
		a, err := life.send(ctx, r)
		if err == nil && a.status == http.StatusConflict {
			return nil, errLater
		}
		return a, err
	})
	if err != nil {
		return lost, err
	}
	if a.status != http.StatusOK {
		return lost, fmt.Errorf("status %d: %.300s", a.status, a.body)
	}
	return lost, json.Unmarshal(a.body, into)
}

// logIn gets the one token of the client, which is to hold through all lives of the server.
func (l *federatedLoad) logIn(ctx context.Context) error {
	pair, err := json.Marshal(map[string]string{"app_key": l.account.AppID, "app_secret": l.account.AppSecret})
	if err != nil {
		return err
	}
	var issued struct{ AccessToken string }
	if _, err := l.post(ctx, tokenPath, "", pair, &issued); err != nil {
		return err
	}
	if issued.AccessToken == "" {
		return errors.New("the answer has no AccessToken")
	}
	l.token = issued.AccessToken
	return nil
}

// submit hands the tasks in, each when the one before it was acknowledged.
func (l *federatedLoad) submit(ctx context.Context) error {
	for i := range l.tasks {
		if err := l.until(ctx, func() bool { return i < l.released }); err != nil {
			return err
		}
		began := time.Now()
		var created struct {
			Task       string `json:"taskId"`
			ResultCode string `json:"resultCode"`
		}
		lost, err := l.post(ctx, createTaskPath, l.tasks[i].key, l.tasks[i].body, &created)
		if err != nil {
			return fmt.Errorf("createTask %d: %w", i, err)
		}
		if created.ResultCode != "0" || created.Task == "" {
			return fmt.Errorf("createTask %d: resultCode %q, taskId %q", i, created.ResultCode, created.Task)
		}
		l.note(func() {
			l.ids = append(l.ids, created.Task)
			l.lost += lost
			l.longest = max(l.longest, time.Since(began))
		})
	}
	return nil
}

// follow asks for each task in turn until it is done.
func (l *federatedLoad) follow(ctx context.Context) error {
	const interval = 10 * time.Millisecond
	for i := range l.tasks {
		if err := l.await(ctx, i+1); err != nil {
			return err
		}
		for {
			done, err := l.ask(ctx, i)
			if err != nil {
				return fmt.Errorf("queryTask of task %d: %w", i, err)
			}
			if done {
				break
			}
			if err := pause(ctx, interval); err != nil {
				return err
			}
		}
		l.note(func() { l.done++ })
	}
	return nil
}

// ask reads a task once, and holds the failures so far against those that must come.
func (l *federatedLoad) ask(ctx context.Context, i int) (done bool, err error) {
	l.mu.Lock()
	body, err := json.Marshal(map[string]string{"taskId": l.ids[i]})
	l.mu.Unlock()
	if err != nil {
		return false, err
	}
	var queried struct {
		ResultCode string             `json:"resultCode"`
		Failures   []federatedFailure `json:"failDataList"`
		Task       struct {
			Status string `json:"status"`
		} `json:"taskInfo"`
	}
	if _, err := l.post(ctx, queryTaskPath, "", body, &queried); err != nil {
		return false, err
	}
	if queried.ResultCode != "0" {
		return false, fmt.Errorf("resultCode %q", queried.ResultCode)
	}
	got, want := queried.Failures, l.tasks[i].failures
	if len(got) > len(want) || !slices.Equal(got, want[:len(got)]) {
		return false, fmt.Errorf("the failures are\n%v, want\n%v", got, want)
	}
	switch queried.Task.Status {
	case "TODO", "DOING":
		return false, nil
	case "DONE":
		if len(got) != len(want) {
			return true, fmt.Errorf("it is done with %d failures, want %d", len(got), len(want))
		}
		return true, nil
	default:
		return false, fmt.Errorf("status %q", queried.Task.Status)
	}
}
