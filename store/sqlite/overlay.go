package sqlite

import (
	"context"

	"muster"
	"muster/provision"
)

// prediction is an Apply that writes its users into a batch's overlay, and plans against that.
type prediction struct {
	tenant muster.ID
	batch  muster.ID
	own    muster.Usage // the tenant's
}

// merge makes of what the tenant has what the batch's rows so far would have left.
func (p *prediction) merge(ctx context.Context, q querier, shot *muster.Snapshot, keys *muster.Keys) error {
	p.own = shot.Usage
	var overlaid bool
	var taken muster.Usage
	err := q.row(ctx, selectPredicted, int64(p.tenant), int64(p.batch)).
		Scan(&overlaid, &taken.Users, &taken.CapacityGB, &taken.SystemAdmins)
	if isRefusal(err) || err == nil && !overlaid { // there is no such batch, or it has predicted nothing yet
		return nil
	}
	if err != nil {
		return err
	}
	found := overlayUsers{seen: make(map[muster.ID]bool)}
	ids := make([]muster.ID, len(shot.Users), len(shot.Users)+len(keys.IDs))
	for i := range shot.Users {
		ids[i] = shot.Users[i].ID
	}
	rows, err := q.query(ctx, overlaidByID, int64(p.tenant), int64(p.batch), string(jsonIDs(append(ids, keys.IDs...))))
	if err := collect(rows, err, found.add); err != nil {
		return err
	}
	for _, l := range [...]struct {
		few, many statement
		keys      []string
	}{
		{overlaidFewByAccount, overlaidManyByAccount, keys.Accounts},
		{overlaidFewByPhone, overlaidManyByPhone, keys.Phones},
		{overlaidFewByEmail, overlaidManyByEmail, keys.Emails},
	} {
		if err := lookUp(ctx, q, found.add, l.few, l.many, l.keys, int64(p.tenant), int64(p.batch)); err != nil {
			return err
		}
	}
	*shot = provision.MergeOverlay(shot, found.users, taken)
	return nil
}

// overlayUsers are users of an overlay, each once.
type overlayUsers struct {
	users []provision.OverlayUser
	seen  map[muster.ID]bool
}

func (u *overlayUsers) add(row scanner) error {
	var one provision.OverlayUser
	var data []byte
	if err := row.Scan(&one.User.ID, &one.Gone, &data); err != nil || u.seen[one.User.ID] {
		return err
	}
	u.seen[one.User.ID] = true
	if !one.Gone {
		var err error
		if one, err = provision.DecodeOverlay(data); err != nil {
			return err
		}
	}
	u.users = append(u.users, one)
	return nil
}

// write stores what the plan would have made of users.
func (p *prediction) write(c *conn, plan *muster.Planned) error {
	users := provision.OverlayOf(plan)
	data := make([]any, len(users)) // NULL of who is gone
	for i := range users {
		if users[i].Gone {
			continue
		}
		encoded, err := provision.EncodeOverlay(&users[i])
		if err != nil {
			return err
		}
		data[i] = encoded
	}
	err := insertAll(c, upsertOverlay, upsertOverlays, overlayColumnCount, len(users), func(args []any, i int) {
		u := &users[i].User
		args[0], args[1], args[2] = int64(p.tenant), int64(p.batch), int64(u.ID)
		args[3], args[4], args[5] = orNull(u.AccountKey), orNull(u.PhoneKey), orNull(u.EmailKey)
		args[6], args[7] = users[i].Gone, data[i]
	})
	if err != nil {
		return err
	}
	taken := provision.UsageAdded(p.own, plan.Usage)
	_, err = c.exec(updatePredicted, taken.Users, taken.CapacityGB, taken.SystemAdmins, int64(p.tenant), int64(p.batch))
	return err
}
