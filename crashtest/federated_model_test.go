package crashtest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
)

// Codes of rows that fail for what the rows before them did (federation contract, section 3).
const (
	codeAccountExists  = "60101000108"
	codeAccountUnknown = "60101060007"
)

// federatedRow is a row of createTask (federation contract, section 2). No field that is sent is empty.
type federatedRow struct {
	Action  string `json:"action"`
	Account string `json:"userAccount"`
	Name    string `json:"userName,omitempty"`
	Email   string `json:"email,omitempty"`
}

// federatedFailure is an element of queryTask's failDataList, without the sentence for people.
type federatedFailure struct {
	Row  federatedRow `json:"federationUser"`
	Code string       `json:"failCode"`
}

// federatedTask is a task and what must become of it.
type federatedTask struct {
	key      string // Idempotency-Key
	body     []byte
	rows     int
	failures []federatedFailure // in row order
}

// federatedUser is what the contract can set of a user.
type federatedUser struct {
	account, name, email string
	disabled             bool
}

// federatedModel is a tenant's federated users by account in lower case: what rows make of them that run one after the other.
type federatedModel map[string]federatedUser

// apply runs a row, and gives the code with which it fails; "" if it does not.
func (m federatedModel) apply(r *federatedRow) string {
	key := strings.ToLower(r.Account)
	u, there := m[key]
	if r.Action == "CREATE" {
		if there {
			return codeAccountExists
		}
		m[key] = federatedUser{account: r.Account, name: r.Name, email: r.Email}
		return ""
	}
	if !there {
		return codeAccountUnknown
	}
	if r.Action == "DISABLE" {
		u.disabled = true
	}
	if r.Name != "" {
		u.name = r.Name
	}
	if r.Email != "" {
		u.email = r.Email
	}
	m[key] = u
	return ""
}

const federatedTaskRows = 100 // the most that a task may have

// makeFederated makes tasks in the order in which they are to be accepted, and the directory that they must leave. No name or e-mail
// address is there twice, so that what a user has in the end tells which row was the last to set it.
func makeFederated(r *rand.Rand, tasks, accounts int) ([]federatedTask, federatedModel, error) {
	made, model := make([]federatedTask, tasks), federatedModel{}
	for i := range made {
		task := &made[i]
		rows := make([]federatedRow, federatedTaskRows)
		for j := range rows {
			rows[j] = randomFederatedRow(r, accounts, fmt.Sprintf("%d.%d", i, j))
			if code := model.apply(&rows[j]); code != "" {
				task.failures = append(task.failures, federatedFailure{rows[j], code})
			}
		}
		body, err := json.Marshal(map[string]any{"federationUserList": rows})
		if err != nil {
			return nil, nil, err
		}
		task.key, task.body, task.rows = fmt.Sprint("task-", i), body, len(rows)
	}
	return made, model, nil
}

// randomFederatedRow creates, modifies or disables one of the accounts, written in one of two letter cases.
func randomFederatedRow(r *rand.Rand, accounts int, unique string) federatedRow {
	row := federatedRow{Account: fmt.Sprintf("user%06d", r.IntN(accounts))}
	if r.IntN(4) == 0 {
		row.Account = strings.ToUpper(row.Account)
	}
	name, email := "N"+unique, "E"+unique+"@example.org"
	switch n := r.IntN(10); {
	case n < 4:
		row.Action, row.Name, row.Email = "CREATE", name, email
	case n < 9:
		row.Action = "MODIFY"
		if sets := r.IntN(3); sets == 0 {
			row.Name = name
		} else if row.Email = email; sets == 1 {
			row.Name = name
		}
	default:
		row.Action = "DISABLE"
	}
	return row
}
