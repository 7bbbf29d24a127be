package sqlite

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"muster"
	"muster/access"
	"muster/provision"
	"muster/secret"
	"muster/webhook"
)

// A wrapped item's Ref is key version, tenant, kind and place, each number with leading zeros: the bytewise order of
// Refs is that of the indexes, and an item that was replaced is not met again.
const (
	refTenant  = "%010d/%019d/"
	refSecret  = refTenant + "credential/%s/%04d" // AppID, position
	refProfile = refTenant + "federation-secret"
	refKept    = refTenant + "kept-key/%019d"     // batch
	refPayload = refTenant + "payload-key/%019d"  // batch
	refHook    = refTenant + "webhook/%019d/%04d" // webhook, position
)

// NextWrapped is [secret.Rewrapper.NextWrapped].
func (s *Store) NextWrapped(ctx context.Context, olderThan int, after string, limit int) ([]secret.WrappedItem, error) {
	var items []secret.WrappedItem
	err := s.readers.read(ctx, func(q querier) error {
		versions, err := versionsBelow(ctx, q, olderThan)
		if err != nil {
			return err
		}
		tenants, err := tenantIDs(ctx, q)
		if err != nil {
			return err
		}
		w := wrapped{q: q, after: after, limit: limit}
		for _, version := range versions {
			for _, tenant := range tenants {
				if err := w.tenant(ctx, version, tenant); err != nil || len(w.items) == limit {
					items = w.items
					return err
				}
			}
		}
		items = w.items
		return nil
	})
	return items, explain("look for wrapped keys", err)
}

// versionsBelow lists the versions of key-encryption keys that are older, in order.
func versionsBelow(ctx context.Context, q querier, olderThan int) ([]int, error) {
	records, err := keyRecords(ctx, q)
	var versions []int
	for _, r := range records {
		if r.Purpose == secret.PurposeWrap && r.Version < olderThan {
			versions = append(versions, r.Version)
		}
	}
	slices.Sort(versions)
	return versions, err
}

// wrapped collects items in the order of their Refs.
type wrapped struct {
	q     querier
	after string
	limit int
	items []secret.WrappedItem
}

func (w *wrapped) tenant(ctx context.Context, version int, tenant muster.ID) error {
	// "~" stands above every character of a Ref.
	if w.after >= fmt.Sprintf(refTenant, version, tenant)+"~" {
		return nil
	}
	if err := w.secrets(ctx, version, tenant); err != nil {
		return err
	}
	if err := w.profile(ctx, version, tenant); err != nil {
		return err
	}
	if err := w.keys(ctx, selectWrappedKeptKeys, refKept, version, tenant, provision.KeptKeyBinding); err != nil {
		return err
	}
	if err := w.keys(ctx, selectWrappedPayloadKeys, refPayload, version, tenant, provision.PayloadKeyBinding); err != nil {
		return err
	}
	return w.hookSecrets(ctx, version, tenant)
}

// secrets takes those of a tenant's credentials, of which there are few.
func (w *wrapped) secrets(ctx context.Context, version int, tenant muster.ID) error {
	var items []secret.WrappedItem
	rows, err := w.q.query(ctx, selectTenantSecrets, int64(tenant))
	err = collect(rows, err, func(row scanner) error {
		var appID string
		var position, under int
		var item secret.WrappedItem
		if err := row.Scan(&appID, &position, &under, &item.Old); err != nil {
			return err
		}
		item.Ref = fmt.Sprintf(refSecret, version, tenant, appID, position)
		if under == version && item.Ref > w.after {
			item.AAD = access.SecretBinding(tenant, appID)
			items = append(items, item)
		}
		return nil
	})
	w.take(items)
	return err
}

// hookSecrets takes those of a tenant's webhooks, of which there are few.
func (w *wrapped) hookSecrets(ctx context.Context, version int, tenant muster.ID) error {
	var items []secret.WrappedItem
	rows, err := w.q.query(ctx, selectTenantHookSecrets, int64(tenant))
	err = collect(rows, err, func(row scanner) error {
		var hook muster.ID
		var position, under int
		var item secret.WrappedItem
		if err := row.Scan(&hook, &position, &under, &item.Old); err != nil {
			return err
		}
		item.Ref = fmt.Sprintf(refHook, version, tenant, hook, position)
		if under == version && item.Ref > w.after {
			item.AAD = webhook.SecretBinding(tenant, hook)
			items = append(items, item)
		}
		return nil
	})
	w.take(items)
	return err
}

// take takes items of one kind in the order of their Refs, as many as are still wanted.
func (w *wrapped) take(items []secret.WrappedItem) {
	slices.SortFunc(items, func(a, b secret.WrappedItem) int { return cmp.Compare(a.Ref, b.Ref) })
	w.items = append(w.items, items[:min(len(items), w.limit-len(w.items))]...)
}

// profile takes the secret of a tenant's identity system.
func (w *wrapped) profile(ctx context.Context, version int, tenant muster.ID) error {
	item := secret.WrappedItem{Ref: fmt.Sprintf(refProfile, version, tenant), AAD: access.SourceBinding(tenant)}
	if len(w.items) == w.limit || item.Ref <= w.after {
		return nil
	}
	err := w.q.row(ctx, selectWrappedProfile, int64(tenant), version).Scan(&item.Old)
	switch {
	case isRefusal(err): // there is none
		return nil
	case err != nil:
		return err
	}
	w.items = append(w.items, item)
	return nil
}

// keys takes the keys of a tenant's batches.
func (w *wrapped) keys(ctx context.Context, s statement, ref string, version int, tenant muster.ID, binding func(tenant, batch muster.ID) []byte) error {
	from := muster.ID(0)
	switch prefix := strings.TrimSuffix(ref, "%019d"); {
	case len(w.items) == w.limit:
		return nil
	case strings.HasPrefix(w.after, fmt.Sprintf(prefix, version, tenant)):
		var v int
		var t muster.ID
		if _, err := fmt.Sscanf(w.after, ref, &v, &t, &from); err != nil {
			return fmt.Errorf("%q is no reference to a wrapped key: %w", w.after, err)
		}
	case w.after > fmt.Sprintf(prefix, version, tenant):
		return nil
	}
	rows, err := w.q.query(ctx, s, int64(tenant), version, int64(from), w.limit-len(w.items))
	return collect(rows, err, func(row scanner) error {
		var batch muster.ID
		var item secret.WrappedItem
		err := row.Scan(&batch, &item.Old)
		item.Ref, item.AAD = fmt.Sprintf(ref, version, tenant, batch), binding(tenant, batch)
		w.items = append(w.items, item)
		return err
	})
}

// ReplaceWrapped is [secret.Rewrapper.ReplaceWrapped].
func (s *Store) ReplaceWrapped(ctx context.Context, items []secret.WrappedItem) error {
	err := s.writer.large(ctx, func(c *conn) error {
		for i := range items {
			if err := replace(c, &items[i]); err != nil {
				return fmt.Errorf("%s: %w", items[i].Ref, err)
			}
		}
		return nil
	})
	return explain("replace wrapped keys", err)
}

func replace(c *conn, item *secret.WrappedItem) error {
	version, err := versionOnRecord(c, item.New)
	if err != nil {
		return err
	}
	parts := strings.SplitN(item.Ref, "/", 4)
	if len(parts) < 3 {
		return errRef
	}
	tenant, err := number(parts[1])
	if err != nil {
		return err
	}
	switch kind, place := parts[2], strings.Join(parts[3:], "/"); kind {
	case "federation-secret":
		_, err = c.exec(replaceProfileSecret, item.New, version, tenant, item.Old)
		return err
	case "credential":
		at := strings.LastIndexByte(place, '/')
		if at < 0 {
			return errRef
		}
		position, err := number(place[at+1:])
		if err != nil {
			return err
		}
		_, err = c.exec(replaceSecret, item.New, version, tenant, place[:at], position, item.Old)
		return err
	case "webhook":
		first, second, _ := strings.Cut(place, "/")
		hook, err := number(first)
		if err != nil {
			return err
		}
		position, err := number(second)
		if err != nil {
			return err
		}
		_, err = c.exec(replaceHookSecret, item.New, version, tenant, hook, position, item.Old)
		return err
	case "kept-key", "payload-key":
		batch, err := number(place)
		if err != nil {
			return err
		}
		s := replacePayloadKey
		if kind == "kept-key" {
			s = replaceKeptKey
		}
		_, err = c.exec(s, item.New, version, tenant, batch, item.Old)
		return err
	default:
		return errRef
	}
}

// CountWrapped is [secret.Rewrapper.CountWrapped].
func (s *Store) CountWrapped(ctx context.Context) (map[int]int, error) {
	counts := make(map[int]int)
	err := s.readers.read(ctx, func(q querier) error {
		tenants, err := tenantIDs(ctx, q)
		if err != nil {
			return err
		}
		for _, tenant := range tenants {
			for _, count := range [...]statement{countPayloadKeys, countKeptKeys, countSecrets, countProfileSecret, countHookSecrets} {
				rows, err := q.query(ctx, count, int64(tenant))
				err = collect(rows, err, func(row scanner) error {
					var version, n int
					err := row.Scan(&version, &n)
					counts[version] += n
					return err
				})
				if err != nil {
					return err
				}
			}
		}
		return nil
	})
	return counts, explain("count wrapped keys", err)
}

var errRef = errors.New("not a reference that NextWrapped gave")

func number(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, errRef
	}
	return n, nil
}
