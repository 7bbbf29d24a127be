package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

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
	w := wrapped{after: after, limit: limit}
	err := s.read(ctx, func(t *tx) error {
		w.tx = t
		var records []secret.KeyRecord
		t.keyRecords(&records)
		tenants, err := t.tenantIDs()
		if err != nil {
			return err
		}
		for _, version := range versionsBelow(records, olderThan) {
			for _, tenant := range tenants {
				if err := w.tenant(version, tenant); err != nil || len(w.items) == limit {
					return err
				}
			}
		}
		return nil
	})
	return w.items, explain("look for wrapped keys", err)
}

// versionsBelow lists the versions of key-encryption keys that are older, in order.
func versionsBelow(records []secret.KeyRecord, olderThan int) []int {
	var versions []int
	for _, r := range records {
		if r.Purpose == secret.PurposeWrap && r.Version < olderThan {
			versions = append(versions, r.Version)
		}
	}
	slices.Sort(versions)
	return versions
}

// wrapped collects items in the order of their Refs.
type wrapped struct {
	*tx
	after string
	limit int
	items []secret.WrappedItem
}

// tenant takes what a tenant has under a version: it asks for each kind at most as many as are wanted in all.
func (w *wrapped) tenant(version int, tenant muster.ID) error {
	// "~" stands above every character of a Ref.
	if w.after >= fmt.Sprintf(refTenant, version, tenant)+"~" {
		return nil
	}
	var items []secret.WrappedItem
	add := func(ref string, aad, old []byte) {
		if ref > w.after {
			items = append(items, secret.WrappedItem{Ref: ref, AAD: aad, Old: old})
		}
	}
	w.rows(func(row scanner) error { // of secrets there are few
		var appID string
		var position, under int
		var old []byte
		var created, expires time.Time
		err := row.Scan(&appID, &position, &under, &old, &created, &expires)
		if under == version {
			add(fmt.Sprintf(refSecret, version, tenant, appID, position), access.SecretBinding(tenant, appID), old)
		}
		return err
	}, selectTenantSecrets, tenant)
	w.rows(func(row scanner) error {
		var hook muster.ID
		var position, under int
		var old []byte
		var created, expires time.Time
		err := row.Scan(&hook, &position, &under, &old, &created, &expires)
		if under == version {
			add(fmt.Sprintf(refHook, version, tenant, hook, position), webhook.SecretBinding(tenant, hook), old)
		}
		return err
	}, selectTenantHookSecrets, tenant)
	w.rows(func(row scanner) error {
		var old []byte
		err := row.Scan(&old)
		add(fmt.Sprintf(refProfile, version, tenant), access.SourceBinding(tenant), old)
		return err
	}, selectWrappedProfile, tenant, version)
	if err := w.keys(add, selectWrappedKeptKeys, refKept, version, tenant, provision.KeptKeyBinding); err != nil {
		return err
	}
	if err := w.keys(add, selectWrappedPayloadKeys, refPayload, version, tenant, provision.PayloadKeyBinding); err != nil {
		return err
	}
	if err := w.flush(); err != nil {
		return err
	}
	slices.SortFunc(items, func(a, b secret.WrappedItem) int { return cmp.Compare(a.Ref, b.Ref) })
	w.items = append(w.items, items[:min(len(items), w.limit-len(w.items))]...)
	return nil
}

// keys queues a look-up of the keys of a tenant's batches, from behind the last one met.
func (w *wrapped) keys(add func(ref string, aad, old []byte), s statement, ref string, version int, tenant muster.ID,
	binding func(tenant, batch muster.ID) []byte,
) error {
	from := muster.ID(0)
	if strings.HasPrefix(w.after, fmt.Sprintf(strings.TrimSuffix(ref, "%019d"), version, tenant)) {
		var v int
		var t muster.ID
		if _, err := fmt.Sscanf(w.after, ref, &v, &t, &from); err != nil {
			return fmt.Errorf("%q is no reference to a wrapped key: %w", w.after, err)
		}
	}
	w.rows(func(row scanner) error {
		var batch muster.ID
		var old []byte
		err := row.Scan(&batch, &old)
		add(fmt.Sprintf(ref, version, tenant, batch), binding(tenant, batch), old)
		return err
	}, s, tenant, version, from, w.limit)
	return nil
}

// ReplaceWrapped is [secret.Rewrapper.ReplaceWrapped]. It has the locks of all tenants concerned, taken in the order of their
// ids.
func (s *Store) ReplaceWrapped(ctx context.Context, items []secret.WrappedItem) error {
	err := s.writeOutside(ctx, func(t *tx) error {
		places, err := placesOf(items)
		if err != nil {
			return err
		}
		for i := range places {
			if i == 0 || places[i].tenant != places[i-1].tenant {
				t.exec(lockDirectory, places[i].tenant)
				t.exec(lockUsage, places[i].tenant)
			}
		}
		blobs := make([][]byte, len(places))
		for i := range places {
			blobs[i] = places[i].item.New
		}
		versions, err := t.keyVersions(blobs...)
		if err != nil {
			return err
		}
		if err := t.flush(); err != nil {
			return err
		}
		if err := versions.onRecord(); err != nil {
			return err
		}
		for i := range places {
			places[i].replace(t, versions.of[i])
		}
		return nil
	})
	return explain("replace wrapped keys", err)
}

// place is where an item is stored, which its Ref says.
type place struct {
	item   *secret.WrappedItem
	tenant int64
	kind   string
	// Of a credential's secret, or a webhook's; position is the batch of a key.
	appID    string
	hook     int64
	position int64
}

// placesOf reads the items' Refs, and orders them by tenant.
func placesOf(items []secret.WrappedItem) ([]place, error) {
	places := make([]place, len(items))
	for i := range items {
		p, err := placeOf(&items[i])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", items[i].Ref, err)
		}
		places[i] = p
	}
	slices.SortStableFunc(places, func(a, b place) int { return cmp.Compare(a.tenant, b.tenant) })
	return places, nil
}

func placeOf(item *secret.WrappedItem) (place, error) {
	parts := strings.SplitN(item.Ref, "/", 4)
	if len(parts) < 3 {
		return place{}, errRef
	}
	tenant, err := number(parts[1])
	if err != nil {
		return place{}, err
	}
	p := place{item: item, tenant: tenant, kind: parts[2]}
	switch rest := strings.Join(parts[3:], "/"); p.kind {
	case "federation-secret":
	case "credential":
		at := strings.LastIndexByte(rest, '/')
		if at < 0 {
			return place{}, errRef
		}
		p.appID = rest[:at]
		p.position, err = number(rest[at+1:])
	case "webhook":
		hook, position, _ := strings.Cut(rest, "/")
		if p.hook, err = number(hook); err == nil {
			p.position, err = number(position)
		}
	case "kept-key", "payload-key":
		p.position, err = number(rest)
	default:
		err = errRef
	}
	return p, err
}

func (p *place) replace(t *tx, version int32) {
	switch p.kind {
	case "federation-secret":
		t.exec(replaceProfileSecret, p.tenant, p.item.Old, p.item.New, version)
	case "credential":
		t.exec(replaceSecret, p.tenant, p.appID, p.position, p.item.Old, p.item.New, version)
	case "webhook":
		t.exec(replaceHookSecret, p.tenant, p.hook, p.position, p.item.Old, p.item.New, version)
	case "kept-key":
		t.exec(replaceKeptKey, p.tenant, p.position, p.item.Old, p.item.New, version)
	case "payload-key":
		t.exec(replacePayloadKey, p.tenant, p.position, p.item.Old, p.item.New, version)
	}
}

// CountWrapped is [secret.Rewrapper.CountWrapped].
func (s *Store) CountWrapped(ctx context.Context) (map[int]int, error) {
	counts := make(map[int]int)
	err := s.read(ctx, func(t *tx) error {
		tenants, err := t.tenantIDs()
		if err != nil {
			return err
		}
		for _, tenant := range tenants {
			for _, count := range [...]statement{countPayloadKeys, countKeptKeys, countSecrets, countProfileSecret, countHookSecrets} {
				t.rows(func(row scanner) error {
					var version, n int
					err := row.Scan(&version, &n)
					counts[version] += n
					return err
				}, count, tenant)
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
