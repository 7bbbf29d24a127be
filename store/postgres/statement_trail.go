package postgres

const (
	hookColumns     = `id, name, url, types, disabled, reason, failing_since, created_at`
	deliveryColumns = `d.event, e.type, d.state, d.attempts, d.status, d.problem, d.last_at, d.due_at`

	// eventOfD is the event of a delivery d.
	eventOfD = `CROSS JOIN LATERAL (SELECT type, data FROM webhook_events WHERE tenant = $1 AND id = d.event OFFSET 0) AS e`

	// thisMoment is the time as it is stored: to the millisecond.
	thisMoment = `date_trunc('milliseconds', statement_timestamp())`
	// firstID is webhook.FirstID of this moment.
	firstID = `((extract(epoch FROM statement_timestamp()) * 1000)::bigint - 1288834974657 << 22)`
	// microseconds is a parameter as a time to be added.
	microseconds = `::bigint * interval '1 microsecond'`
)

// audit reads records between two ids, the newest first.
func audit(condition string) string {
	return `SELECT id, app_id, user_id, operator, origin, action, target, detail FROM audit_records
		WHERE tenant = $1 AND id > $2 AND id < $3 ` + condition + ` ORDER BY id DESC LIMIT $4`
}

// firstOf deletes the first rows of a table whose ids, in the column, are below $2, and at most $3 or as many as share the last
// one's id.
func firstOf(table, column string) string {
	return `DELETE FROM ` + table + ` WHERE tenant = $1 AND ` + column + ` <= (SELECT max(` + column + `) FROM
		(SELECT ` + column + ` FROM ` + table + ` WHERE tenant = $1 AND ` + column + ` < $2 ORDER BY ` + column + ` LIMIT $3) AS f)`
}

// trailText is of what is known of what happened: the audit trail, and events on their way to webhooks.
var trailText = map[statement]string{
	// A record that a lost answer left in doubt is there, or is not.
	insertAudit: `INSERT INTO audit_records (tenant, id, app_id, user_id, operator, origin, action, target, detail)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING`,
	selectAudit:         audit(""),
	selectAuditByAction: audit("AND action = $5"),
	selectAuditByUser:   audit("AND user_id = $5 AND user_id <> 0"),
	selectAuditByTarget: audit("AND target = $5 AND target <> ''"),
	deleteAudit:         firstOf("audit_records", "id"),

	insertHook:  `INSERT INTO webhooks (tenant, ` + hookColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
	selectHook:  `SELECT ` + hookColumns + ` FROM webhooks WHERE tenant = $1 AND id = $2`,
	selectHooks: `SELECT ` + hookColumns + ` FROM webhooks WHERE tenant = $1 ORDER BY id`,
	updateHook: `UPDATE webhooks SET name = $3, url = $4, types = $5, disabled = $6, reason = $7, failing_since = $8
		WHERE tenant = $1 AND id = $2`,
	deleteHook: `DELETE FROM webhooks WHERE tenant = $1 AND id = $2`,
	insertHookSecret: `INSERT INTO webhook_secrets (tenant, webhook, position, sealed, key_version, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`,
	selectHookSecrets: `SELECT sealed, created_at, expires_at FROM webhook_secrets WHERE tenant = $1 AND webhook = $2 ORDER BY position`,
	selectTenantHookSecrets: `SELECT webhook, position, key_version, sealed, created_at, expires_at FROM webhook_secrets WHERE tenant = $1
		ORDER BY webhook, position`,
	replaceHookSecret: `UPDATE webhook_secrets SET sealed = $5, key_version = $6
		WHERE tenant = $1 AND webhook = $2 AND position = $3 AND sealed = $4`,
	countHookSecrets:    `SELECT key_version, count(*) FROM webhook_secrets WHERE tenant = $1 GROUP BY key_version`,
	selectHookSecretUse: `SELECT EXISTS (SELECT 1 FROM webhook_secrets WHERE tenant = $1 AND key_version = $2)`,
	deleteHookSecrets:   `DELETE FROM webhook_secrets WHERE tenant = $1 AND webhook = $2`,

	// $2 and $3 are the events' types and data, $4 and $5 pairs of an event's place in these, from 1, and a webhook that is told.
	insertEvents: `WITH base AS (
			SELECT greatest(` + firstID + ` - 1, (SELECT id FROM webhook_events WHERE tenant = $1 AND id > 0 ORDER BY id DESC LIMIT 1)) AS id),
		added AS (
			INSERT INTO webhook_events (tenant, id, type, data)
			SELECT $1, base.id + n.at, n.type, n.data FROM base CROSS JOIN unnest($2::smallint[], $3::text[]) WITH ORDINALITY AS n(type, data, at)),
		sent AS (
			INSERT INTO webhook_deliveries (tenant, event, webhook, state, attempts, status, problem, due_at)
			SELECT $1, base.id + n.event, n.webhook, 1, 0, 0, '', ` + thisMoment + `
			FROM base CROSS JOIN unnest($4::integer[], $5::bigint[]) AS n(event, webhook)),
		due AS (
			INSERT INTO outboxes AS o (tenant, due_at) VALUES ($1, ` + thisMoment + `)
			ON CONFLICT (tenant) DO UPDATE SET due_at = least(o.due_at, excluded.due_at))
		SELECT id + cardinality($2) FROM base`,
	deleteEvents:   firstOf("webhook_events", "id"),
	selectDelivery: `SELECT ` + deliveryColumns + ` FROM webhook_deliveries AS d ` + eventOfD + ` WHERE d.tenant = $1 AND d.event = $2 AND d.webhook = $3`,
	selectDeliveries: `SELECT ` + deliveryColumns + ` FROM (SELECT * FROM webhook_deliveries
			WHERE tenant = $1 AND webhook = $2 AND event < $3 ORDER BY event DESC LIMIT $4) AS d ` + eventOfD + ` ORDER BY d.event DESC`,
	resendDelivery: `UPDATE webhook_deliveries SET state = 1, attempts = 0, due_at = ` + thisMoment + `
		WHERE tenant = $1 AND event = $2 AND webhook = $3`,
	deleteDeliveries: firstOf("webhook_deliveries", "event"),
	updateOutbox: `UPDATE outboxes SET due_at = (SELECT min(d.due_at) FROM webhooks AS w
			CROSS JOIN LATERAL (SELECT due_at FROM webhook_deliveries
				WHERE tenant = $1 AND webhook = w.id AND due_at IS NOT NULL ORDER BY due_at LIMIT 1) AS d
			WHERE w.tenant = $1 AND NOT w.disabled) WHERE tenant = $1`,
	selectDueTenants: `SELECT tenant FROM outboxes WHERE due_at <= statement_timestamp()`,
	// Of each webhook the delivery that has been due for longest, and of these the one that has.
	selectDue: `SELECT d.webhook, d.event, d.attempts, e.type, e.data FROM webhooks AS w
		CROSS JOIN LATERAL (SELECT webhook, event, attempts, due_at FROM webhook_deliveries
			WHERE tenant = $1 AND webhook = w.id AND due_at <= statement_timestamp() ORDER BY due_at LIMIT 1) AS d ` + eventOfD + `
		WHERE w.tenant = $1 AND NOT w.disabled AND w.id <> ALL ($2::bigint[]) ORDER BY d.due_at LIMIT 1`,
	leaseDelivery: `UPDATE webhook_deliveries SET due_at = ` + thisMoment + ` + $4` + microseconds + `
		WHERE tenant = $1 AND event = $2 AND webhook = $3 RETURNING due_at`,
	settleDelivery: `UPDATE webhook_deliveries SET state = $5::smallint, attempts = attempts + 1, status = $6, problem = $7, last_at = ` + thisMoment + `,
			due_at = CASE WHEN $5::smallint = 1 THEN ` + thisMoment + ` + $8` + microseconds + ` END
		WHERE tenant = $1 AND event = $2 AND webhook = $3 AND due_at = $4`,
	updateFailing: `UPDATE webhooks SET failing_since = CASE WHEN $3 THEN ` + thisMoment + ` END
		WHERE tenant = $1 AND id = $2 AND (failing_since IS NULL) = $3`,
	selectFailing: `SELECT (extract(epoch FROM ` + thisMoment + ` - failing_since) * 1000000)::bigint FROM webhooks
		WHERE tenant = $1 AND id = $2 AND failing_since IS NOT NULL`,
}
