package postgres

const anythingKept = `EXISTS (SELECT 1 FROM kept AS k WHERE k.tenant = $1 AND k.batch = n.id)`

// statementText is every statement's text.
var statementText = textOf(generalText, trailText, installationText)

func textOf(parts ...map[statement]string) (all [statementCount]string) {
	for _, part := range parts {
		for s, text := range part {
			all[s] = text
		}
	}
	return all
}

// generalText is of what tenants have, but for the trail.
var generalText = map[statement]string{
	insertTenant:      `INSERT INTO tenants (` + tenantColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`,
	selectTenant:      `SELECT ` + tenantColumns + ` FROM tenants WHERE id = $1`,
	selectTenantNamed: `SELECT ` + tenantColumns + ` FROM tenants WHERE name = $1`,
	selectTenantAt:    `SELECT ` + tenantColumns + ` FROM tenants WHERE host = $1 AND host <> ''`,
	selectSoleTenant:  `SELECT ` + tenantColumns + ` FROM tenants ORDER BY id LIMIT 2`,
	selectTenants:     `SELECT ` + tenantColumns + ` FROM tenants ORDER BY id`,
	selectTenantIDs:   `SELECT id FROM tenants ORDER BY id`,
	selectAnyTenant:   `SELECT EXISTS (SELECT 1 FROM tenants)`,
	updateTenant:      `UPDATE tenants SET name = $2, host = $3, settings = $4 WHERE id = $1`,
	insertUsage:       `INSERT INTO tenant_usage (tenant, users, capacity_gb, system_admins, last_id) VALUES ($1, $2, $3, $4, $5)`,
	lockDirectory:     `SELECT FROM tenants WHERE id = $1 FOR NO KEY UPDATE`,
	lockUsage: `SELECT users, capacity_gb, system_admins, queued_rows, queued_bytes, accept_sequence FROM tenant_usage
		WHERE tenant = $1 FOR UPDATE`,
	selectUsage: `SELECT users, capacity_gb, system_admins, queued_rows, queued_bytes, accept_sequence FROM tenant_usage
		WHERE tenant = $1`,
	updateUsageApplied: `UPDATE tenant_usage SET users = $2, capacity_gb = $3, system_admins = $4,
		queued_rows = queued_rows - $5, queued_bytes = queued_bytes - $6 WHERE tenant = $1`,
	updateUsageAccepted: `UPDATE tenant_usage SET queued_rows = queued_rows + $2, queued_bytes = queued_bytes + $3,
		accept_sequence = $4, last_id = greatest(last_id, $5) WHERE tenant = $1`,
	updateUsageSplit: `UPDATE tenant_usage SET queued_bytes = queued_bytes + $2 WHERE tenant = $1`,
	// Of the chunks of the staged batch $2.
	updateUsageDiscarded: `UPDATE tenant_usage SET queued_rows = queued_rows - c.rows, queued_bytes = queued_bytes - c.bytes
		FROM (SELECT coalesce(sum(rows), 0) AS rows, coalesce(sum(octet_length(payload)), 0) AS bytes FROM chunks
			WHERE tenant = $1 AND batch = $2) AS c WHERE tenant = $1`,
	upsertDay: `INSERT INTO days AS d (tenant, day, users, succeeded, failed, skipped, cancelled) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (tenant, day) DO UPDATE SET users = excluded.users, succeeded = d.succeeded + excluded.succeeded,
			failed = d.failed + excluded.failed, skipped = d.skipped + excluded.skipped, cancelled = d.cancelled + excluded.cancelled`,
	// From the last one on that is not after $2, which says how many users there were then.
	selectDays: `SELECT day, users, succeeded, failed, skipped, cancelled FROM days WHERE tenant = $1
		AND day >= coalesce((SELECT max(day) FROM days WHERE tenant = $1 AND day <= $2), $2) ORDER BY day LIMIT $3`,
	deleteDays: `DELETE FROM days WHERE tenant = $1 AND day <= (SELECT max(day) FROM (SELECT day FROM days
		WHERE tenant = $1 AND day < (SELECT max(day) FROM days
			WHERE tenant = $1 AND day <= extract(epoch FROM statement_timestamp())::bigint / 86400 - $2::integer)
		ORDER BY day LIMIT $3) AS f)`,
	updateLastID:    `UPDATE tenant_usage SET last_id = greatest(last_id, $2) WHERE tenant = $1`,
	selectPhoneUser: `SELECT EXISTS (SELECT 1 FROM users WHERE tenant = $1 AND phone_key > '' AND phone_key <> '' LIMIT 1)`,

	insertUsers: `INSERT INTO users (tenant, ` + userColumns + `, display_name_key, full_name_key, surname_key)
		SELECT $1, n.id, n.account, n.account_key, n.phone, n.phone_key, n.email, n.email_key, n.first_name, n.surname, n.display_name,
			n.password_hash, n.must_change_password, n.token_epoch, n.level, n.disabled, n.department, n.capacity_gb,
			nullif(n.roles, '')::bigint[], n.source, $24, $25, n.display_name_key, n.full_name_key, n.surname_key FROM ` + userList,
	// Where the keys stay, their indexes are not touched (HOT).
	updateUsers: change("users", `account = n.account, account_key = n.account_key, phone = n.phone, phone_key = n.phone_key,
		email = n.email, email_key = n.email_key, first_name = n.first_name, surname = n.surname, display_name = n.display_name,
		password_hash = n.password_hash, must_change_password = n.must_change_password, token_epoch = n.token_epoch, level = n.level,
		disabled = n.disabled, department = n.department, capacity_gb = n.capacity_gb, roles = nullif(n.roles, '')::bigint[],
		source = n.source, display_name_key = n.display_name_key, full_name_key = n.full_name_key, surname_key = n.surname_key, updated_at = $24`,
		userList, "t.id = n.id"),
	releaseKeys:          change("users", "account_key = '', phone_key = '', email_key = ''", ids, "t.id = n.id"),
	deleteUsers:          remove("users", ids, "t.id = n.id"),
	selectUsersByID:      each(userColumns, "users", "id = n.key", "bigint"),
	selectUsersByAccount: lookup(userColumns, "account_key"),
	selectUsersByPhone:   lookup(userColumns, "phone_key"),
	selectUsersByEmail:   lookup(userColumns, "email_key"),
	outlineByAccount:     lookup("id, account_key, '', ''", "account_key"),
	outlineByPhone:       lookup("id, '', phone_key, ''", "phone_key"),
	outlineByEmail:       lookup("id, '', '', email_key", "email_key"),
	selectEnabledByEmail: `SELECT ` + userColumns + ` FROM users
		WHERE tenant = $1 AND email_key = $2 AND email_key <> '' AND NOT disabled LIMIT $3`,
	selectAdministrators: `SELECT ` + userColumns + ` FROM users WHERE tenant = $1 AND level = 2 AND NOT disabled ORDER BY id LIMIT $2`,

	insertDepartments: `INSERT INTO departments (tenant, ` + departmentColumns + `)
		SELECT $1, n.* FROM unnest($2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::timestamptz[]) AS n`,
	selectDepartment:        `SELECT ` + departmentColumns + ` FROM departments WHERE tenant = $1 AND id = $2`,
	selectDepartmentAt:      `SELECT ` + departmentColumns + ` FROM departments WHERE tenant = $1 AND name_path = $2`,
	selectDepartmentsByID:   each(departmentColumns, "departments", "id = n.key", "bigint"),
	selectDepartmentsByPath: each(departmentColumns, "departments", "name_path = n.key", "text"),
	// Arrays of names, and of lower and upper bounds of the IDPath; two of each are enough to know that a name says too little.
	selectDepartmentsByName: `SELECT d.* FROM unnest($2::text[], $3::text[], $4::text[]) AS n(name, low, high)
		CROSS JOIN LATERAL (SELECT ` + departmentColumns + ` FROM departments
			WHERE tenant = $1 AND name = n.name AND id_path >= n.low AND id_path < n.high ORDER BY id_path LIMIT 2) AS d`,
	selectChildren: `SELECT ` + departmentColumns + ` FROM departments
		WHERE tenant = $1 AND parent = $3 AND name > $4 AND name ~ $2 ORDER BY name LIMIT $5`,
	selectMatchingDepartment: `SELECT ` + departmentColumns + ` FROM departments WHERE tenant = $1 AND id = $3 AND name ~ $2 LIMIT $4`,
	selectTree: `SELECT ` + departmentColumns + ` FROM departments
		WHERE tenant = $1 AND name_path > $3 AND name_path < $4 AND name ~ $2 ORDER BY name_path LIMIT $5`,
	selectDeepest: `SELECT coalesce(max(length(id_path) - length(replace(id_path, '/', ''))), 0) FROM departments
		WHERE tenant = $1 AND id_path >= $2 AND id_path < $3`,
	countMembers:  `SELECT count(*) FROM users WHERE tenant = $1 AND department = $2`,
	countChildren: `SELECT count(*) FROM departments WHERE tenant = $1 AND parent = $2`,
	updateDepartment: `UPDATE departments SET parent = $5, name = $6, id_path = $7, name_path = $8
		WHERE tenant = $1 AND id = $2 AND id_path = $3 AND name_path = $4`,
	moveDepartments: `UPDATE departments SET id_path = $4::text || substr(id_path, length($2::text) + 1),
		name_path = $6::text || substr(name_path, length($5::text) + 1)
		WHERE tenant = $1 AND id_path > $2::text AND id_path < $3`,
	deleteDepartments: remove("departments", ids, "t.id = n.id"),

	selectNow: `SELECT statement_timestamp()`,
	upsertActivations: `INSERT INTO activations (tenant, user_id, hash, expires_at)
		SELECT $1, n.* FROM unnest($2::bigint[], $3::bytea[], $4::timestamptz[]) AS n
		ON CONFLICT (tenant, user_id) DO UPDATE SET hash = excluded.hash, expires_at = excluded.expires_at`,
	selectActivations: each("user_id, hash, expires_at", "activations", "user_id = n.key", "bigint"),
	deleteActivations: remove("activations", ids, "t.user_id = n.id"),
	purgeActivations: remove("activations", `(SELECT user_id FROM activations
		WHERE tenant = $1 AND expires_at <= statement_timestamp() ORDER BY expires_at LIMIT $2) AS n`, "t.user_id = n.user_id"),
	updateSignIns: change("users", `password_hash = n.password_hash, must_change_password = n.must_change_password, token_epoch = n.token_epoch`,
		`unnest($2::bigint[], $3::text[], $4::boolean[], $5::bigint[]) AS n(id, password_hash, must_change_password, token_epoch)`, "t.id = n.id"),

	pageUsers: `SELECT ` + userColumns + ` FROM users WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3 OFFSET $4`,
	pageUsersMatching: `SELECT ` + userColumns + ` FROM users WHERE tenant = $1 AND id > $2 AND ` + userText + ` ~ $5
		ORDER BY id LIMIT $3 OFFSET $4`,
	pageUsersWithin:         `SELECT u.* FROM ` + usersWithin + ` ORDER BY d.id, u.id LIMIT $5 OFFSET $6`,
	pageUsersMatchingWithin: `SELECT u.* FROM ` + usersWithin + ` WHERE ` + userText + ` ~ $7 ORDER BY d.id, u.id LIMIT $5 OFFSET $6`,
	// What is left of the department in which the page before ended.
	pageUsersOf:         `SELECT u.* FROM ` + usersOf + ` ORDER BY u.id LIMIT $6`,
	pageUsersMatchingOf: `SELECT u.* FROM ` + usersOf + ` WHERE ` + userText + ` ~ $7 ORDER BY u.id LIMIT $6`,
	countUsersMatching:  `SELECT count(*) FROM users WHERE tenant = $1 AND ` + userText + ` ~ $2`,
	countUsersWithin:    `SELECT count(*) FROM ` + usersWithin,
	pageRoleUsers: `SELECT u.* FROM (
			SELECT user_id FROM user_roles WHERE tenant = $1 AND role = $2 AND user_id > $3 ORDER BY user_id LIMIT $4 OFFSET $5) AS r
		CROSS JOIN LATERAL (SELECT ` + userColumns + ` FROM users WHERE tenant = $1 AND id = r.user_id) AS u ORDER BY r.user_id`,
	countUsersMatchingWithin: `SELECT count(*) FROM ` + usersWithin + ` WHERE ` + userText + ` ~ $5`,

	searchAccounts: search("account_key", "account_key"), // which is unique
	searchPhones:   search("phone_key", "phone_key"),
	searchEmails:   search("email_key", "email_key, id"),
	searchNames: `SELECT u.* FROM ((` + search("display_name_key", "display_name_key, id") + `) UNION ALL (` + search("full_name_key", "full_name_key, id") + `)
		UNION ALL (` + search("surname_key", "surname_key, id") + `)) AS u ORDER BY u.name, u.id LIMIT $5`,

	insertRole:      `INSERT INTO roles (tenant, id, name, created_at) VALUES ($1, $2, $3, $4)`,
	selectRole:      `SELECT tenant, id, name, created_at FROM roles WHERE tenant = $1 AND id = $2`,
	selectRoleNamed: `SELECT tenant, id, name, created_at FROM roles WHERE tenant = $1 AND name = $2`,
	selectRoles:     `SELECT tenant, id, name, created_at FROM roles WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3`,
	selectRolesByID: each("id", "roles", "id = n.key", "bigint"),
	updateRole:      `UPDATE roles SET name = $3 WHERE tenant = $1 AND id = $2`,
	deleteRole:      `DELETE FROM roles WHERE tenant = $1 AND id = $2`,
	insertUserRoles: `INSERT INTO user_roles (tenant, role, user_id)
		SELECT $1, n.role, n.user_id FROM unnest($2::bigint[], $3::bigint[]) AS n(role, user_id) ON CONFLICT DO NOTHING`,
	// What the users have is read from them, and so before they change.
	deleteUserRoles: remove("user_roles", `(SELECT DISTINCT u.id, r.role FROM unnest($2::bigint[]) AS l(id)
		CROSS JOIN LATERAL (SELECT id, roles FROM users WHERE tenant = $1 AND id = l.id OFFSET 0) AS u
		CROSS JOIN LATERAL unnest(u.roles) AS r(role)) AS n`, "t.role = n.role AND t.user_id = n.id"),
	selectRoleUsers: `SELECT user_id FROM user_roles WHERE tenant = $1 AND role = $2 ORDER BY user_id`,
	countRoleUsers:  `SELECT count(*) FROM user_roles WHERE tenant = $1 AND role = $2`,
	takeRole: change("users", `updated_at = $3, token_epoch = t.token_epoch + 1, roles = nullif(array_remove(t.roles, $2), '{}')`,
		`(SELECT user_id FROM user_roles WHERE tenant = $1 AND role = $2) AS n`, "t.id = n.user_id"),
	deleteRoleUsers: `DELETE FROM user_roles WHERE tenant = $1 AND role = $2`,

	insertCredentialIndex: `INSERT INTO credential_index (app_id, tenant) VALUES ($1, $2) ON CONFLICT DO NOTHING`,
	selectCredentialIndex: `SELECT tenant FROM credential_index WHERE app_id = $1`,
	insertCredential:      `INSERT INTO credentials (tenant, app_id, name, disabled, scopes, created_at) VALUES ($1, $2, $3, $4, $5, $6)`,
	selectCredential:      `SELECT tenant, app_id, name, disabled, scopes, created_at FROM credentials WHERE tenant = $1 AND app_id = $2`,
	selectCredentials: `SELECT tenant, app_id, name, disabled, scopes, created_at FROM credentials WHERE tenant = $1
		ORDER BY created_at, app_id`,
	updateCredential: `UPDATE credentials SET name = $3, disabled = $4, scopes = $5 WHERE tenant = $1 AND app_id = $2`,
	insertSecret: `INSERT INTO credential_secrets (tenant, app_id, position, sealed, key_version, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`,
	deleteSecrets: `DELETE FROM credential_secrets WHERE tenant = $1 AND app_id = $2`,
	selectSecrets: `SELECT sealed, created_at, expires_at FROM credential_secrets WHERE tenant = $1 AND app_id = $2 ORDER BY position`,
	selectTenantSecrets: `SELECT app_id, position, key_version, sealed, created_at, expires_at FROM credential_secrets WHERE tenant = $1
		ORDER BY app_id, position`,

	upsertProfile: `INSERT INTO federation_profiles (tenant, profile, sealed, key_version) VALUES ($1, $2, $3, $4)
		ON CONFLICT (tenant) DO UPDATE SET profile = excluded.profile, sealed = excluded.sealed, key_version = excluded.key_version`,
	selectProfile:        `SELECT profile, sealed FROM federation_profiles WHERE tenant = $1`,
	selectWrappedProfile: `SELECT sealed FROM federation_profiles WHERE tenant = $1 AND key_version = $2`,
	replaceProfileSecret: `UPDATE federation_profiles SET sealed = $3, key_version = $4 WHERE tenant = $1 AND sealed = $2`,
	countProfileSecret: `SELECT key_version, count(*) FROM federation_profiles WHERE tenant = $1 AND key_version IS NOT NULL
		GROUP BY key_version`,
	selectProfileSecretUse: `SELECT EXISTS (SELECT 1 FROM federation_profiles WHERE tenant = $1 AND key_version = $2)`,

	// $3 and later are arrays; a token lives its seconds from the whole second on in which it was issued.
	insertTokens: `INSERT INTO tokens (tenant, hash, kind, app_id, secret_at, user_id, epoch, family, issued_at, expires_at)
		SELECT $1, n.hash, n.kind, n.app_id, n.secret_at, n.user_id, n.epoch, n.family, date_trunc('second', statement_timestamp()),
			date_trunc('second', statement_timestamp()) + n.life * interval '1 second'
		FROM unnest($2::bytea[], $3::smallint[], $4::text[], $5::timestamptz[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[])
			AS n(hash, kind, app_id, secret_at, user_id, epoch, family, life)
		RETURNING hash, issued_at, expires_at`,
	insertTokenIndex: `INSERT INTO token_index (hash, tenant) SELECT n.hash, $1 FROM unnest($2::bytea[]) AS n(hash)`,
	selectTokenIndex: `SELECT tenant FROM token_index WHERE hash = $1`,
	selectToken: `SELECT kind, app_id, secret_at, user_id, epoch, family, issued_at, expires_at
		FROM (SELECT * FROM tokens WHERE tenant = $1 AND hash = $2 OFFSET 0) AS t WHERE expires_at > statement_timestamp()`,
	selectRefresh: `SELECT family, used_at <= statement_timestamp() - $4::bigint * interval '1 microsecond'
		FROM (SELECT * FROM tokens WHERE tenant = $1 AND hash = $2 AND kind = $3 OFFSET 0 FOR UPDATE) AS t WHERE expires_at > statement_timestamp()`,
	useRefresh:   `UPDATE tokens SET used_at = statement_timestamp() WHERE tenant = $1 AND hash = $2 AND used_at IS NULL`,
	selectFamily: `SELECT hash FROM tokens WHERE tenant = $1 AND family = $2 AND family <> 0 FOR UPDATE`,
	selectExpiredTokens: `SELECT hash FROM tokens WHERE tenant = $1 AND expires_at <= statement_timestamp() ORDER BY expires_at LIMIT $2
		FOR UPDATE SKIP LOCKED`,
	deleteTokens:     remove("tokens", `(SELECT DISTINCT hash FROM unnest($2::bytea[]) AS l(hash)) AS n`, "t.hash = n.hash"),
	deleteTokenIndex: `DELETE FROM token_index WHERE hash = ANY ($1::bytea[])`,
	// In the order of keys, so that two that count the same ones wait for each other, and do not meet in a deadlock.
	upsertAttempts: `INSERT INTO refused_attempts AS a (key, attempts, until)
		SELECT n.key, count(*), statement_timestamp() + $2::bigint * interval '1 microsecond'
		FROM unnest($1::bytea[]) AS n(key) GROUP BY n.key ORDER BY n.key
		ON CONFLICT (key) DO UPDATE SET
			attempts = CASE WHEN a.until <= statement_timestamp() THEN 0 ELSE a.attempts END + excluded.attempts,
			until = CASE WHEN a.until <= statement_timestamp() THEN excluded.until ELSE a.until END`,
	selectAttempts: `SELECT a.* FROM unnest($1::bytea[]) AS n(key) CROSS JOIN LATERAL (
		SELECT key, attempts, (extract(epoch FROM until - statement_timestamp()) * 1000000)::bigint AS remaining FROM refused_attempts
		WHERE key = n.key OFFSET 0) AS a WHERE a.remaining > 0`,
	deleteAttempts: `DELETE FROM refused_attempts WHERE key = ANY (ARRAY(
		SELECT key FROM refused_attempts WHERE until <= statement_timestamp() ORDER BY until LIMIT $1 FOR UPDATE SKIP LOCKED))`,

	insertOperator: `INSERT INTO operators (` + operatorColumns + `)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, CASE WHEN $12::bytea IS NOT NULL
			THEN date_trunc('milliseconds', statement_timestamp()) + $13::bigint * interval '1 microsecond' END,
			date_trunc('milliseconds', statement_timestamp()), $14) ON CONFLICT DO NOTHING RETURNING created_at, invited_until`,
	selectOperator:          `SELECT ` + operatorColumns + ` FROM operators WHERE id = $1`,
	selectOperatorByEmail:   `SELECT ` + operatorColumns + ` FROM operators WHERE email_key = $1 AND email_key <> ''`,
	selectOperatorBySubject: `SELECT ` + operatorColumns + ` FROM operators WHERE subject = $1 AND subject <> ''`,
	selectOperatorByInvitation: `SELECT ` + operatorColumns + ` FROM operators WHERE invitation = $1 AND invitation IS NOT NULL
		AND invited_until > statement_timestamp()`,
	selectOperators: `SELECT ` + operatorColumns + ` FROM operators ORDER BY id`,
	lockOperator:    `SELECT ` + operatorColumns + ` FROM operators WHERE id = $1 FOR UPDATE`,
	updateOperator: `UPDATE operators SET name = $2, email = $3, role = $4, disabled = $5, password_hash = $6, language = $7, epoch = $8,
		invitation = $9, invited_until = $10, last_seen_at = $11 WHERE id = $1`,
	seeOperator:    `UPDATE operators SET last_seen_at = date_trunc('milliseconds', statement_timestamp()) WHERE id = $1`,
	deleteOperator: `DELETE FROM operators WHERE id = $1`,
	insertOperatorSession: `INSERT INTO operator_sessions (hash, operator, epoch, expires_at, ends_at)
		VALUES ($1, $2, $3, statement_timestamp() + least($4::bigint, $5::bigint) * interval '1 microsecond',
			statement_timestamp() + $5::bigint * interval '1 microsecond')`,
	selectOperatorSession: `SELECT operator, epoch, (extract(epoch FROM expires_at - statement_timestamp()) * 1000000)::bigint
		FROM (SELECT * FROM operator_sessions WHERE hash = $1 OFFSET 0) AS s WHERE expires_at > statement_timestamp()`,
	extendOperatorSession: `UPDATE operator_sessions SET expires_at = least(statement_timestamp() + $2::bigint * interval '1 microsecond', ends_at)
		WHERE hash = $1`,
	deleteOperatorSession:   `DELETE FROM operator_sessions WHERE hash = $1`,
	deleteOperatorsSessions: `DELETE FROM operator_sessions WHERE operator = $1`,
	deleteExpiredSessions: `DELETE FROM operator_sessions WHERE hash = ANY (ARRAY(
		SELECT hash FROM operator_sessions WHERE expires_at <= statement_timestamp() ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED))`,

	selectReplay: `SELECT r.batch, r.until, r.body, b.id IS NOT NULL AND b.finished_at IS NULL FROM replays AS r
		LEFT JOIN LATERAL (SELECT id, finished_at FROM batches WHERE tenant = $1 AND id = r.batch OFFSET 0) AS b ON true
		WHERE r.tenant = $1 AND r.fingerprint = $2`,
	upsertReplay: `INSERT INTO replays (tenant, fingerprint, batch, until, body) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (tenant, fingerprint) DO UPDATE SET batch = excluded.batch, until = excluded.until, body = excluded.body`,
	deleteReplays: remove("replays", `(SELECT fingerprint FROM replays
		WHERE tenant = $1 AND until <= statement_timestamp() ORDER BY until LIMIT $2) AS n`, "t.fingerprint = n.fingerprint"),
	selectBatchExists: `SELECT EXISTS (SELECT 1 FROM batches WHERE tenant = $1 AND id = $2)`,
	// The last is for how many microseconds it is staged; NULL: it is accepted.
	insertBatch: `INSERT INTO batches (tenant, id, sequence, contract, lane, mode, name, app_id, actor, actor_level, trace_id, total,
		accepted_at, parent, origin, guarded, source, withheld, passwords, payload_key, payload_key_version, kept_key, kept_key_version, staged_until)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23,
			statement_timestamp() + $24::bigint * interval '1 microsecond')`,
	// Of the contract $3; 0: any.
	selectBatch: `SELECT ` + batchColumns + `, ` + batchProgress + ` FROM batches AS b
		WHERE b.tenant = $1 AND b.id = $2 AND (b.contract = $3 OR $3 = 0) AND ` + accepted,
	selectBatches: `SELECT ` + batchColumns + `, ` + batchProgress + ` FROM batches AS b
		WHERE b.tenant = $1 AND b.id < $2 AND ` + accepted + ` ORDER BY b.id DESC LIMIT $3`,
	selectUnfinished: `SELECT ` + batchColumns + `, ` + batchProgress + ` FROM batches AS b
		WHERE b.tenant = $1 AND b.id < $2 AND b.finished_at IS NULL AND ` + accepted + ` ORDER BY b.id DESC LIMIT $3`,
	// Counts, and ends what has its last outcome: its payload key is gone for good, and so is its kept key if nothing was kept.
	// A dry run (mode 1) holds its payload key until $3.
	updateBatches: change("batches", `succeeded = t.succeeded + n.succeeded, failed = t.failed + n.failed, skipped = t.skipped + n.skipped,
		cancelled = t.cancelled + n.cancelled, started_at = coalesce(t.started_at, $2),
		finished_at = CASE WHEN n.ends THEN $2::timestamptz END,
		held_until = CASE WHEN n.ends AND t.mode = 1 THEN $3::timestamptz END,
		payload_key = CASE WHEN NOT n.ends OR t.mode = 1 THEN t.payload_key END,
		payload_key_version = CASE WHEN NOT n.ends OR t.mode = 1 THEN t.payload_key_version END,
		kept_key = CASE WHEN NOT n.ends OR `+anythingKept+` THEN t.kept_key END,
		kept_key_version = CASE WHEN NOT n.ends OR `+anythingKept+` THEN t.kept_key_version END`,
		`unnest($4::bigint[], $5::integer[], $6::integer[], $7::integer[], $8::integer[], $9::boolean[])
			AS n(id, succeeded, failed, skipped, cancelled, ends)`, "t.id = n.id"),
	updateMode: `UPDATE batches SET mode = $3, sequence = $4 WHERE tenant = $1 AND id = $2`,
	updateCheckProgress: `UPDATE batches SET checked = checked + $3, differing = differing + $4, started_at = coalesce(started_at, $5)
		WHERE tenant = $1 AND id = $2`,
	insertChunk: `INSERT INTO chunks (tenant, batch, first_row, rows, lane, rank, sequence, first_id, first_user, payload)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
	selectChunk: `SELECT rows, lane, rank, sequence, octet_length(payload) FROM chunks
		WHERE tenant = $1 AND batch = $2 AND first_row = $3 AND lane > 0`,
	selectChunks: taken("c.lane = $2 AND (c.rank, c.sequence, c.first_row) > ($3, $4, $5)",
		"c.lane = $2 AND (c.rank, c.sequence, c.first_row) > (t.rank, t.sequence, t.first_row)", "c.rank, c.sequence, c.first_row", "$6", "b.id = c.batch"),
	// $2 and $3 are batches and first rows; the answer names their places in these lists.
	selectLive: `SELECT n.at, c.rows, c.bytes, c.lane, c.rank, b.lane, b.mode, b.sequence, b.decided, b.checked, b.differing, b.total
		FROM unnest($2::bigint[], $3::integer[]) WITH ORDINALITY AS n(batch, first_row, at)
		CROSS JOIN LATERAL (SELECT rows, octet_length(payload) AS bytes, lane, rank FROM chunks
			WHERE tenant = $1 AND batch = n.batch AND first_row = n.first_row AND lane > 0 OFFSET 0) AS c
		CROSS JOIN LATERAL (SELECT lane, mode, sequence, succeeded + failed + skipped + cancelled AS decided, checked, differing, total FROM batches
			WHERE tenant = $1 AND id = n.batch OFFSET 0) AS b`,
	// Of LaneOrdered.
	selectFirstOrdered: `SELECT batch, first_row FROM chunks WHERE tenant = $1 AND lane = 2 ORDER BY rank, sequence, first_row LIMIT $2`,
	selectQueued:       `SELECT tenant, queued_rows FROM tenant_usage WHERE queued_rows > 0`,
	selectLanes: `SELECT l.lane FROM (VALUES (1), (2), (3)) AS l(lane)
		CROSS JOIN LATERAL (SELECT FROM chunks WHERE tenant = $1 AND lane = l.lane ORDER BY rank LIMIT 1) AS c`,
	deleteChunks: remove("chunks", `unnest($2::bigint[], $3::integer[]) AS n(batch, first_row)`, "t.batch = n.batch AND t.first_row = n.first_row"),
	// Whose rows are not to be done now: they stay for later, in no lane.
	holdChunks: change("chunks", "lane = 0", `unnest($2::bigint[], $3::integer[]) AS n(batch, first_row)`, "t.batch = n.batch AND t.first_row = n.first_row"),
	// Puts those of the batch $2 from row $5 on into the lane $3, at its end: where that stands, or in LaneOrdered (2) behind all
	// by the sequence $4.
	moveChunks: `UPDATE chunks SET lane = $3::smallint, sequence = $4, rank = CASE WHEN $3::smallint = 2 THEN 0
		ELSE coalesce((SELECT position FROM lanes WHERE tenant = $1 AND lane = $3::smallint), 0) + first_row - $5::integer END
		WHERE tenant = $1 AND batch = $2 AND first_row >= $5::integer`,
	upsertLane: `INSERT INTO lanes AS l (tenant, lane, position) VALUES ($1, $2, $3)
		ON CONFLICT (tenant, lane) DO UPDATE SET position = greatest(l.position, excluded.position)`,
	selectLane:     `SELECT position FROM lanes WHERE tenant = $1 AND lane = $2`,
	insertOutcomes: insertOutcomesInto("outcomes"),
	selectOutcomes: `SELECT ` + outcomeColumns + ` FROM outcomes WHERE tenant = $1 AND batch = $2 AND row >= $3 ORDER BY row LIMIT $4`,
	// Of the result $5 and the reason $6, of which 0 is any; of each pair that there is, as many as are wanted in all.
	selectHistory: `SELECT ` + batchColumns + `, ` + batchProgress + `, ` + outcomeOfO + ` FROM (SELECT batch, ` + outcomeColumns + ` FROM outcomes
			WHERE tenant = $1 AND user_id = $2 AND user_id <> 0 AND (batch, row) < ($3, $4) ORDER BY batch DESC, row DESC) AS o
		CROSS JOIN LATERAL (SELECT * FROM batches WHERE tenant = $1 AND id = o.batch OFFSET 0) AS b
		WHERE b.mode <> 1 AND ` + accepted + ` ORDER BY o.batch DESC, o.row DESC LIMIT $5`,
	selectOutcomesByReason: `SELECT o.* FROM (SELECT result, reason FROM reasons WHERE tenant = $1 AND batch = $2 AND result <> 1 OFFSET 0) AS r
		CROSS JOIN LATERAL (SELECT ` + outcomeColumns + ` FROM outcomes
			WHERE tenant = $1 AND batch = $2 AND result = r.result AND reason = r.reason AND result <> 1 AND row >= $3 ORDER BY row LIMIT $4) AS o
		WHERE (r.result = $5 OR $5 = 0) AND (r.reason = $6 OR $6 = 0) ORDER BY o.row LIMIT $4`,
	selectSucceeded: `SELECT ` + outcomeColumns + ` FROM outcomes
		WHERE tenant = $1 AND batch = $2 AND row >= $3 AND result = 1 ORDER BY row LIMIT $4`,
	// Whatever did not succeed is kept, so that chunks of which nothing is need not be walked. $3 is the first row asked for,
	// $4 how many rows a chunk holds at most.
	selectFailures: `SELECT o.row, o.id, o.result, o.reason, o.field, o.detail, o.user_id, o.subject FROM kept AS k
		CROSS JOIN LATERAL (SELECT * FROM outcomes AS o
			WHERE o.tenant = $1 AND o.batch = $2 AND o.row >= greatest(k.first_row, $3) AND o.row < k.first_row + k.rows AND o.result <> 1
			ORDER BY o.row) AS o
		WHERE k.tenant = $1 AND k.batch = $2 AND k.first_row > $3::integer - $4::integer ORDER BY k.first_row, o.row LIMIT $5`,
	insertKept: `INSERT INTO kept (tenant, batch, first_row, rows, sealed)
		SELECT $1, n.* FROM unnest($2::bigint[], $3::integer[], $4::integer[], $5::bytea[]) AS n`,
	selectKept: `SELECT k.first_row, k.rows, k.sealed, b.kept_key FROM batches AS b JOIN kept AS k ON k.tenant = $1 AND k.batch = $2
		WHERE b.tenant = $1 AND b.id = $2 AND k.first_row > $3::integer - $4::integer AND k.first_row + k.rows > $3 AND k.first_row <= $5
		ORDER BY k.first_row LIMIT $6`,

	upsertReasons: `INSERT INTO reasons AS r (tenant, batch, result, reason, rows)
		SELECT $1, n.* FROM unnest($2::bigint[], $3::smallint[], $4::smallint[], $5::integer[]) AS n
		ON CONFLICT (tenant, batch, result, reason) DO UPDATE SET rows = r.rows + excluded.rows`,
	selectReasons:     `SELECT result, reason, rows FROM reasons WHERE tenant = $1 AND batch = $2 ORDER BY result, reason`,
	insertDifferences: insertOutcomesInto("differences"),
	selectDifferences: `SELECT ` + outcomeColumns + ` FROM differences WHERE tenant = $1 AND batch = $2 AND row >= $3 ORDER BY row LIMIT $4`,
	selectSourceUsers: `SELECT id, level, disabled FROM users WHERE tenant = $1 AND source = $2 AND source <> '' AND id > $3 ORDER BY id LIMIT $4`,

	// What is to be known of a batch that is to be appended to, or accepted: of it, of its parent, and its successor.
	selectStaging: `SELECT b.staged_until IS NULL, coalesce(b.staged_until > statement_timestamp(), false), b.total, b.origin, p.id IS NOT NULL,
			coalesce(p.held_until > statement_timestamp(), false), coalesce(e.id, 0) FROM batches AS b
		LEFT JOIN LATERAL (SELECT id, held_until FROM batches WHERE tenant = $1 AND id = b.parent AND NOT forgotten OFFSET 0) AS p ON true
		LEFT JOIN LATERAL (` + successor("b.parent", "b.origin") + `) AS e ON true
		WHERE b.tenant = $1 AND b.id = $2`,
	selectSuccessor: successor("$2", "$3"),
	extendStaging: `UPDATE batches SET staged_until = statement_timestamp() + $3::bigint * interval '1 microsecond', total = total + $4
		WHERE tenant = $1 AND id = $2`,
	completeBatch: `UPDATE batches SET staged_until = NULL, sequence = $3, lane = $4, mode = $5, passwords = $6, withheld = $7, accepted_at = $8
		WHERE tenant = $1 AND id = $2`,
	discardBatch: `UPDATE batches SET staged_until = statement_timestamp(), forgotten = true, payload_key = NULL, payload_key_version = NULL,
		kept_key = NULL, kept_key_version = NULL WHERE tenant = $1 AND id = $2`,
	selectHeld: taken("c.batch = $2 AND c.first_row >= $3", "c.batch = $2 AND c.first_row > t.first_row", "c.first_row", "$4",
		"b.id = c.batch AND b.mode = 1 AND b.held_until > statement_timestamp() AND NOT b.forgotten"),

	selectOverlayByID:      each(overlayColumns, "overlay", "batch = $3 AND user_id = n.key", "bigint"),
	selectOverlayByAccount: overlaid("account_key"),
	selectOverlayByPhone:   overlaid("phone_key"),
	selectOverlayByEmail:   overlaid("email_key"),
	upsertOverlay: `INSERT INTO overlay (tenant, batch, ` + overlayColumns + `)
		SELECT $1, $2, n.* FROM unnest($3::bigint[], $4::text[], $5::text[], $6::text[], $7::boolean[], $8::bytea[]) AS n
		ON CONFLICT (tenant, batch, user_id) DO UPDATE SET account_key = excluded.account_key, phone_key = excluded.phone_key,
			email_key = excluded.email_key, gone = excluded.gone, data = excluded.data`,
	selectPredicted: `SELECT predicted_users, predicted_capacity_gb, predicted_admins FROM batches WHERE tenant = $1 AND id = $2`,
	updatePredicted: `UPDATE batches SET predicted_users = $3, predicted_capacity_gb = $4, predicted_admins = $5, overlaid = true
		WHERE tenant = $1 AND id = $2`,

	// One of each kind: staged for too long (1), held for long enough (2), and an overlay that is needed no more (3); whether its chunks
	// no longer count to the queue, or nobody needs them any more.
	selectExpired: `(SELECT 1, id, forgotten FROM batches WHERE tenant = $1 AND staged_until <= statement_timestamp() ORDER BY staged_until LIMIT 1)
		UNION ALL (SELECT 2, id, true FROM batches WHERE tenant = $1 AND held_until <= statement_timestamp() AND payload_key IS NOT NULL
			ORDER BY held_until LIMIT 1)
		UNION ALL (SELECT 3, id, mode = 4 FROM batches
			WHERE tenant = $1 AND overlaid AND (finished_at IS NOT NULL OR mode NOT IN (1, 2)) ORDER BY id LIMIT 1)`,
	// One by which another goes stays until that is finished.
	selectForgotten: `SELECT b.id FROM batches AS b WHERE b.tenant = $1 AND b.finished_at < $2 AND NOT EXISTS (SELECT 1 FROM batches AS c
		WHERE c.tenant = $1 AND c.parent = b.id AND c.parent <> 0 AND c.finished_at IS NULL AND NOT c.forgotten OFFSET 0)
		ORDER BY b.finished_at LIMIT 1`,
	forgetBatch:       `UPDATE batches SET forgotten = true WHERE tenant = $1 AND id = $2`,
	deleteOutcomes:    some("outcomes", "row"),
	deleteKept:        some("kept", "first_row"),
	deleteDifferences: some("differences", "row"),
	deleteOverlay:     some("overlay", "user_id"),
	clearOverlaid:     `UPDATE batches SET overlaid = false WHERE tenant = $1 AND id = $2`,
	// Of those that have no turn.
	deleteHeld: `DELETE FROM chunks WHERE tenant = $1 AND batch = $2 AND lane = 0 AND first_row <= (SELECT max(first_row) FROM
		(SELECT first_row FROM chunks WHERE tenant = $1 AND batch = $2 AND lane = 0 ORDER BY first_row LIMIT $3) AS o)`,
	deleteStaged:    `DELETE FROM batches WHERE tenant = $1 AND id = $2 AND staged_until IS NOT NULL`,
	erasePayloadKey: `UPDATE batches SET payload_key = NULL, payload_key_version = NULL WHERE tenant = $1 AND id = $2`,
	deleteReasons:   `DELETE FROM reasons WHERE tenant = $1 AND batch = $2`,
	deleteBatch:     `DELETE FROM batches WHERE tenant = $1 AND id = $2`,
}
