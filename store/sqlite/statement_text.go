package sqlite

var userMatches = anyMatches("account", "phone", "email", "first_name", "surname", "display_name")

// statementText is every statement's text.
var statementText = textOf(directoryText, batchText, trailText)

func textOf(parts ...map[statement]string) (all [statementCount]string) {
	for _, part := range parts {
		for s, text := range part {
			all[s] = text
		}
	}
	return all
}

// directoryText is of everything but batches.
var directoryText = map[statement]string{
	insertTenant:      `INSERT INTO tenants (` + tenantColumns + `) ` + values(1, 7),
	selectTenant:      `SELECT ` + tenantColumns + ` FROM tenants WHERE id = ?`,
	selectTenantNamed: `SELECT ` + tenantColumns + ` FROM tenants WHERE name = ?`,
	selectTenantAt:    `SELECT ` + tenantColumns + ` FROM tenants WHERE host = ?`,
	selectSoleTenant:  `SELECT ` + tenantColumns + ` FROM tenants WHERE (SELECT count(*) FROM tenants) = 1`,
	selectTenants:     `SELECT ` + tenantColumns + ` FROM tenants ORDER BY id`,
	selectTenantIDs:   `SELECT id FROM tenants ORDER BY id`,
	selectAnyTenant:   `SELECT EXISTS (SELECT 1 FROM tenants)`,
	updateTenant:      `UPDATE tenants SET name = ?, host = ?, settings = ? WHERE id = ?`,
	insertUsage:       `INSERT INTO tenant_usage (tenant, users, capacity_gb, system_admins) VALUES (?, ?, ?, ?)`,
	selectUsage: `SELECT users, capacity_gb, system_admins, queued_rows, queued_bytes, accept_sequence FROM tenant_usage
		WHERE tenant = ?`,
	updateUsageApplied: `UPDATE tenant_usage SET users = ?, capacity_gb = ?, system_admins = ?,
		queued_rows = queued_rows - ?, queued_bytes = queued_bytes - ? WHERE tenant = ?`,
	updateUsageAccepted: `UPDATE tenant_usage SET queued_rows = queued_rows + ?, queued_bytes = queued_bytes + ?,
		accept_sequence = ? WHERE tenant = ?`,
	updateUsageSplit: `UPDATE tenant_usage SET queued_bytes = queued_bytes + ? WHERE tenant = ?`,
	selectQueued:     `SELECT tenant, queued_rows FROM tenant_usage WHERE queued_rows > 0`,
	upsertDay: `INSERT INTO days (tenant, day, users, succeeded, failed, skipped, cancelled) ` + values(1, 7) + ` ON CONFLICT (tenant, day) DO UPDATE SET
		users = excluded.users, succeeded = succeeded + excluded.succeeded, failed = failed + excluded.failed, skipped = skipped + excluded.skipped,
		cancelled = cancelled + excluded.cancelled`,
	// From the last one on that is not after ?2, which says how many users there were then.
	selectDays: `SELECT day, users, succeeded, failed, skipped, cancelled FROM days WHERE tenant = ?1
		AND day >= coalesce((SELECT max(day) FROM days WHERE tenant = ?1 AND day <= ?2), ?2) ORDER BY day LIMIT ?3`,
	deleteDays: `DELETE FROM days WHERE tenant = ?1 AND day IN (SELECT day FROM days WHERE tenant = ?1
		AND day < (SELECT max(day) FROM days WHERE tenant = ?1 AND day <= ?2) LIMIT ?3)`,
	selectPhoneUser: `SELECT EXISTS (SELECT 1 FROM users INDEXED BY users_phone WHERE tenant = ? AND phone_key IS NOT NULL)`,

	insertUser:  `INSERT INTO users (` + userKeyed + `) ` + values(1, userKeyedCount),
	insertUsers: `INSERT INTO users (` + userKeyed + `) ` + values(insertRows, userKeyedCount),
	// Updates go a user at a time: lists were measured to be no faster. To leave the keys alone where they do not change
	// is: 8 ms a thousand users, instead of 15.
	updateUser: `UPDATE users SET account = ?, phone = ?, email = ?, first_name = ?, surname = ?, display_name = ?,
		password_hash = ?, level = ?, disabled = ?, department = ?, capacity_gb = ?, roles = ?,
		must_change_password = ?, token_epoch = ?, source = ?, updated_at = ?
		WHERE tenant = ? AND id = ?`,
	updateUserKeys:  `UPDATE users SET account_key = ?, phone_key = ?, email_key = ? WHERE tenant = ? AND id = ?`,
	updateUserNames: `UPDATE users SET display_name_key = ?, full_name_key = ?, surname_key = ? WHERE tenant = ? AND id = ?`,
	releaseKeys: `UPDATE users SET account_key = NULL, phone_key = NULL, email_key = NULL
		WHERE tenant = ?1 AND id IN (SELECT value FROM json_each(?2))`,
	deleteUsers: `DELETE FROM users WHERE tenant = ?1 AND id IN (SELECT value FROM json_each(?2))`,
	selectUser:  `SELECT ` + userColumns + ` FROM users WHERE tenant = ? AND id = ?`,
	selectUsersByID: `SELECT ` + userColumns + ` FROM users
		WHERE tenant = ?1 AND users.id IN (SELECT value FROM json_each(?2))`,
	selectFewByAccount:  lookup(userColumns, "account_key", "users_account", lookupFew),
	selectManyByAccount: lookup(userColumns, "account_key", "users_account", lookupMany),
	selectFewByPhone:    lookup(userColumns, "phone_key", "users_phone", lookupFew),
	selectManyByPhone:   lookup(userColumns, "phone_key", "users_phone", lookupMany),
	selectFewByEmail:    lookup(userColumns, "email_key", "users_email", lookupFew),
	selectManyByEmail:   lookup(userColumns, "email_key", "users_email", lookupMany),

	// The index alone answers these.
	outlineFewByAccount:  lookup("id, account_key, NULL, NULL", "account_key", "users_account", lookupFew),
	outlineManyByAccount: lookup("id, account_key, NULL, NULL", "account_key", "users_account", lookupMany),
	outlineFewByPhone:    lookup("id, NULL, phone_key, NULL", "phone_key", "users_phone", lookupFew),
	outlineManyByPhone:   lookup("id, NULL, phone_key, NULL", "phone_key", "users_phone", lookupMany),
	outlineFewByEmail:    lookup("id, NULL, NULL, email_key", "email_key", "users_email", lookupFew),
	outlineManyByEmail:   lookup("id, NULL, NULL, email_key", "email_key", "users_email", lookupMany),

	selectEnabledByEmail: `SELECT ` + userColumns + ` FROM users INDEXED BY users_email
		WHERE tenant = ? AND email_key = ? AND disabled = 0 LIMIT ?`,
	selectSourceUsers: `SELECT id, level, disabled FROM users INDEXED BY users_source
		WHERE tenant = ? AND source = ? AND id > ? ORDER BY id LIMIT ?`,
	selectAdministrators: `SELECT ` + userColumns + ` FROM users INDEXED BY users_administrators
		WHERE tenant = ? AND level = 2 AND disabled = 0 ORDER BY id LIMIT ?`,

	insertDepartment:   `INSERT INTO departments (tenant, id, parent, name, id_path, name_path, created_at) ` + values(1, 7),
	selectDepartment:   `SELECT ` + departmentColumns + ` FROM departments WHERE tenant = ? AND id = ?`,
	selectDepartmentAt: `SELECT ` + departmentColumns + ` FROM departments WHERE tenant = ? AND name_path = ?`,
	selectDepartmentsByID: `SELECT ` + departmentColumns + ` FROM departments
		WHERE tenant = ?1 AND departments.id IN (SELECT value FROM json_each(?2))`,
	selectDepartmentsByPath: `SELECT d.id, d.parent, d.name, d.id_path, d.name_path, d.created_at FROM json_each(?2) AS wanted
		CROSS JOIN departments AS d INDEXED BY departments_name_path ON d.tenant = ?1 AND d.name_path = wanted.value`,
	// Two of a name are enough to know that it says too little.
	selectDepartmentsByName: `SELECT d.id, d.parent, d.name, d.id_path, d.name_path, d.created_at FROM json_each(?2) AS wanted
		CROSS JOIN departments AS d ON d.tenant = ?1 AND d.id IN (
			SELECT id FROM departments INDEXED BY departments_name
			WHERE tenant = ?1 AND name = wanted.value AND id_path >= ?3 AND id_path < ?4 LIMIT 2)`,
	selectChildren: `SELECT ` + departmentColumns + ` FROM departments INDEXED BY departments_parent
		WHERE tenant = ?1 AND parent = ?4 AND name > ?5 AND ` + anyMatches("name") + ` ORDER BY name LIMIT ?6`,
	selectMatchingDepartment: `SELECT ` + departmentColumns + ` FROM departments WHERE tenant = ?1 AND id = ?4 AND ` + anyMatches("name") + ` LIMIT ?5`,
	selectTree: `SELECT ` + departmentColumns + ` FROM departments INDEXED BY departments_name_path
		WHERE tenant = ?1 AND name_path > ?4 AND name_path < ?5 AND ` + anyMatches("name") + ` ORDER BY name_path LIMIT ?6`,
	selectDeepest: `SELECT coalesce(max(length(id_path) - length(replace(id_path, '/', ''))), 0) FROM departments
		INDEXED BY departments_id_path WHERE tenant = ? AND id_path >= ? AND id_path < ?`,
	countDepartment: `SELECT (SELECT count(*) FROM users INDEXED BY users_department WHERE tenant = ?1 AND department = ?2),
		(SELECT count(*) FROM departments INDEXED BY departments_parent WHERE tenant = ?1 AND parent = ?2)`,
	updateDepartment: `UPDATE departments SET parent = ?, name = ?, id_path = ?, name_path = ?
		WHERE tenant = ? AND id = ? AND id_path = ? AND name_path = ?`,
	moveDepartments: `UPDATE departments SET id_path = ?4 || substr(id_path, length(?2) + 1), name_path = ?6 || substr(name_path, length(?5) + 1)
		WHERE tenant = ?1 AND id_path > ?2 AND id_path < ?3`,
	deleteDepartments: `DELETE FROM departments WHERE tenant = ?1 AND id IN (SELECT value FROM json_each(?2))`,

	upsertActivation: `INSERT INTO activations (tenant, user, hash, expires_at) VALUES (?, ?, ?, ?)
		ON CONFLICT (tenant, user) DO UPDATE SET hash = excluded.hash, expires_at = excluded.expires_at`,
	selectActivations: `SELECT user, hash, expires_at FROM activations WHERE tenant = ?1 AND user IN (SELECT value FROM json_each(?2))`,
	deleteActivations: `DELETE FROM activations WHERE tenant = ?1 AND user IN (SELECT value FROM json_each(?2))`,
	purgeActivations: `DELETE FROM activations WHERE tenant = ?1 AND user IN
		(SELECT user FROM activations INDEXED BY activations_expires WHERE tenant = ?1 AND expires_at <= ?2 LIMIT ?3)`,
	searchAccounts: search("account_key", "users_account"),
	searchPhones:   search("phone_key", "users_phone"),
	searchEmails:   search("email_key", "users_email"),
	// Indexes are merged, as far as the page goes.
	searchNames: found("display_name_key", "users_display_name") + ` UNION ALL ` + found("full_name_key", "users_full_name") + `
		UNION ALL ` + found("surname_key", "users_surname") + ` ORDER BY name, id LIMIT ?5`,

	updateSignIn: `UPDATE users SET password_hash = ?, must_change_password = ?, token_epoch = ? WHERE tenant = ? AND id = ?`,

	pageUsers: `SELECT ` + userColumns + ` FROM users WHERE tenant = ?1 AND id > ?8 ORDER BY id LIMIT ?6 OFFSET ?7`,
	pageUsersMatching: `SELECT ` + userColumns + ` FROM users WHERE tenant = ?1 AND id > ?8 AND ` + userMatches + `
		ORDER BY id LIMIT ?6 OFFSET ?7`,
	// The index alone leads to the page.
	pageUsersWithin: `SELECT ` + userColumns + ` FROM (
			SELECT department AS home, id AS user FROM ` + usersWithin + ` ORDER BY department, id LIMIT ?6 OFFSET ?7) AS page
		CROSS JOIN users ON tenant = ?1 AND id = page.user ORDER BY page.home, page.user`,
	pageUsersMatchingWithin: `SELECT ` + userColumns + ` FROM ` + usersWithin + ` AND ` + userMatches + `
		ORDER BY department, id LIMIT ?6 OFFSET ?7`,
	// What is left of the department in which the page before ended.
	pageUsersOf:         usersOf + ` ORDER BY id LIMIT ?6`,
	pageUsersMatchingOf: usersOf + ` AND ` + userMatches + ` ORDER BY id LIMIT ?6`,
	countUsersMatching:  `SELECT count(*) FROM users WHERE tenant = ?1 AND ` + userMatches,
	countUsersWithin:    `SELECT count(*) FROM ` + usersWithin,
	pageRoleUsers: `SELECT ` + userColumns + ` FROM (
			SELECT user FROM user_roles WHERE tenant = ?1 AND role = ?2 AND user > ?3 ORDER BY user LIMIT ?4 OFFSET ?5) AS page
		CROSS JOIN users ON tenant = ?1 AND id = page.user ORDER BY page.user`,
	countUsersMatchingWithin: `SELECT count(*) FROM ` + usersWithin + ` AND ` + userMatches,

	insertRole:      `INSERT INTO roles (tenant, id, name, created_at) VALUES (?, ?, ?, ?)`,
	selectRole:      `SELECT tenant, id, name, created_at FROM roles WHERE tenant = ? AND id = ?`,
	selectRoleNamed: `SELECT tenant, id, name, created_at FROM roles WHERE tenant = ? AND name = ?`,
	selectRoles:     `SELECT tenant, id, name, created_at FROM roles WHERE tenant = ? AND id > ? ORDER BY id LIMIT ?`,
	selectRolesByID: `SELECT id FROM roles WHERE tenant = ?1 AND id IN (SELECT value FROM json_each(?2))`,
	updateRole:      `UPDATE roles SET name = ? WHERE tenant = ? AND id = ?`,
	deleteRole:      `DELETE FROM roles WHERE tenant = ? AND id = ?`,
	// ?2 is a JSON array of [role, user].
	insertUserRoles: `INSERT INTO user_roles (tenant, role, user)
		SELECT ?1, value ->> 0, value ->> 1 FROM json_each(?2) WHERE true ON CONFLICT DO NOTHING`,
	deleteUserRoles: `DELETE FROM user_roles WHERE tenant = ?1 AND (role, user) IN (
		SELECT r.value, u.id FROM json_each(?2) AS wanted
		CROSS JOIN users AS u ON u.tenant = ?1 AND u.id = wanted.value CROSS JOIN json_each(u.roles) AS r)`,
	selectRoleUsers: `SELECT user FROM user_roles WHERE tenant = ? AND role = ? ORDER BY user`,
	countRoleUsers:  `SELECT count(*) FROM user_roles WHERE tenant = ? AND role = ?`,
	takeRole: `UPDATE users SET updated_at = ?3, token_epoch = token_epoch + 1, roles = (
		SELECT nullif(json_group_array(r.value), '[]') FROM json_each(users.roles) AS r WHERE r.value <> ?2)
		WHERE tenant = ?1 AND id IN (SELECT user FROM user_roles WHERE tenant = ?1 AND role = ?2)`,
	deleteRoleUsers: `DELETE FROM user_roles WHERE tenant = ? AND role = ?`,

	insertCredential:       `INSERT INTO credentials (tenant, app_id, name, disabled, scopes, created_at) VALUES (?, ?, ?, ?, ?, ?)`,
	selectCredential:       `SELECT tenant, app_id, name, disabled, scopes, created_at FROM credentials WHERE app_id = ?`,
	selectTenantCredential: `SELECT tenant, app_id, name, disabled, scopes, created_at FROM credentials WHERE tenant = ? AND app_id = ?`,
	selectTenantCredentials: `SELECT tenant, app_id, name, disabled, scopes, created_at FROM credentials WHERE tenant = ?
		ORDER BY created_at, app_id`,
	updateCredential: `UPDATE credentials SET name = ?, disabled = ?, scopes = ? WHERE tenant = ? AND app_id = ?`,
	insertSecret: `INSERT INTO credential_secrets (tenant, app_id, position, sealed, key_version, created_at, expires_at)
		VALUES (?, ?, ?, ?, ?, ?, ?)`,
	deleteSecrets:       `DELETE FROM credential_secrets WHERE tenant = ? AND app_id = ?`,
	selectSecrets:       `SELECT sealed, created_at, expires_at FROM credential_secrets WHERE tenant = ? AND app_id = ? ORDER BY position`,
	selectTenantSecrets: `SELECT app_id, position, key_version, sealed FROM credential_secrets WHERE tenant = ?`,

	upsertProfile: `INSERT INTO federation_profiles (tenant, profile, sealed, key_version) VALUES (?, ?, ?, ?)
		ON CONFLICT (tenant) DO UPDATE SET profile = excluded.profile, sealed = excluded.sealed, key_version = excluded.key_version`,
	selectProfile:        `SELECT profile, sealed FROM federation_profiles WHERE tenant = ?`,
	selectWrappedProfile: `SELECT sealed FROM federation_profiles WHERE tenant = ? AND key_version = ?`,
	replaceProfileSecret: `UPDATE federation_profiles SET sealed = ?, key_version = ? WHERE tenant = ? AND sealed = ?`,
	countProfileSecret: `SELECT key_version, count(*) FROM federation_profiles WHERE tenant = ? AND key_version IS NOT NULL
		GROUP BY key_version`,
	selectProfileSecretUse: `SELECT EXISTS (SELECT 1 FROM federation_profiles WHERE tenant = ? AND key_version = ?)`,

	insertToken: `INSERT INTO tokens (tenant, hash, kind, app_id, secret_at, user, epoch, family, issued_at, expires_at) ` + values(1, 10),
	selectToken: `SELECT tenant, kind, app_id, secret_at, coalesce(user, 0), coalesce(epoch, 0), coalesce(family, 0), issued_at, expires_at
		FROM tokens WHERE hash = ? AND expires_at > ?`,
	selectRefresh: `SELECT family, used_at FROM tokens WHERE tenant = ? AND hash = ? AND kind = ? AND expires_at > ?`,
	useRefresh:    `UPDATE tokens SET used_at = ? WHERE tenant = ? AND hash = ? AND used_at IS NULL`,
	deleteFamily:  `DELETE FROM tokens INDEXED BY tokens_family WHERE tenant = ? AND family = ?`,
	deleteTokens: `DELETE FROM tokens WHERE tenant = ?1 AND hash IN
		(SELECT hash FROM tokens INDEXED BY tokens_expires WHERE tenant = ?1 AND expires_at <= ?2 LIMIT ?3)`,
	upsertAttempt: `INSERT INTO refused_attempts (key, attempts, until) VALUES (?1, 1, ?3)
		ON CONFLICT (key) DO UPDATE SET attempts = iif(until <= ?2, 1, attempts + 1), until = iif(until <= ?2, ?3, until)`,
	selectAttempt: `SELECT attempts, until FROM refused_attempts WHERE key = ? AND until > ?`,
	deleteAttempts: `DELETE FROM refused_attempts WHERE key IN
		(SELECT key FROM refused_attempts INDEXED BY refused_attempts_until WHERE until <= ?1 LIMIT ?2)`,

	insertOperator:             `INSERT INTO operators (` + operatorColumns + `) ` + values(1, 15),
	selectOperator:             `SELECT ` + operatorColumns + ` FROM operators WHERE id = ?`,
	selectOperatorByEmail:      `SELECT ` + operatorColumns + ` FROM operators WHERE email_key = ?`,
	selectOperatorBySubject:    `SELECT ` + operatorColumns + ` FROM operators WHERE subject = ?`,
	selectOperatorByInvitation: `SELECT ` + operatorColumns + ` FROM operators WHERE invitation = ? AND invited_until > ?`,
	selectOperators:            `SELECT ` + operatorColumns + ` FROM operators ORDER BY id`,
	updateOperator: `UPDATE operators SET name = ?, email = ?, role = ?, disabled = ?, password_hash = ?, language = ?, epoch = ?,
		invitation = ?, invited_until = ?, last_seen_at = ? WHERE id = ?`,
	seeOperator:             `UPDATE operators SET last_seen_at = ? WHERE id = ?`,
	deleteOperator:          `DELETE FROM operators WHERE id = ?`,
	insertOperatorSession:   `INSERT INTO operator_sessions (hash, operator, epoch, expires_at, ends_at) ` + values(1, 5),
	selectOperatorSession:   `SELECT operator, epoch, expires_at FROM operator_sessions WHERE hash = ? AND expires_at > ?`,
	extendOperatorSession:   `UPDATE operator_sessions SET expires_at = min(?, ends_at) WHERE hash = ?`,
	deleteOperatorSession:   `DELETE FROM operator_sessions WHERE hash = ?`,
	deleteOperatorsSessions: `DELETE FROM operator_sessions WHERE operator = ?`,
	deleteExpiredSessions: `DELETE FROM operator_sessions WHERE hash IN
		(SELECT hash FROM operator_sessions INDEXED BY operator_sessions_expires WHERE expires_at <= ?1 LIMIT ?2)`,

	upsertNode: `INSERT INTO nodes (node, last_id) VALUES (?, ?)
		ON CONFLICT (node) DO UPDATE SET last_id = max(last_id, excluded.last_id)`,
	selectIDFloor: `SELECT coalesce(max(last_id), 0) FROM nodes`,

	selectKeys:       `SELECT purpose, version, wrapped, master_id, created_at FROM key_records`,
	selectKeyVersion: `SELECT EXISTS (SELECT 1 FROM key_records WHERE purpose = ? AND version = ?)`,
	insertKey:        `INSERT INTO key_records (purpose, version, wrapped, master_id, created_at) VALUES (?, ?, ?, ?, ?)`,
	rewrapKey:        `UPDATE key_records SET wrapped = ?, master_id = ? WHERE purpose = ? AND version = ? AND wrapped = ?`,
	deleteKey:        `DELETE FROM key_records WHERE purpose = ? AND version = ?`,
	selectWrappedPayloadKeys: `SELECT id, payload_key FROM batches INDEXED BY batches_payload_key
		WHERE tenant = ? AND payload_key_version = ? AND id > ? ORDER BY id LIMIT ?`,
	selectWrappedKeptKeys: `SELECT id, kept_key FROM batches INDEXED BY batches_kept_key
		WHERE tenant = ? AND kept_key_version = ? AND id > ? ORDER BY id LIMIT ?`,
	replacePayloadKey: `UPDATE batches SET payload_key = ?, payload_key_version = ? WHERE tenant = ? AND id = ? AND payload_key = ?`,
	replaceKeptKey:    `UPDATE batches SET kept_key = ?, kept_key_version = ? WHERE tenant = ? AND id = ? AND kept_key = ?`,
	replaceSecret: `UPDATE credential_secrets SET sealed = ?, key_version = ?
		WHERE tenant = ? AND app_id = ? AND position = ? AND sealed = ?`,
	countPayloadKeys: `SELECT payload_key_version, count(*) FROM batches INDEXED BY batches_payload_key
		WHERE tenant = ? AND payload_key_version IS NOT NULL GROUP BY payload_key_version`,
	countKeptKeys: `SELECT kept_key_version, count(*) FROM batches INDEXED BY batches_kept_key
		WHERE tenant = ? AND kept_key_version IS NOT NULL GROUP BY kept_key_version`,
	countSecrets: `SELECT key_version, count(*) FROM credential_secrets WHERE tenant = ? GROUP BY key_version`,
	selectPayloadKeyUse: `SELECT EXISTS (SELECT 1 FROM batches INDEXED BY batches_payload_key
		WHERE tenant = ? AND payload_key_version = ?)`,
	selectKeptKeyUse: `SELECT EXISTS (SELECT 1 FROM batches INDEXED BY batches_kept_key
		WHERE tenant = ? AND kept_key_version = ?)`,
	selectSecretUse: `SELECT EXISTS (SELECT 1 FROM credential_secrets WHERE tenant = ? AND key_version = ?)`,
}
