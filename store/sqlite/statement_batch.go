package sqlite

const (
	outcomeSeen = `row, id, result, reason, field, detail, user, subject`

	workColumns = `c.batch, c.first_row, c.rows, c.first_id, c.first_user, p.payload, c.rank, b.payload_key, b.kept_key, ` + batchColumns
	payloadOfC  = `payloads AS p ON p.tenant = c.tenant AND p.batch = c.batch AND p.first_row = c.first_row`

	pairs = `(SELECT value ->> 0, value ->> 1 FROM json_each(?2))` // ?2 is a JSON array of [batch, first row]

	// withoutTurn are the first chunks of a batch that have no turn. The plus keeps it from the index of turns.
	withoutTurn = `(SELECT first_row FROM chunks WHERE tenant = ?1 AND batch = ?2 AND +lane = 0 ORDER BY first_row LIMIT ?3)`

	anythingKept = `EXISTS (SELECT 1 FROM kept WHERE kept.tenant = ?1 AND kept.batch = ?2)`
)

// overlaidBy finds the users of a batch's overlay who hold any of the keys; see lookup.
func overlaidBy(column, index string, keys int) string {
	return `SELECT user, gone, data FROM (` + values(keys, 1) + `) AS wanted
		CROSS JOIN overlay INDEXED BY ` + index + ` ON ` + column + ` = wanted.column1 WHERE tenant = ? AND batch = ?`
}

// batchText is of batches, their chunks and their outcomes.
var batchText = map[statement]string{
	selectReplay: `SELECT r.batch, r.until, r.body, b.id IS NOT NULL AND b.finished_at IS NULL FROM replays AS r
		LEFT JOIN batches AS b ON b.tenant = r.tenant AND b.id = r.batch WHERE r.tenant = ? AND r.fingerprint = ?`,
	upsertReplay: `INSERT INTO replays (tenant, fingerprint, batch, until, body) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (tenant, fingerprint) DO UPDATE SET batch = excluded.batch, until = excluded.until, body = excluded.body`,
	deleteReplays: `DELETE FROM replays WHERE tenant = ?1 AND fingerprint IN
		(SELECT fingerprint FROM replays INDEXED BY replays_until WHERE tenant = ?1 AND until <= ?2 LIMIT ?3)`,

	insertBatch: `INSERT INTO batches (tenant, id, sequence, contract, lane, mode, name, app_id, actor, actor_level, trace_id, total,
		accepted_at, parent, origin, guarded, source, withheld, passwords, staged_until, payload_key, payload_key_version, kept_key,
		kept_key_version) ` + values(1, 24),
	selectBatch: `SELECT ` + batchColumns + ` FROM batches AS b
		WHERE b.tenant = ?1 AND b.id = ?2 AND (?3 = 0 OR b.contract = ?3) AND ` + visible,
	selectBatches: `SELECT ` + batchColumns + ` FROM batches AS b WHERE b.tenant = ? AND b.id < ? AND ` + visible + `
		ORDER BY b.id DESC LIMIT ?`,
	selectUnfinished: `SELECT ` + batchColumns + ` FROM batches AS b INDEXED BY batches_unfinished
		WHERE b.tenant = ? AND b.id < ? AND b.finished_at IS NULL AND ` + visible + ` ORDER BY b.id DESC LIMIT ?`,
	updateBatch: `UPDATE batches SET succeeded = succeeded + ?, failed = failed + ?, skipped = skipped + ?, cancelled = cancelled + ?,
		checked = checked + ?, differing = differing + ?, started_at = coalesce(started_at, ?) WHERE tenant = ? AND id = ?`,
	// ?4 is until when a dry run's rows are held; else their key ends with them.
	finishBatch: `UPDATE batches SET finished_at = ?3, held_until = ?4,
		payload_key = iif(?4 IS NULL, NULL, payload_key), payload_key_version = iif(?4 IS NULL, NULL, payload_key_version),
		kept_key = iif(` + anythingKept + `, kept_key, NULL), kept_key_version = iif(` + anythingKept + `, kept_key_version, NULL)
		WHERE tenant = ?1 AND id = ?2`,
	changeMode: `UPDATE batches SET mode = ?, sequence = ? WHERE tenant = ? AND id = ?`,

	insertChunk:   `INSERT INTO chunks (tenant, batch, first_row, rows, lane, rank, sequence, first_id, first_user) ` + values(1, 9),
	insertPayload: `INSERT INTO payloads (tenant, batch, first_row, payload) ` + values(1, 4),
	selectChunk: `SELECT c.rows, c.lane, c.rank, c.sequence, length(p.payload) FROM chunks AS c CROSS JOIN ` + payloadOfC + `
		WHERE c.tenant = ? AND c.batch = ? AND c.first_row = ?`,
	selectChunks: `SELECT ` + workColumns + ` FROM chunks AS c INDEXED BY chunks_order CROSS JOIN ` + payloadOfC + `
		CROSS JOIN batches AS b ON b.tenant = c.tenant AND b.id = c.batch
		WHERE c.tenant = ? AND c.lane = ? AND (c.rank, c.sequence, c.first_row) > (?, ?, ?)
		ORDER BY c.rank, c.sequence, c.first_row`,
	// The answer names the elements of ?2 by their positions. In a check (2) chunks come in the order in which they are checked.
	selectLive: `SELECT wanted.key, c.rows, length(p.payload), c.lane, c.rank, b.mode,
			iif(b.mode = 2, b.checked, b.succeeded + b.failed + b.skipped + b.cancelled), b.total
		FROM json_each(?2) AS wanted
		CROSS JOIN chunks AS c ON c.tenant = ?1 AND c.batch = wanted.value ->> 0 AND c.first_row = wanted.value ->> 1
		CROSS JOIN ` + payloadOfC + ` CROSS JOIN batches AS b ON b.tenant = ?1 AND b.id = c.batch`,
	// Of LaneOrdered.
	selectFirstOrdered: `SELECT batch, first_row FROM chunks WHERE tenant = ? AND lane = 2 ORDER BY rank, sequence, first_row LIMIT ?`,
	selectWaiting:      `SELECT EXISTS (SELECT 1 FROM chunks WHERE tenant = ? AND lane = ?)`,
	deleteChunks:       `DELETE FROM chunks WHERE tenant = ?1 AND (batch, first_row) IN ` + pairs,
	deletePayloads:     `DELETE FROM payloads WHERE tenant = ?1 AND (batch, first_row) IN ` + pairs,
	holdChunks:         `UPDATE chunks SET lane = 0 WHERE tenant = ?1 AND (batch, first_row) IN ` + pairs,
	// From row ?3 on; ?5 is the rank that row 0 would have, if ranks are not all 0.
	moveChunks: `UPDATE chunks SET lane = ?4, rank = iif(?4 = 2, 0, ?5 + first_row), sequence = ?6
		WHERE tenant = ?1 AND batch = ?2 AND first_row >= ?3`,
	upsertLane: `INSERT INTO lanes (tenant, lane, position) VALUES (?, ?, ?)
		ON CONFLICT (tenant, lane) DO UPDATE SET position = max(position, excluded.position)`,
	selectLane: `SELECT position FROM lanes WHERE tenant = ? AND lane = ?`,

	insertOutcome:  `INSERT INTO outcomes (` + outcomeColumns + `) ` + values(1, outcomeColumnCount),
	insertOutcomes: `INSERT INTO outcomes (` + outcomeColumns + `) ` + values(insertRows, outcomeColumnCount),
	selectOutcomes: `SELECT ` + outcomeSeen + ` FROM outcomes WHERE tenant = ? AND batch = ? AND row >= ? ORDER BY row LIMIT ?`,
	selectHistory: `SELECT ` + batchColumns + `, ` + prefixed("o", outcomeSeen) + ` FROM outcomes AS o INDEXED BY outcomes_user
		CROSS JOIN batches AS b ON b.tenant = o.tenant AND b.id = o.batch
		WHERE o.tenant = ?1 AND o.user = ?2 AND o.user <> 0 AND (o.batch, o.row) < (?3, ?4) AND b.mode <> 1 AND ` + visible + `
		ORDER BY o.batch DESC, o.row DESC LIMIT ?5`,
	selectSuccesses: `SELECT ` + outcomeSeen + ` FROM outcomes WHERE tenant = ? AND batch = ? AND row >= ? AND result = 1 ORDER BY row LIMIT ?`,
	// Of result ?3 and reason ?4, where 0 is any; of each kind that there is as many as are wanted in all.
	selectUnsuccessful: `SELECT o.row, o.id, o.result, o.reason, o.field, o.detail, o.user, o.subject FROM reasons AS r
		CROSS JOIN outcomes AS o ON o.tenant = ?1 AND o.batch = ?2 AND o.row IN (
			SELECT row FROM outcomes INDEXED BY outcomes_reason WHERE tenant = ?1 AND batch = ?2 AND result = r.result AND reason = r.reason
				AND result <> 1 AND row >= ?5 ORDER BY row LIMIT ?6)
		WHERE r.tenant = ?1 AND r.batch = ?2 AND (?3 = 0 OR r.result = ?3) AND (?4 = 0 OR r.reason = ?4) ORDER BY o.row LIMIT ?6`,
	// Whatever did not succeed is kept, so that chunks of which nothing is need not be walked. ?3 is the first row asked for.
	selectFailures: `SELECT o.row, o.id, o.result, o.reason, o.field, o.detail, o.user, o.subject FROM kept AS k
		CROSS JOIN outcomes AS o ON o.tenant = k.tenant AND o.batch = k.batch
			AND o.row >= max(k.first_row, ?3) AND o.row < k.first_row + k.rows AND o.result <> 1
		WHERE k.tenant = ?1 AND k.batch = ?2 AND k.first_row > ?3 - ?4 ORDER BY k.first_row, o.row LIMIT ?5`,
	insertKept: `INSERT INTO kept (tenant, batch, first_row, rows, sealed) VALUES (?, ?, ?, ?, ?)`,
	selectKept: `SELECT k.first_row, k.rows, k.sealed, b.kept_key FROM kept AS k
		CROSS JOIN batches AS b ON b.tenant = k.tenant AND b.id = k.batch
		WHERE k.tenant = ?1 AND k.batch = ?2 AND k.first_row > ?3 - ?4 AND k.first_row + k.rows > ?3 AND k.first_row <= ?5
		ORDER BY k.first_row LIMIT ?6`,
	upsertReason: `INSERT INTO reasons (tenant, batch, result, reason, rows) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (tenant, batch, result, reason) DO UPDATE SET rows = rows + excluded.rows`,
	selectReasons:     `SELECT result, reason, rows FROM reasons WHERE tenant = ? AND batch = ? ORDER BY result, reason`,
	insertDifference:  `INSERT INTO differences (` + outcomeColumns + `) ` + values(1, outcomeColumnCount),
	insertDifferences: `INSERT INTO differences (` + outcomeColumns + `) ` + values(insertRows, outcomeColumnCount),
	selectDifferences: `SELECT ` + outcomeSeen + ` FROM differences WHERE tenant = ? AND batch = ? AND row >= ? ORDER BY row LIMIT ?`,

	selectStaged: `SELECT total, coalesce(parent, 0), origin FROM batches
		WHERE tenant = ? AND id = ? AND forgotten = 0 AND staged_until IS NOT NULL`,
	stageMore: `UPDATE batches SET total = total + ?, staged_until = ? WHERE tenant = ? AND id = ?`,
	acceptStaged: `UPDATE batches SET sequence = ?, lane = ?, mode = ?, withheld = ?, passwords = ?, accepted_at = ?, staged_until = NULL
		WHERE tenant = ? AND id = ?`,
	// The commit that was refused (origin 1, mode 3) does not count.
	selectSuccessor: `SELECT b.id FROM batches AS b INDEXED BY batches_parent
		WHERE b.tenant = ? AND b.parent = ? AND b.origin = ? AND NOT (b.origin = 1 AND b.mode = 3) AND ` + visible + ` ORDER BY b.id LIMIT 1`,
	selectParent: `SELECT b.mode = 1 AND b.payload_key IS NOT NULL AND coalesce(b.held_until > ?3, 0) FROM batches AS b
		WHERE b.tenant = ?1 AND b.id = ?2 AND ` + visible,
	countStaged: `SELECT coalesce(sum(c.rows), 0), coalesce(sum(length(p.payload)), 0) FROM chunks AS c CROSS JOIN ` + payloadOfC + `
		WHERE c.tenant = ? AND c.batch = ?`,
	discardStaged: `UPDATE batches SET forgotten = 1, staged_until = ?, payload_key = NULL, payload_key_version = NULL,
		kept_key = NULL, kept_key_version = NULL WHERE tenant = ? AND id = ?`,
	selectHeld: `SELECT ` + workColumns + ` FROM batches AS b
		CROSS JOIN chunks AS c ON c.tenant = b.tenant AND c.batch = b.id CROSS JOIN ` + payloadOfC + `
		WHERE b.tenant = ? AND b.id = ? AND b.mode = 1 AND b.held_until > ? AND b.payload_key IS NOT NULL AND ` + visible + `
			AND c.first_row >= ? ORDER BY c.first_row`,

	upsertOverlay:  overlayValues(1),
	upsertOverlays: overlayValues(insertRows),
	selectPredicted: `SELECT overlaid, predicted_users, predicted_capacity_gb, predicted_admins FROM batches
		WHERE tenant = ? AND id = ?`,
	updatePredicted: `UPDATE batches SET overlaid = 1, predicted_users = ?, predicted_capacity_gb = ?, predicted_admins = ?
		WHERE tenant = ? AND id = ?`,
	overlaidByID: `SELECT user, gone, data FROM overlay
		WHERE tenant = ?1 AND batch = ?2 AND user IN (SELECT value FROM json_each(?3))`,
	overlaidFewByAccount:  overlaidBy("account_key", "overlay_account", lookupFew),
	overlaidManyByAccount: overlaidBy("account_key", "overlay_account", lookupMany),
	overlaidFewByPhone:    overlaidBy("phone_key", "overlay_phone", lookupFew),
	overlaidManyByPhone:   overlaidBy("phone_key", "overlay_phone", lookupMany),
	overlaidFewByEmail:    overlaidBy("email_key", "overlay_email", lookupFew),
	overlaidManyByEmail:   overlaidBy("email_key", "overlay_email", lookupMany),

	// One of which another batch is being made, or was made that is under way, is still read.
	selectForgotten: `SELECT b.id FROM batches AS b INDEXED BY batches_finished WHERE b.tenant = ?1 AND b.finished_at < ?2
			AND NOT EXISTS (SELECT 1 FROM batches AS made INDEXED BY batches_parent
				WHERE made.tenant = ?1 AND made.parent = b.id AND made.finished_at IS NULL)
		ORDER BY b.finished_at LIMIT 1`,
	forgetBatch: `UPDATE batches SET forgotten = 1 WHERE tenant = ? AND id = ?`,
	selectUnstaged: `SELECT id, forgotten FROM batches INDEXED BY batches_staged WHERE tenant = ? AND staged_until <= ?
		ORDER BY staged_until LIMIT 1`,
	selectUnheld: `SELECT id FROM batches INDEXED BY batches_held
		WHERE tenant = ? AND held_until <= ? AND payload_key IS NOT NULL ORDER BY held_until LIMIT 1`,
	destroyPayloadKey: `UPDATE batches SET payload_key = NULL, payload_key_version = NULL WHERE tenant = ? AND id = ?`,
	selectOverlaid: `SELECT id, mode FROM batches INDEXED BY batches_overlaid
		WHERE tenant = ? AND overlaid = 1 AND (finished_at IS NOT NULL OR mode NOT IN (1, 2)) LIMIT 1`,
	endOverlaid: `UPDATE batches SET overlaid = 0 WHERE tenant = ? AND id = ?`,
	deleteOutcomes: `DELETE FROM outcomes WHERE tenant = ?1 AND batch = ?2
		AND row IN (SELECT row FROM outcomes WHERE tenant = ?1 AND batch = ?2 LIMIT ?3)`,
	deleteKept: `DELETE FROM kept WHERE tenant = ?1 AND batch = ?2
		AND first_row IN (SELECT first_row FROM kept WHERE tenant = ?1 AND batch = ?2 LIMIT ?3)`,
	deleteDifferences: `DELETE FROM differences WHERE tenant = ?1 AND batch = ?2
		AND row IN (SELECT row FROM differences WHERE tenant = ?1 AND batch = ?2 LIMIT ?3)`,
	deleteOverlay: `DELETE FROM overlay WHERE tenant = ?1 AND batch = ?2
		AND user IN (SELECT user FROM overlay WHERE tenant = ?1 AND batch = ?2 LIMIT ?3)`,
	deleteReasons: `DELETE FROM reasons WHERE tenant = ? AND batch = ?`,
	erasePayloads: `DELETE FROM payloads WHERE tenant = ?1 AND batch = ?2 AND first_row IN ` + withoutTurn,
	eraseChunks:   `DELETE FROM chunks WHERE tenant = ?1 AND batch = ?2 AND first_row IN ` + withoutTurn,
	deleteBatch:   `DELETE FROM batches WHERE tenant = ? AND id = ?`,
}

// overlayValues stores so many users of an overlay, each in the place of what it had of him.
func overlayValues(rows int) string {
	return `INSERT INTO overlay (tenant, batch, user, account_key, phone_key, email_key, gone, data) ` + values(rows, overlayColumnCount) + `
		ON CONFLICT (tenant, batch, user) DO UPDATE SET account_key = excluded.account_key, phone_key = excluded.phone_key,
			email_key = excluded.email_key, gone = excluded.gone, data = excluded.data`
}
