package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"muster/client"
)

const taskRows = 100 // of one federated task (federation contract, section 2)

// federated has clients hand in tasks, each of which waits for the answer before it sends the next, until all are done: of one tenant,
// whose tasks are run in their order, and of as many as there are clients.
func federated(ctx context.Context, b *bench) error {
	return b.everywhere(ctx, func(at place) (err error) {
		from, err := b.filled(ctx, at, 0, 0)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, at.remove(ctx, from)) }()
		for _, tenants := range []int{1, b.callers()} {
			var floors, rates, ratios []float64
			for range b.runs {
				users := people(b.tasks*taskRows, odd, nil)
				floor, err := b.floorAt(ctx, at, from, users, 0)
				if err != nil {
					return err
				}
				rate, err := b.federatedAt(ctx, at, from, users, tenants)
				if err != nil {
					return err
				}
				floors, rates, ratios = append(floors, floor), append(rates, rate), append(ratios, rate/floor)
			}
			fmt.Printf("   %-10s  %d tenants: floor %.0f  server %.0f rows/s  ratio %.2f (goal 0.50)  all %.2f\n",
				at, tenants, median(floors), median(rates), median(ratios), ratios)
		}
		return nil
	})
}

// callers is how many hand in federated tasks at a time.
func (b *bench) callers() int { return 2 * b.clients }

func (b *bench) federatedAt(ctx context.Context, at place, from *server, users []client.User, tenants int) (rate float64, err error) {
	s, err := at.clone(ctx, from)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, at.remove(ctx, s)) }()
	if err := s.start(ctx); err != nil {
		return 0, err
	}
	defer s.stop()
	connections := http.DefaultTransport.(*http.Transport).Clone()
	connections.MaxIdleConnsPerHost = b.callers()
	defer connections.CloseIdleConnections()
	all := make([]*federation, tenants)
	for i := range all {
		all[i] = &federation{server: s, http: &http.Client{Transport: connections}, install: s.install, clients: b.callers() / tenants}
		if i > 0 {
			if all[i].install, err = s.tenant(ctx, "federated-"+strconv.Itoa(i)); err != nil {
				return 0, err
			}
		}
		if err := all[i].token(ctx); err != nil {
			return 0, err
		}
	}
	part := len(users) / tenants / taskRows * taskRows
	began := time.Now()
	g, working := errgroup.WithContext(ctx)
	for i, f := range all {
		g.Go(func() error { return f.provision(working, users[i*part:(i+1)*part]) })
	}
	if err := g.Wait(); err != nil {
		return 0, err
	}
	rate = float64(part*tenants) / time.Since(began).Seconds()
	for _, f := range all {
		if err := f.check(ctx); err != nil {
			return 0, err
		}
	}
	return rate, nil
}

// federation calls the federated contract for a tenant.
type federation struct {
	server  *server
	http    *http.Client // which keeps a connection for each of those who call
	install installation
	clients int
	bearer  string
	tasks   []string
}

// provision hands the users in, and returns when they are done.
func (f *federation) provision(ctx context.Context, users []client.User) error {
	f.tasks = make([]string, len(users)/taskRows)
	g, working := errgroup.WithContext(ctx)
	g.SetLimit(f.clients)
	for i := range f.tasks {
		g.Go(func() (err error) {
			f.tasks[i], err = f.create(working, users[i*taskRows:(i+1)*taskRows])
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	// They are done in the order in which they were accepted, which is that of handing them in but for those that were under way together.
	for _, task := range f.tasks[max(0, len(f.tasks)-f.clients):] {
		if err := firstRows(ctx, 20*time.Millisecond, func() (int, error) { return f.done(ctx, task) }); err != nil {
			return err
		}
	}
	return nil
}

// check fails unless every row was done.
func (f *federation) check(ctx context.Context) error {
	for _, task := range f.tasks {
		if done, err := f.done(ctx, task); err != nil || done == 0 {
			return errors.Join(err, fmt.Errorf("task %s is not done while later ones are", task))
		}
	}
	return nil
}

func (f *federation) token(ctx context.Context) error {
	var issued struct{ AccessToken string }
	err := f.call(ctx, "/apigovernance/api/oauth/tokenByAkSk",
		map[string]string{"app_key": f.install.AppID, "app_secret": f.install.AppSecret}, &issued)
	if f.bearer = issued.AccessToken; err == nil && f.bearer == "" {
		err = errors.New("there is no token in the answer")
	}
	return err
}

func (f *federation) create(ctx context.Context, users []client.User) (string, error) {
	rows := make([]map[string]string, len(users))
	for i := range users {
		rows[i] = map[string]string{
			"action": "CREATE", "userAccount": "u" + users[i].Phone[1:], "userName": "Name " + strconv.Itoa(i), "email": users[i].Email,
		}
	}
	var made struct{ TaskID, ResultCode, ResultMessage string }
	err := f.call(ctx, "/apiaccess/rest/cc-management/v1/federationUserMgmt/createTask", map[string]any{"federationUserList": rows}, &made)
	if err == nil && made.TaskID == "" {
		err = fmt.Errorf("a task was refused with %s: %s", made.ResultCode, made.ResultMessage)
	}
	return made.TaskID, err
}

// done gives 1 when the task is done, and fails where a row did.
func (f *federation) done(ctx context.Context, task string) (int, error) {
	var state struct {
		TaskInfo     struct{ Status string }
		FailDataList []json.RawMessage
	}
	err := f.call(ctx, "/apiaccess/rest/cc-management/v1/federationUserMgmt/queryTask", map[string]string{"taskId": task}, &state)
	switch {
	case err != nil:
		return 0, err
	case len(state.FailDataList) > 0:
		return 0, fmt.Errorf("%d rows failed", len(state.FailDataList))
	case state.TaskInfo.Status == "DONE":
		return 1, nil
	default:
		return 0, nil
	}
}

func (f *federation) call(ctx context.Context, path string, body, answer any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, f.server.url+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	req.Header.Set("X-App-Key", f.install.AppID)
	req.Header.Set("Authorization", "Bearer "+f.bearer)
	got, err := f.http.Do(req)
	if err != nil {
		return err
	}
	defer got.Body.Close()
	read, err := io.ReadAll(got.Body)
	if err == nil && got.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answered %s", path, got.Status)
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(read, answer)
}
