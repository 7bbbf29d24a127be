package postgres

import (
	"muster"
	"muster/provision"
)

// prediction is what the rows of a batch that only predicts would have left so far, as far as some keys concern it.
type prediction struct {
	tenant, batch muster.ID
	users         []provision.OverlayUser
	seen          map[muster.ID]bool
	taken         muster.Usage // what they would have added
}

// predict queues a look-up of the users that the keys find in the batch's overlay, and of those in it who hold them in truth.
func predict(t *tx, tenant, batch muster.ID, keys *muster.Keys) *prediction {
	p := &prediction{tenant: tenant, batch: batch, seen: make(map[muster.ID]bool)}
	t.rows(func(row scanner) error {
		return row.Scan(&p.taken.Users, &p.taken.CapacityGB, &p.taken.SystemAdmins)
	}, selectPredicted, tenant, batch)
	if len(keys.IDs) > 0 {
		t.rows(p.add, selectOverlayByID, tenant, keys.IDs, batch)
	}
	for _, l := range [...]struct {
		by   statement
		keys []string
	}{{selectOverlayByAccount, keys.Accounts}, {selectOverlayByPhone, keys.Phones}, {selectOverlayByEmail, keys.Emails}} {
		if len(l.keys) > 0 {
			t.rows(p.add, l.by, tenant, l.keys, batch)
		}
	}
	return p
}

// add takes in a user, each once.
func (p *prediction) add(row scanner) error {
	var u provision.OverlayUser
	var accountKey, phoneKey, emailKey string
	var data []byte
	err := row.Scan(&u.User.ID, &accountKey, &phoneKey, &emailKey, &u.Gone, &data)
	if err == nil && !p.seen[u.User.ID] && !u.Gone {
		u, err = provision.DecodeOverlay(data)
	}
	if err == nil && !p.seen[u.User.ID] {
		p.seen[u.User.ID] = true
		p.users = append(p.users, u)
	}
	return err
}

// write queues what the plan adds to the overlay, given what the tenant has taken in truth.
func (p *prediction) write(t *tx, plan *muster.Planned, own muster.Usage) error {
	users := provision.OverlayOf(plan)
	n := len(users)
	ids, gone, data := make([]int64, n), make([]bool, n), make([][]byte, n)
	accounts, phones, emails := make([]string, n), make([]string, n), make([]string, n)
	for i := range users {
		u := &users[i].User
		ids[i], gone[i] = int64(u.ID), users[i].Gone
		if gone[i] {
			continue
		}
		accounts[i], phones[i], emails[i] = u.AccountKey, u.PhoneKey, u.EmailKey
		var err error
		if data[i], err = provision.EncodeOverlay(&users[i]); err != nil {
			return err
		}
	}
	if n > 0 {
		t.exec(upsertOverlay, p.tenant, p.batch, ids, accounts, phones, emails, gone, data)
	}
	taken := provision.UsageAdded(own, plan.Usage)
	t.exec(updatePredicted, p.tenant, p.batch, taken.Users, taken.CapacityGB, taken.SystemAdmins)
	return nil
}
