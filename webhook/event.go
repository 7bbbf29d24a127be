package webhook

import (
	"encoding/json"
	"time"

	"muster"
)

// maxChanges is the most users that one event tells of.
const maxChanges = 1000

// Change is what happened to a user.
type Change struct {
	User muster.ID `json:"userId"`
	What string    `json:"change"` // created, updated, disabled, enabled or deleted
}

// Changes are the events of a plan that is carried out, given the users as they were stored. batch is the one whose rows
// it does, 0 if that is none or several.
func Changes(plan *muster.Planned, before []muster.User, batch muster.ID) []Event {
	n := len(plan.Insert) + len(plan.Update) + len(plan.Delete)
	if n == 0 {
		return nil
	}
	disabled := make(map[muster.ID]bool, len(plan.Update))
	for i := range before {
		disabled[before[i].ID] = before[i].Disabled
	}
	changes := make([]Change, 0, n)
	for i := range plan.Insert {
		changes = append(changes, Change{plan.Insert[i].ID, "created"})
	}
	for i := range plan.Update {
		u, what := &plan.Update[i], "updated"
		switch {
		case u.Disabled && !disabled[u.ID]:
			what = "disabled"
		case !u.Disabled && disabled[u.ID]:
			what = "enabled"
		}
		changes = append(changes, Change{u.ID, what})
	}
	for _, id := range plan.Delete {
		changes = append(changes, Change{id, "deleted"})
	}
	return changesData(changes, batch)
}

// Updated are the events of users who were updated.
func Updated(users []muster.ID) []Event {
	changes := make([]Change, len(users))
	for i, id := range users {
		changes[i] = Change{id, "updated"}
	}
	return changesData(changes, 0)
}

func changesData(changes []Change, batch muster.ID) (events []Event) {
	for len(changes) > 0 {
		n := min(len(changes), maxChanges)
		events = append(events, event(UsersChanged, struct {
			Batch   muster.ID `json:"batchId,omitzero"`
			Changes []Change  `json:"changes"`
		}{batch, changes[:n]}))
		changes = changes[n:]
	}
	return events
}

// Finished is the event of a batch that is finished.
func Finished(b *muster.Batch) Event {
	state := "finished"
	switch b.Mode {
	case muster.ModeCancelled:
		state = "cancelled"
	case muster.ModeRefused:
		state = "refused"
	}
	return event(BatchFinished, struct {
		Batch     muster.ID `json:"batchId"`
		Parent    muster.ID `json:"parentId,omitzero"`
		State     string    `json:"state"`
		DryRun    bool      `json:"dryRun"`
		Total     int       `json:"total"`
		Succeeded int       `json:"succeeded"`
		Failed    int       `json:"failed"`
		Skipped   int       `json:"skipped"`
		Cancelled int       `json:"cancelled"`
	}{b.ID, b.Parent, state, b.Mode == muster.ModeDryRun, b.Total, b.Succeeded, b.Failed, b.Skipped, b.Cancelled})
}

// Tested is the event of somebody who tries a webhook.
func Tested() Event { return Event{Type: Test, Data: "{}"} }

// event has data that can always be written.
func event(t Type, data any) Event {
	text, err := json.Marshal(data)
	if err != nil {
		panic(err)
	}
	return Event{Type: t, Data: string(text)}
}

// FirstID is the id of the first event at a moment, unless the tenant has one that is as large. The next ones follow.
func FirstID(now time.Time) muster.ID { return muster.LastIDAt(now.Add(-time.Millisecond)) + 1 }

// message is the id and the body of what is sent for an event. They are the same at every attempt.
func message(tenant muster.ID, e *Event) (id string, body []byte, err error) {
	body, err = json.Marshal(struct {
		Type   string          `json:"type"`
		At     time.Time       `json:"timestamp"`
		Tenant muster.ID       `json:"tenantId"`
		Data   json.RawMessage `json:"data"`
	}{e.Type.String(), e.ID.Time().UTC(), tenant, json.RawMessage(e.Data)})
	return tenant.String() + "-" + e.ID.String(), body, err
}
