package transfer

import (
	"slices"
	"time"
)

// Kind is what a column holds, and as what Go type a [Row] has it. Nothing, which stores keep as NULL or otherwise, is the
// type's zero value.
type Kind int

// The kinds.
const (
	Number Kind = iota + 1 // int64
	Flag                   // bool
	Text                   // string, of any bytes
	JSON                   // string
	Bytes                  // []byte
	Time                   // time.Time, UTC, to the millisecond
	IDs                    // []int64
)

// Nothing is the zero value of the kind's type.
func (k Kind) Nothing() any {
	switch k {
	case Number:
		return int64(0)
	case Flag:
		return false
	case Text, JSON:
		return ""
	case Bytes:
		return []byte(nil)
	case Time:
		return time.Time{}
	default:
		return []int64(nil)
	}
}

// Column is one of a table.
type Column struct {
	Name     string
	Kind     Kind
	Optional bool // a store whose columns say so has NULL for nothing
}

// Table is one of an installation.
type Table struct {
	Name    string
	Key     int // how many of the columns, from the first on, are the primary key
	Columns []Column
}

// Row is a row's values, in the order of its table's columns.
type Row []any

// Tables is all that an installation consists of. A test of each store compares it with the store's schema: what a
// migration adds has a place here, or a reason there why it needs none.
func Tables() []Table {
	return []Table{
		table("key_records", 2, texts("purpose"), numbers("version"), blobs("wrapped"), texts("master_id"), times("created_at")),
		table("tenants", 1, numbers("id"), texts("name", "host"), numbers("root_department"), documents("settings"), times("created_at"), numbers("key_version")),
		table("tenant_usage", 1, numbers("tenant", "users", "capacity_gb", "system_admins", "queued_rows", "queued_bytes", "accept_sequence", "last_id")),
		table("days", 2, numbers("tenant", "day", "users", "succeeded", "failed", "skipped", "cancelled")),
		table("federation_profiles", 1, numbers("tenant"), documents("profile"), optional(blobs("sealed")), optional(numbers("key_version"))),
		table("credential_index", 1, texts("app_id"), numbers("tenant")),
		table("credentials", 2, numbers("tenant"), texts("app_id", "name"), flags("disabled"), times("created_at"), numbers("scopes")),
		table("credential_secrets", 3, numbers("tenant"), texts("app_id"), numbers("position"), blobs("sealed"), numbers("key_version"),
			times("created_at"), optional(times("expires_at"))),
		table("roles", 2, numbers("tenant", "id"), texts("name"), times("created_at")),
		table("departments", 2, numbers("tenant", "id", "parent"), texts("name", "id_path", "name_path"), times("created_at")),
		table("users", 2, numbers("tenant", "id"), texts("account", "account_key", "phone", "phone_key", "email", "email_key", "first_name",
			"surname", "display_name", "password_hash"), flags("must_change_password"), numbers("token_epoch", "level"), flags("disabled"),
			numbers("department", "capacity_gb"), optional(lists("roles")), texts("source"), times("created_at", "updated_at"),
			texts("display_name_key", "full_name_key", "surname_key")),
		table("user_roles", 3, numbers("tenant", "role", "user_id")),
		table("activations", 2, numbers("tenant", "user_id"), blobs("hash"), times("expires_at")),
		table("token_index", 1, blobs("hash"), numbers("tenant")),
		table("tokens", 2, numbers("tenant"), blobs("hash"), numbers("kind"), texts("app_id"), times("secret_at"), numbers("user_id", "epoch", "family"),
			times("issued_at", "expires_at"), optional(times("used_at"))),
		table("operators", 1, numbers("id", "tenant"), texts("name", "email", "email_key"), numbers("role"), flags("disabled"),
			texts("subject", "password_hash", "language"), numbers("epoch"), optional(blobs("invitation")), optional(times("invited_until")),
			times("created_at"), optional(times("last_seen_at"))),
		table("operator_sessions", 1, blobs("hash"), numbers("operator", "epoch"), times("expires_at", "ends_at")),
		table("refused_attempts", 1, blobs("key"), numbers("attempts"), times("until")),
		table("replays", 2, numbers("tenant"), blobs("fingerprint"), numbers("batch"), times("until"), optional(blobs("body"))),
		table("webhooks", 2, numbers("tenant", "id"), texts("name", "url"), numbers("types"), flags("disabled"), texts("reason"),
			optional(times("failing_since")), times("created_at")),
		table("webhook_secrets", 3, numbers("tenant", "webhook", "position"), blobs("sealed"), numbers("key_version"), times("created_at"),
			optional(times("expires_at"))),
		table("webhook_events", 2, numbers("tenant", "id", "type"), texts("data")),
		table("webhook_deliveries", 3, numbers("tenant", "event", "webhook", "state", "attempts", "status"), texts("problem"),
			optional(times("last_at", "due_at"))),
		table("outboxes", 1, numbers("tenant"), optional(times("due_at"))),
		table("audit_records", 2, numbers("tenant", "id"), texts("app_id"), numbers("user_id"), flags("operator"),
			texts("origin", "action", "target", "detail")),
		table("lanes", 2, numbers("tenant", "lane", "position")),
		table("batches", 2, numbers("tenant", "id", "sequence", "contract", "lane", "mode"), texts("name", "app_id"), numbers("actor", "actor_level"),
			texts("trace_id"), numbers("total", "succeeded", "failed", "skipped", "cancelled"), times("accepted_at"),
			optional(times("started_at", "finished_at")), numbers("parent", "origin"), flags("guarded"), numbers("checked", "differing"),
			texts("source"), numbers("withheld", "passwords"), optional(times("held_until", "staged_until")),
			numbers("predicted_users", "predicted_capacity_gb", "predicted_admins"), flags("overlaid", "forgotten"),
			optional(blobs("payload_key")), optional(numbers("payload_key_version")), optional(blobs("kept_key")), optional(numbers("kept_key_version"))),
		table("chunks", 3, numbers("tenant", "batch", "first_row", "rows", "lane", "rank", "sequence", "first_id", "first_user"), blobs("payload")),
		table("outcomes", 3, numbers("tenant", "batch", "row", "id", "result", "reason"), texts("field", "detail"), numbers("user_id"), texts("subject")),
		table("reasons", 4, numbers("tenant", "batch", "result", "reason", "rows")),
		table("differences", 3, numbers("tenant", "batch", "row", "id", "result", "reason"), texts("field", "detail"), numbers("user_id"), texts("subject")),
		table("overlay", 3, numbers("tenant", "batch", "user_id"), texts("account_key", "phone_key", "email_key"), flags("gone"), optional(blobs("data"))),
		table("kept", 3, numbers("tenant", "batch", "first_row", "rows"), blobs("sealed")),
	}
}

func table(name string, key int, columns ...[]Column) Table {
	return Table{Name: name, Key: key, Columns: slices.Concat(columns...)}
}

func numbers(names ...string) []Column   { return columns(Number, names) }
func flags(names ...string) []Column     { return columns(Flag, names) }
func texts(names ...string) []Column     { return columns(Text, names) }
func documents(names ...string) []Column { return columns(JSON, names) }
func blobs(names ...string) []Column     { return columns(Bytes, names) }
func times(names ...string) []Column     { return columns(Time, names) }
func lists(names ...string) []Column     { return columns(IDs, names) }

func columns(kind Kind, names []string) []Column {
	all := make([]Column, len(names))
	for i, name := range names {
		all[i] = Column{Name: name, Kind: kind}
	}
	return all
}

func optional(columns []Column) []Column {
	for i := range columns {
		columns[i].Optional = true
	}
	return columns
}
