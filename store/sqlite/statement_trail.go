package sqlite

const (
	hookColumns     = `id, name, url, types, disabled, reason, failing_since, created_at`
	deliveryColumns = `d.event, e.type, d.state, d.attempts, d.status, d.problem, d.last_at, d.due_at`
)

// audit reads records between two ids, the newest first.
func audit(index, condition string) string {
	return `SELECT id, app_id, coalesce(user, 0), operator, origin, action, target, detail FROM audit_records ` + index + `
		WHERE tenant = ?1 AND id > ?2 AND id < ?3 ` + condition + ` ORDER BY id DESC LIMIT ?4`
}

// trailText is of what is known of what happened: the audit trail, and events on their way to webhooks.
var trailText = map[statement]string{
	// A record that a lost answer left in doubt is there, or is not.
	insertAudit: `INSERT INTO audit_records (tenant, id, app_id, user, operator, origin, action, target, detail) ` + values(1, 9) +
		` ON CONFLICT DO NOTHING`,
	selectAudit:         audit("", ""),
	selectAuditByAction: audit("INDEXED BY audit_records_action", "AND action = ?5"),
	selectAuditByUser:   audit("INDEXED BY audit_records_user", "AND user = ?5"),
	selectAuditByTarget: audit("INDEXED BY audit_records_target", "AND target = ?5"),
	deleteAudit: `DELETE FROM audit_records WHERE tenant = ?1
		AND id IN (SELECT id FROM audit_records WHERE tenant = ?1 AND id < ?2 LIMIT ?3)`,

	insertHook:  `INSERT INTO webhooks (tenant, ` + hookColumns + `) ` + values(1, 9),
	selectHook:  `SELECT ` + hookColumns + ` FROM webhooks WHERE tenant = ? AND id = ?`,
	selectHooks: `SELECT ` + hookColumns + ` FROM webhooks WHERE tenant = ? ORDER BY id`,
	updateHook: `UPDATE webhooks SET name = ?, url = ?, types = ?, disabled = ?, reason = ?, failing_since = ?
		WHERE tenant = ? AND id = ?`,
	deleteHook: `DELETE FROM webhooks WHERE tenant = ? AND id = ?`,
	insertHookSecret: `INSERT INTO webhook_secrets (tenant, webhook, position, sealed, key_version, created_at, expires_at)
		VALUES (?, ?, ?, ?, ?, ?, ?)`,
	selectHookSecrets:       `SELECT sealed, created_at, expires_at FROM webhook_secrets WHERE tenant = ? AND webhook = ? ORDER BY position`,
	selectTenantHookSecrets: `SELECT webhook, position, key_version, sealed FROM webhook_secrets WHERE tenant = ?`,
	replaceHookSecret: `UPDATE webhook_secrets SET sealed = ?, key_version = ?
		WHERE tenant = ? AND webhook = ? AND position = ? AND sealed = ?`,
	countHookSecrets:    `SELECT key_version, count(*) FROM webhook_secrets WHERE tenant = ? GROUP BY key_version`,
	selectHookSecretUse: `SELECT EXISTS (SELECT 1 FROM webhook_secrets WHERE tenant = ? AND key_version = ?)`,
	deleteHookSecrets:   `DELETE FROM webhook_secrets WHERE tenant = ? AND webhook = ?`,

	selectLastEvent: `SELECT coalesce((SELECT id FROM webhook_events WHERE tenant = ? AND id > 0 ORDER BY id DESC LIMIT 1), 0)`,
	insertEvent:     `INSERT INTO webhook_events (tenant, id, type, data) VALUES (?, ?, ?, ?)`,
	deleteEvents: `DELETE FROM webhook_events WHERE tenant = ?1
		AND id IN (SELECT id FROM webhook_events WHERE tenant = ?1 AND id < ?2 LIMIT ?3)`,
	insertDelivery: `INSERT INTO webhook_deliveries (tenant, event, webhook, state, attempts, status, due_at) VALUES (?, ?, ?, ?, 0, 0, ?)`,
	selectDelivery: `SELECT ` + deliveryColumns + ` FROM webhook_deliveries AS d
		CROSS JOIN webhook_events AS e ON e.tenant = d.tenant AND e.id = d.event WHERE d.tenant = ? AND d.event = ? AND d.webhook = ?`,
	selectDeliveries: `SELECT ` + deliveryColumns + ` FROM webhook_deliveries AS d INDEXED BY webhook_deliveries_hook
		CROSS JOIN webhook_events AS e ON e.tenant = d.tenant AND e.id = d.event
		WHERE d.tenant = ? AND d.webhook = ? AND d.event < ? ORDER BY d.event DESC LIMIT ?`,
	resendDelivery: `UPDATE webhook_deliveries SET state = ?, attempts = 0, due_at = ? WHERE tenant = ? AND event = ? AND webhook = ?`,
	deleteDeliveries: `DELETE FROM webhook_deliveries WHERE tenant = ?1 AND (event, webhook) IN
		(SELECT event, webhook FROM webhook_deliveries WHERE tenant = ?1 AND event < ?2 LIMIT ?3)`,
	upsertOutbox: `INSERT INTO outboxes (tenant, due_at) VALUES (?, ?)
		ON CONFLICT (tenant) DO UPDATE SET due_at = min(coalesce(due_at, excluded.due_at), excluded.due_at)`,
	updateOutbox: `UPDATE outboxes SET due_at = (SELECT min((SELECT d.due_at FROM webhook_deliveries AS d INDEXED BY webhook_deliveries_due
			WHERE d.tenant = ?1 AND d.webhook = w.id AND d.due_at > 0 ORDER BY d.due_at LIMIT 1))
		FROM webhooks AS w WHERE w.tenant = ?1 AND w.disabled = 0) WHERE tenant = ?1`,
	selectDueTenants: `SELECT tenant FROM outboxes WHERE due_at <= ?`,
	// Of each webhook the delivery that has been due for longest, and of these the one that has.
	selectDue: `SELECT d.webhook, d.event, d.attempts, e.type, e.data FROM (
			SELECT w.id AS hook, (SELECT d.event FROM webhook_deliveries AS d INDEXED BY webhook_deliveries_due
				WHERE d.tenant = ?1 AND d.webhook = w.id AND d.due_at <= ?2 ORDER BY d.due_at LIMIT 1) AS event
			FROM webhooks AS w WHERE w.tenant = ?1 AND w.disabled = 0 AND w.id NOT IN (SELECT value FROM json_each(?3))) AS first
		CROSS JOIN webhook_deliveries AS d ON d.tenant = ?1 AND d.event = first.event AND d.webhook = first.hook
		CROSS JOIN webhook_events AS e ON e.tenant = ?1 AND e.id = d.event ORDER BY d.due_at LIMIT 1`,
	leaseDelivery: `UPDATE webhook_deliveries SET due_at = ? WHERE tenant = ? AND event = ? AND webhook = ?`,
	settleDelivery: `UPDATE webhook_deliveries SET state = ?, attempts = attempts + 1, status = ?, problem = ?, last_at = ?, due_at = ?
		WHERE tenant = ? AND event = ? AND webhook = ? AND due_at = ?`,
	// ?1 is NULL if a delivery succeeded.
	updateFailing: `UPDATE webhooks SET failing_since = ?1 WHERE tenant = ?2 AND id = ?3 AND (failing_since IS NULL) = (?1 IS NOT NULL)`,
	selectFailing: `SELECT failing_since FROM webhooks WHERE tenant = ? AND id = ?`,
}
